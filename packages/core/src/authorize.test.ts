import { afterEach, describe, expect, test, vi } from 'vitest'

import { bearer, createTestApi } from '../../../test/helpers/api.ts'
import { createTestIssuer } from '../../testing/src/index.ts'
import type { Verification } from './access-token/access-token.ts'
import { type AuthorizationContext, authorizeRequest, demandOf } from './authorize.ts'
import {
  type AccessToken,
  AuthorizationError,
  type AuthorizeResult,
  check,
  clock,
  createResourceServer,
  customFetch,
  type Deviations,
  fromNode,
  optional,
  type ResourceServerOptions,
  role,
  scope,
  type TrustedIssuer,
} from './index.ts'
import type { Trust } from './issuer/trust.ts'
import type { Root } from './policy/policy.ts'
import { remember } from './request-memory.ts'

const codeOf = (result: AuthorizeResult<unknown>): string => (result.ok ? 'authorized' : result.error.code)
const withField = (authorization: string): Request =>
  new Request('https://api.example/', { headers: { authorization } })

/** The token, or the code of the refusal that is thrown; anything else that is thrown fails the test. */
async function tokenOrCode(work: Promise<AccessToken>): Promise<AccessToken | string> {
  try {
    return await work
  } catch (error) {
    if (AuthorizationError.is(error)) return error.code
    throw error
  }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('authorize()', () => {
  test.each([
    ['no credentials (BT-10)', undefined, 'no_credentials'],
    ['another scheme (BT-11)', 'Basic dTpw', 'no_credentials'],
    ['a malformed field (BT-03)', 'Bearer', 'credentials_malformed'],
    ['an opaque token', 'Bearer opaque', 'token_opaque'],
  ])('refuses %s', async (_what, field, code) => {
    const { api } = await createTestApi()
    const request = field === undefined ? bearer(undefined) : withField(field)
    expect(codeOf(await api.authorize(request, scope('a')))).toBe(code)
  })

  test.each(['?access_token=', '#access_token='])(
    'reads no token from the URL (BT-08): %s',
    async (where) => {
      const { api, issuer } = await createTestApi()
      const token = await issuer.issue()
      expect(codeOf(await api.authorize(new Request(`https://api.example/${where}${token}`)))).toBe(
        'no_credentials',
      )
    },
  )

  test.each(['proxy-authorization', 'x-access-token', 'cookie'])(
    'reads no token from %s (BT-25)',
    async (name) => {
      const { api, issuer } = await createTestApi()
      const headers = { [name]: `Bearer ${await issuer.issue()}` }
      const request = {
        method: 'GET',
        url: 'https://api.example/',
        headers: { get: (field: string) => headers[field.toLowerCase()] ?? null },
      }
      expect(codeOf(await api.authorize(request))).toBe('no_credentials')
    },
  )

  test('takes a token by the header and looks at no other', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue()
    const request = new Request('https://api.example/?access_token=other', {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(codeOf(await api.authorize(request))).toBe('authorized')
  })

  test('judges the policy after the token: a stranger learns nothing about it', async () => {
    const { api, issuer } = await createTestApi()
    let ran = 0
    const spy = check('spy', () => (ran += 1) > 0)
    expect(codeOf(await api.authorize(bearer(await issuer.issue({ exp: 1 })), spy))).toBe('token_expired')
    expect(ran).toBe(0)
  })

  test.each([
    ['no credentials', undefined, 'anonymous'],
    ['another scheme', 'Basic dTpw', 'anonymous'],
    ['a malformed field', 'Bearer a b', 'credentials_malformed'],
    ['a bad token', 'Bearer a.b.c', 'token_malformed'],
  ])('with an optional policy judges %s (BT-24)', async (_what, field, outcome) => {
    const { api } = await createTestApi()
    const request = field === undefined ? bearer(undefined) : withField(field)
    const result = await api.authorize(request, optional(scope('a')))
    expect(result.ok && result.auth === undefined ? 'anonymous' : codeOf(result)).toBe(outcome)
  })

  test('with an optional policy holds a good token to what is inside (BT-24)', async () => {
    const { api, issuer } = await createTestApi()
    const request = bearer(await issuer.issue({ scope: 'a' }))
    expect(codeOf(await api.authorize(request, optional()))).toBe('authorized')
    expect(codeOf(await api.authorize(request, optional(scope('a'))))).toBe('authorized')
    expect(codeOf(await api.authorize(request, optional(scope('b'))))).toBe('missing_scope')
    expect(codeOf(await api.authorize(request, optional(role('b'))))).toBe('policy_denied')
  })

  test('rejects with what a check throws, at once or later', async () => {
    const { api, issuer } = await createTestApi()
    const request = bearer(await issuer.issue())
    const fault = new RangeError('x')
    const throwing = check('throwing', () => {
      throw fault
    })
    const rejecting = check('rejecting', async () => {
      throw fault
    })
    await expect(api.authorize(request, throwing)).rejects.toBe(fault)
    await expect(api.authorize(request, rejecting)).rejects.toBe(fault)
  })
})

describe('revoked', () => {
  test.each<[string, unknown, string]>([
    ['false', false, 'authorized'],
    ['true', true, 'token_revoked'],
    ['undefined', undefined, 'revocation_unavailable'],
    ['0', 0, 'revocation_unavailable'],
    ['"false"', 'false', 'revocation_unavailable'],
    ['null', null, 'revocation_unavailable'],
  ])('says %s, at once or later', async (_what, answer, code) => {
    for (const revoked of [() => answer, async () => answer]) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const { api, issuer } = await createTestApi({ revoked: revoked as () => boolean })
      // oxlint-disable-next-line no-await-in-loop -- two
      expect(codeOf(await api.authorize(bearer(await issuer.issue())))).toBe(code)
    }
  })

  test('lets nobody in when it throws, and keeps the reason for the operator', async () => {
    const fault = new Error('the store is down')
    const throws = (): never => {
      throw fault
    }
    for (const revoked of [throws, async () => throws()]) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const { api, issuer } = await createTestApi({ revoked })
      // oxlint-disable-next-line no-await-in-loop -- two
      const result = await api.authorize(bearer(await issuer.issue()))
      expect(result).toMatchObject({
        ok: false,
        error: { code: 'revocation_unavailable', status: 503, cause: fault },
      })
      expect(JSON.stringify(result)).not.toContain('is down')
    }
  })

  test('is waited for a second', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let asked: (() => void) | undefined
    const asking = new Promise<void>((resolve) => {
      asked = resolve
    })
    const { api, issuer } = await createTestApi({
      revoked: () => {
        asked?.()
        return new Promise(() => {})
      },
    })
    const result = api.authorize(bearer(await issuer.issue()))
    await asking
    await vi.advanceTimersByTimeAsync(1000)
    expect(codeOf(await result)).toBe('revocation_unavailable')
  })

  test('is asked about every request, also about tokens which are remembered', async () => {
    const asked: unknown[] = []
    const { api, issuer } = await createTestApi({
      revoked: (token) => {
        asked.push(token)
        return asked.length > 2
      },
    })
    const token = await issuer.issue()
    const codes: unknown[] = []
    for (let request = 0; request < 3; request += 1) {
      // oxlint-disable-next-line no-await-in-loop -- the third is the one that is revoked
      codes.push(codeOf(await api.authorize(bearer(token))))
    }
    expect(codes).toEqual(['authorized', 'authorized', 'token_revoked'])
  })

  test('is not asked about a token which is refused anyway', async () => {
    let asked = 0
    const { api, issuer } = await createTestApi({ revoked: () => (asked += 1) > 0 })
    await api.authorize(bearer(await issuer.issue({ exp: 1 })))
    await api.authorize(bearer(await issuer.issue({ cnf: { jkt: 'x' } })))
    await api.authorize(bearer(undefined), optional())
    expect(asked).toBe(0)
  })
})

