import {
  type AccessToken,
  AuthorizationError,
  type AuthorizeResult,
  optional,
  type ResourceServer,
} from '@atjwt/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { EXPECTED, EXPECTED_OF_LONG } from './expected-codes.ts'
import {
  CASES,
  CONFIGURED_URLS,
  CORPUS,
  discoveringServer,
  type HostileCase,
  NEEDS_PROOFS,
  policyOf,
  REQUEST_CASES,
  setupOf,
  staticServer,
  TOKEN_CASES,
} from './hostile.ts'
import { everythingOf, leaksOf, recordOutput, secretsOf } from './leaks.ts'
import { expectedAtRequest, expectRefusal } from './refusal.ts'

const output = recordOutput()
const unhandled: unknown[] = []
const note = (reason: unknown): void => {
  unhandled.push(reason)
}
beforeAll(() => {
  process.on('unhandledRejection', note)
  process.on('uncaughtException', note)
})
afterAll(() => {
  output.restore()
  process.off('unhandledRejection', note)
  process.off('uncaughtException', note)
})

/** What came out of `verify`; anything that is not ours is thrown on. */
async function verified(api: ResourceServer, token: string): Promise<AccessToken | AuthorizationError> {
  try {
    return await api.verify(token)
  } catch (error) {
    if (error instanceof AuthorizationError) return error
    throw error
  }
}

function named({ code, claim }: AuthorizationError): string {
  return claim === undefined ? code : `${code} ${claim}`
}

/** A request whose field holds exactly these octets; `Request` would refuse or trim some. */
function authorize(api: ResourceServer, one: HostileCase): Promise<AuthorizeResult<AccessToken | undefined>> {
  const values =
    one.request === undefined
      ? [`Bearer ${one.token}`]
      : one.request.headers
          .filter(([name]) => name.toLowerCase() === 'authorization')
          .map(([, value]) => value)
  const request = {
    method: one.request?.method ?? 'GET',
    url: one.request?.url ?? 'https://api.example/things',
    headers: {
      // As `Headers` joins several fields of one name.
      get: (name: string) =>
        name.toLowerCase() === 'authorization' && values.length > 0 ? values.join(', ') : null,
    },
  }
  const policy = policyOf(one)
  return policy === undefined ? api.authorize(request) : api.authorize(request, policy)
}

describe('corpus', () => {
  test('every case is run or counted as waiting for proofs of possession, and has an expectation', () => {
    expect(CORPUS.cases).toHaveLength(279)
    expect(NEEDS_PROOFS).toHaveLength(24)
    expect(CASES).toHaveLength(TOKEN_CASES.length + REQUEST_CASES.length)
    expect(CASES.map(({ id }) => id).toSorted()).toEqual(Object.keys(EXPECTED).toSorted())
  })

  test('what is expected is what the corpus wants, wherever it wants one thing', () => {
    const decided = CASES.filter(({ expect: { outcome } }) => outcome !== 'either')
    expect(decided).toHaveLength(CASES.length - 2)
    expect(decided.filter(({ id }) => EXPECTED[id] === 'accepted').map(({ id }) => id)).toEqual(
      decided.filter(({ expect: { outcome } }) => outcome === 'accept').map(({ id }) => id),
    )
  })
})

// Below the policy a token of a guard case is good: what its guard makes of it is asked of authorize().
const BY_VERIFY = TOKEN_CASES.filter(({ kind }) => kind === 'token')