describe('what is no verdict', () => {
  const now = 1_800_000_000
  const trust = { issuer: 'https://as.example', keys: { usable: () => true } } as unknown as Trust
  // It looks like one as far as it is looked at before.
  const nothing = { trust, key: { retired: false }, exp: now + 60, iat: now, token: {} } as Verification
  const context = {
    verifier: {},
    issuers: { pick: () => trust },
    times: { clockTolerance: 0, aheadTolerance: 0, maxTokenLifetime: 60 },
    clock: () => now,
  } as unknown as AuthorizationContext
  const policy = scope('a') as Root

  test('lets nobody in, but throws', () => {
    expect(() => demandOf(nothing, policy, undefined, context)).toThrow('is no verdict')
    const request = bearer('token')
    remember(request, context.verifier, 'Bearer token', nothing)
    expect(() => authorizeRequest(request, undefined, undefined, context)).toThrow('is no verdict')
    expect(() => authorizeRequest(request, policy, undefined, context)).toThrow('is no verdict')
  })

  test('lets nobody in, but rejects, when it comes later', async () => {
    const request = bearer('token')
    remember(request, context.verifier, 'Bearer token', Promise.resolve(nothing))
    await expect(authorizeRequest(request, undefined, undefined, context)).rejects.toThrow('is no verdict')
  })
})

describe('the same Node request', () => {
  const stages: [string, Partial<ResourceServerOptions>][] = [
    ['without a cache', { cache: false }],
    ['with revoked', { revoked: () => false }],
    ['with revoked which takes its time', { revoked: async () => false }],
    ['without a cache and with revoked', { cache: false, revoked: () => false }],
  ]

  test.each(stages)('is refused once its token has expired, %s', async (_what, options) => {
    const { api, issuer, advance } = await createTestApi(options)
    const req = { headers: { authorization: `Bearer ${await issuer.issue()}` } }
    const codes: string[] = []
    for (const seconds of [0, 304, 1, 1000]) {
      advance(seconds)
      // oxlint-disable-next-line no-await-in-loop -- time passes
      codes.push(codeOf(await api.authorize(fromNode(req))))
    }
    expect(codes).toEqual(['authorized', 'authorized', 'token_expired', 'token_expired'])
  })

  test.each(stages)('is refused once the key of its token is distrusted, %s', async (_what, options) => {
    const { api, issuer } = await createTestApi(options)
    await issuer.rotate()
    const token = await issuer.issue()
    await issuer.rotate()
    const req = { headers: { authorization: `Bearer ${token}` } }
    const first = await api.authorize(fromNode(req))
    if (!first.ok) throw first.error
    api.revokeKey(issuer.issuer, first.auth.header.kid as string)
    expect(codeOf(await api.authorize(fromNode(req)))).toBe('kid_unknown')
  })

  test('is verified anew under a key which came back, and then remembered again', async () => {
    const asked: string[] = []
    const { api, issuer } = await createTestApi({
      revoked: ({ claims }) => {
        asked.push(claims.jti)
        return false
      },
    })
    const req = { headers: { authorization: `Bearer ${await issuer.issue({ jti: 'a' })}` } }
    for (const purges of [false, false, true, false, false]) {
      if (purges) api.purge()
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(codeOf(await api.authorize(fromNode(req)))).toBe('authorized')
    }
    expect(asked).toEqual(['a', 'a'])
  })
})