describe.each([
  [
    'keys are configured',
    (one: HostileCase) => ({ api: staticServer(setupOf(one)), fetched: [] as string[] }),
  ],
  ['keys are discovered', (one: HostileCase) => discoveringServer(setupOf(one))],
] as const)('when %s', (_name, server) => {
  test.each(BY_VERIFY.filter(({ id }) => EXPECTED[id] === 'accepted'))(
    'verify() accepts $id: $title',
    async (one) => {
      const { api, fetched } = server(one)
      const token = await verified(api, one.token)
      expect(token).not.toBeInstanceOf(AuthorizationError)
      expect(CONFIGURED_URLS).toEqual(expect.arrayContaining(fetched))
    },
  )

  test.each(BY_VERIFY.filter(({ id }) => EXPECTED[id] !== 'accepted'))(
    'verify() refuses $id: $title',
    async (one) => {
      const { api, fetched } = server(one)
      const error = await verified(api, one.token)
      if (!(error instanceof AuthorizationError)) throw new Error('was accepted')
      expect(named(error)).toBe(EXPECTED[one.id])
      const { headers, body } = error.answer
      expectRefusal({ status: error.status, headers, body }, EXPECTED[one.id] as never, {
        status: 401,
        error: 'invalid_token',
      })
      const shown = [
        everythingOf(error),
        JSON.stringify(headers),
        JSON.stringify(error.headers),
        body,
        ...fetched,
      ]
      expect(leaksOf(one, shown.join('\n'))).toEqual([])
      const response = error.getResponse()
      expect(response.status).toBe(401)
      expect(await response.text()).toBe(body)
      // Metadata, keys, and once more for a kid which nobody knows.
      expect(fetched.length).toBeLessThanOrEqual(3)
      expect(CONFIGURED_URLS).toEqual(expect.arrayContaining(fetched))
    },
  )

  test.each(CASES)('authorize() gives the right verdict on $id: $title', async (one) => {
    const { api, fetched } = server(one)
    const result = await authorize(api, one)
    const { expected, wire } = expectedAtRequest(one, EXPECTED[one.id] as never)
    expect(CONFIGURED_URLS).toEqual(expect.arrayContaining(fetched))
    if (result.ok) {
      expect(expected).toBe('accepted')
      expect(result.headers).toEqual([])
      return
    }
    expect(named(result.error)).toBe(expected)
    expectRefusal(result.response, expected, wire)
    const shown = [everythingOf(result.error), JSON.stringify(result.response), ...fetched]
    expect(leaksOf(one, shown.join('\n'))).toEqual([])
  })
})

describe('under optional()', () => {
  test.each(BY_VERIFY)('authorize() never takes $id for no credentials: $title', async (one) => {
    const values = { get: (name: string) => (name === 'authorization' ? `Bearer ${one.token}` : null) }
    const request = { method: 'GET', url: 'https://api.example/things', headers: values }
    const result = await staticServer(setupOf(one)).authorize(request, optional())
    const { expected, wire } = expectedAtRequest(one, EXPECTED[one.id] as never)
    if (result.ok) {
      expect(expected).toBe('accepted')
      expect(result.auth?.issuer).toBe(CORPUS.issuer)
      return
    }
    expect(named(result.error)).toBe(expected)
    expectRefusal(result.response, expected, wire)
    expect(result.response.headers).toContainEqual(['Vary', 'Authorization'])
  })
})

test.each(TOKEN_CASES.filter(({ id }) => EXPECTED_OF_LONG[id] !== undefined))(
  'verify() refuses $id for what it is when long tokens are allowed',
  async (one) => {
    const error = await verified(staticServer(setupOf(one), { maxTokenLength: 65_536 }), one.token)
    expect(named(error as AuthorizationError)).toBe(EXPECTED_OF_LONG[one.id])
  },
)

/** The shortest of some runs: the others waited for something else. */
async function fastest(run: () => Promise<unknown>): Promise<number> {
  let best = Infinity
  for (let i = 0; i < 8; i += 1) {
    const started = performance.now()
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so that each is measured alone
    await run()
    best = Math.min(best, performance.now() - started)
  }
  return best
}

type Check = (one: HostileCase & { readonly token: string }) => Promise<void>
const takesLessThan =
  (milliseconds: number): Check =>
  async (one) => {
    const api = staticServer(setupOf(one))
    expect(await fastest(() => verified(api, one.token))).toBeLessThan(milliseconds)
  }
const fetchesOnlyConfigured: Check = async (one) => {
  const { api, fetched } = discoveringServer(setupOf(one))
  await verified(api, one.token)
  expect(new Set(fetched)).toEqual(new Set(CONFIGURED_URLS))
}
const leavesPrototypesAlone: Check = async (one) => {
  const before = Object.getOwnPropertyNames(Object.prototype)
  const token = (await verified(staticServer(setupOf(one)), one.token)) as AccessToken
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
  expect(({} as Record<string, unknown>)['roles']).toBeUndefined()
  expect(Object.getPrototypeOf(token.claims)).toBeNull()
  expect(token.claims['roles']).toBeUndefined()
  expect(token.claims['constructor'] === undefined || Object.hasOwn(token.claims, 'constructor')).toBe(true)
}

/** What the corpus wants beside a verdict. */
const CHECKS: Readonly<Record<string, Check>> = {
  'no-outbound-except-configured': fetchesOnlyConfigured,
  'effective scope is exactly "read write"': async (one) => {
    const token = (await verified(staticServer(setupOf(one)), one.token)) as AccessToken
    expect([...token.scopes]).toEqual(['read', 'write'])
  },
  'no prototype change': leavesPrototypesAlone,
  '({}).roles === undefined': leavesPrototypesAlone,
  'roles empty': async (one) => {
    const token = (await verified(staticServer(setupOf(one)), one.token)) as AccessToken
    expect([token.roles.size, token.groups.size, token.entitlements.size]).toEqual([0, 0, 0])
  },
  'at most 1 JWKS refetch per cooldown': async (one) => {
    const { api, fetched } = discoveringServer(setupOf(one))
    await api.ready()
    const before = fetched.length
    // The same kid is asked for once; the budget for other kids is the bucket's.
    for (let i = 0; i < 50; i += 1) {
      // oxlint-disable-next-line no-await-in-loop -- in sequence: concurrent ones share a fetch anyhow
      await verified(api, one.token)
    }
    expect(fetched.length - before).toBe(1)
  },
  'kid never reaches a file, query, URL or log line unescaped': async (one) => {
    const { api, fetched } = discoveringServer(setupOf(one))
    const events: unknown[] = []
    await verified(api, one.token)
    await verified(staticServer(setupOf(one), { onIssuerEvent: (event) => events.push(event) }), one.token)
    expect(fetched).toHaveLength(3)
    expect(CONFIGURED_URLS).toEqual(expect.arrayContaining(fetched))
    const { kid } = JSON.parse(Buffer.from(one.token.split('.')[0] as string, 'base64url').toString()) as {
      kid: string
    }
    expect(JSON.stringify([fetched, events, output.text()])).not.toContain(kid)
  },
  'under 5 ms': takesLessThan(5),
  'under 20 ms': takesLessThan(20),
  'under 1 MB extra memory': async (one) => {
    const api = staticServer(setupOf(one))
    await verified(api, one.token)
    const before = process.memoryUsage()
    await verified(api, one.token)
    const after = process.memoryUsage()
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(1024 * 1024)
  },
  'no exception escapes': async (one) => {
    await expect(verified(staticServer(setupOf(one)), one.token)).resolves.toBeInstanceOf(AuthorizationError)
  },
  // Nothing of it was decoded: the header is not even looked at.
  'size cap applies before parsing': async (one) => {
    const error = await verified(staticServer(setupOf(one)), `${'!'.repeat(20_000)}${one.token}`)
    expect(named(error as AuthorizationError)).toBe('token_too_large')
    expect(EXPECTED[one.id]).toBe('token_too_large')
  },
}

describe('what the corpus wants beside the verdict', () => {
  const wants = TOKEN_CASES.flatMap((one) => (one.must ?? []).map((must) => ({ one, id: one.id, must })))
  test('is wanted of cases that are run', () => {
    expect(wants).toHaveLength(CASES.flatMap(({ must }) => must ?? []).length)
    expect(wants.length).toBeGreaterThan(20)
  })

  test.each(wants)('$id: $must', async ({ one, must }) => {
    const check = CHECKS[must]
    if (check === undefined) throw new Error('nobody checks it')
    await check(one)
    expect.hasAssertions()
  })
})

describe('leaks', () => {
  test('the scan finds a piece of the token, and a claim, where they are', () => {
    const one = TOKEN_CASES.find(({ id }) => id === 'S-exp-002') as HostileCase & { token: string }
    expect(leaksOf(one, `error: ${one.token.slice(40, 53)}`)).not.toEqual([])
    expect(secretsOf(one)).toContain('client-1')
    expect(leaksOf(one, 'the client client-1')).toEqual(['client-1'])
    expect(leaksOf(one, `the audience ${CORPUS.audience}`)).toEqual([])
  })

  test('nothing was written to the console, and no promise was left to fail', () => {
    expect(output.text()).toBe('')
    expect(unhandled).toEqual([])
  })
})