describe('demand()', () => {
  const other = createTestIssuer()

  test.each<[string, (before: TrustedIssuer) => Promise<TrustedIssuer | undefined>, string]>([
    ['allows no roles any more', async (before) => ({ ...before, allow: { roles: [] } }), 'policy_denied'],
    [
      'writes roles elsewhere',
      async (before) => ({ ...before, authorities: { roles: () => [] } }),
      'policy_denied',
    ],
    [
      'has other algorithms',
      async (before) => ({ ...before, algorithms: ['RS256'] }),
      'algorithm_not_allowed',
    ],
    [
      'has another audience',
      async (before) => ({ ...before, audience: 'https://other.example' }),
      'audience_mismatch',
    ],
    ['has other keys', async (before) => ({ ...before, jwks: (await other).jwks }), 'key_retired'],
    [
      'has its keys elsewhere',
      async ({ issuer }) => ({ issuer, jwks: new URL('https://issuer.test/other') }),
      'key_retired',
    ],
    ['is trusted no more', async () => undefined, 'issuer_not_trusted'],
  ])('refuses a token whose issuer %s', async (_what, change, code) => {
    const issuer = await createTestIssuer({ clock: () => 1_800_000_000 })
    const before: TrustedIssuer = { issuer: issuer.issuer, jwks: issuer.jwks }
    let answer: TrustedIssuer | undefined = before
    const { api } = await createTestApi({ issuer: () => answer })
    const token = await api.verify(await issuer.issue({ roles: ['admin'] }))
    expect(await tokenOrCode(api.demand(token, role('admin')))).toBe(token)
    answer = await change(before)
    expect(await tokenOrCode(api.demand(token, role('admin')))).toBe(code)
  })

  test.each(['JWT', undefined])('refuses typ %j once its issuer has no such deviation', async (typ) => {
    let deviations: Deviations = { typ: ['JWT', null] }
    const { api, issuer } = await createTestApi({ issuer: (iss) => ({ issuer: iss, deviations }) })
    const token = await api.verify(await issuer.issue({ scope: 'a' }, { typ }))
    expect(await tokenOrCode(api.demand(token, scope('a')))).toBe(token)
    deviations = {}
    expect(await tokenOrCode(api.demand(token, scope('a')))).toBe('type_mismatch')
  })

  test.each(['at+jwt', 'application/AT+JWT'])(
    'knows typ %s also when its issuer is trusted otherwise meanwhile',
    async (typ) => {
      const { api, issuer } = await createTestApi({
        issuer: (iss) => ({ issuer: iss, authorities: { roles: () => ['admin'] } }),
        algorithms: ['EdDSA', 'ES256'],
      })
      const token = await api.verify(await issuer.issue({}, { typ }))
      expect(await tokenOrCode(api.demand(token, role('admin')))).toMatchObject({ subject: 'user-1' })
    },
  )

  test('returns the token as its issuer is trusted now, which can be demanded again', async () => {
    const roles = { allow: ['admin', 'clerk'] }
    const { api, issuer } = await createTestApi({
      // Made for each answer, so no two of them are known to be equal.
      issuer: (iss) => ({
        issuer: iss,
        allow: { roles: roles.allow },
        authorities: { roles: ({ functions }) => functions as string[] },
      }),
    })
    const token = await api.verify(await issuer.issue({ functions: ['admin', 'clerk'] }))
    roles.allow = ['clerk']
    const demanded = await api.demand(token, role('clerk'))
    expect([[...token.roles], [...demanded.roles]]).toEqual([['admin', 'clerk'], ['clerk']])
    expect(demanded.claims).toBe(token.claims)
    expect(demanded.header).toBe(token.header)
    roles.allow = ['admin']
    expect(await tokenOrCode(api.demand(demanded, role('admin')))).toMatchObject({ subject: 'user-1' })
    expect(await tokenOrCode(api.demand(demanded, role('clerk')))).toBe('policy_denied')
  })

  test('shows the token as its issuer is trusted now to checks and to revoked', async () => {
    let allow = ['admin']
    const seen: string[][] = []
    const { api, issuer } = await createTestApi({
      issuer: (iss) => ({ issuer: iss, allow: { roles: allow } }),
      revoked: ({ roles }) => {
        seen.push([...roles])
        return false
      },
    })
    const token = await api.verify(await issuer.issue({ roles: ['admin'] }))
    allow = []
    await api.demand(
      token,
      check('seen', ({ roles }: AccessToken) => {
        seen.push([...roles])
        return true
      }),
    )
    expect(seen).toEqual([['admin'], [], []])
  })

  test.each(['configured', 'of a resolver'])(
    'does not wait for a refresh while the keys of an issuer %s may be served',
    async (kind) => {
      const issuer = await createTestIssuer({ clock: () => 1_800_000_000 })
      const trusted = Object.freeze({ issuer: issuer.issuer })
      let hangs = false
      const { api, advance } = await createTestApi({
        issuer: kind === 'configured' ? trusted : () => trusted,
        [customFetch]: (...args) => (hangs ? new Promise(() => {}) : issuer.fetch(...args)),
      })
      const token = await api.verify(await issuer.issue({ scope: 'a', exp: 1_800_003_000 }))
      hangs = true
      advance(1000)
      expect(await tokenOrCode(api.demand(token, scope('a')))).toBe(token)
      expect(api.status()).toMatchObject([{ state: 'stale' }])
      await api.close()
    },
  )

  test('judges exp when it has its keys, not when it began to wait for them', async () => {
    let time = 1_800_000_000
    let slow = 0
    const issuer = await createTestIssuer()
    const api = createResourceServer({
      issuer: issuer.issuer,
      audience: issuer.audience,
      maxStale: 0,
      clockTolerance: 0,
      [clock]: () => time,
      [customFetch]: (...args) => {
        time += slow
        return issuer.fetch(...args)
      },
    })
    const token = await api.verify(await issuer.issue({ scope: 'a', iat: time, exp: time + 1002 }))
    time += 1000
    slow = 4
    expect(await tokenOrCode(api.demand(token, scope('a')))).toBe('token_expired')
  })
})
