import { afterEach, describe, expect, test, vi } from 'vitest'

import { bearer, createTestApi } from '../../../../test/helpers/api.ts'
import { createTestIssuer } from '../../../testing/src/index.ts'
import {
  type AuthorizeResult,
  createResourceServer,
  customFetch,
  not,
  role,
  type IssuerResolver,
  type ResourceRequest,
  type TrustedIssuer,
} from '../index.ts'

const codeOf = (result: AuthorizeResult<unknown>): string => (result.ok ? 'authorized' : result.error.code)

afterEach(() => {
  vi.useRealTimers()
})

/** A resource server with a resolver, and what came out for one token. */
async function resolved(resolver: IssuerResolver, claims: Record<string, unknown> = {}) {
  const test = await createTestApi({ issuer: resolver })
  return { ...test, result: await test.api.authorize(bearer(await test.issuer.issue(claims))) }
}

describe('a resolver', () => {
  test('is asked for the iss and the request, and its answer is trusted', async () => {
    const asked: [string, ResourceRequest | undefined][] = []
    const { api, issuer, result } = await resolved((iss, request) => {
      asked.push([iss, request])
      return { issuer: iss }
    })
    expect(codeOf(result)).toBe('authorized')
    await api.verify(await issuer.issue())
    expect(asked).toEqual([
      ['https://issuer.test', expect.any(Request)],
      ['https://issuer.test', undefined],
    ])
  })

  test('is not asked about what is no token, nor about a missing or endless iss', async () => {
    let asked = 0
    const { api, issuer } = await createTestApi({
      issuer: () => {
        asked += 1
        return undefined
      },
    })
    for (const token of [
      'opaque',
      await issuer.issue({ iss: undefined }),
      await issuer.issue({ iss: 'x'.repeat(513) }),
      await issuer.issue({}, { typ: 'logout+jwt' }),
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- four
      expect((await api.authorize(bearer(token))).ok).toBe(false)
    }
    expect(asked).toBe(0)
  })

  test.each<[string, IssuerResolver, string]>([
    ['undefined', () => undefined, 'issuer_not_trusted'],
    ['null', (() => null) as unknown as IssuerResolver, 'issuer_not_trusted'],
    ['another issuer', () => ({ issuer: 'https://other.example' }), 'issuer_not_trusted'],
    [
      'a mistake',
      () => ({ issuer: 'https://issuer.test', audiences: 'x' }) as TrustedIssuer,
      'issuer_resolver_failed',
    ],
    ['no object', (() => 'https://issuer.test') as unknown as IssuerResolver, 'issuer_resolver_failed'],
    ['an http issuer', () => ({ issuer: 'http://issuer.test' }), 'issuer_resolver_failed'],
    ['a rejection', () => Promise.reject(new Error('x')), 'issuer_resolver_failed'],
  ])('that answers %s trusts nobody, and nothing is fetched (MD-11)', async (_what, resolver, code) => {
    const { issuer, result } = await resolved(resolver)
    expect(codeOf(result)).toBe(code)
    expect(issuer.fetched).toEqual([])
  })

  test("that fails is nobody's fault but the operator's, who finds the reason in the cause", async () => {
    const fault = new Error('the directory is down')
    const { result } = await resolved(() => {
      throw fault
    })
    expect(result).toMatchObject({ ok: false, error: { status: 503, cause: fault } })
    expect(JSON.stringify(result)).not.toContain('directory')
  })

  test('is waited for five seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let asked: (() => void) | undefined
    const asking = new Promise<void>((resolve) => {
      asked = resolve
    })
    const { api, issuer } = await createTestApi({
      issuer: () => {
        asked?.()
        return new Promise(() => {})
      },
    })
    const result = api.authorize(bearer(await issuer.issue()))
    await asking
    await vi.advanceTimersByTimeAsync(5000)
    expect(codeOf(await result)).toBe('issuer_resolver_failed')
  })

  test.each([
    ['a new object each time', (): TrustedIssuer => ({ issuer: 'https://issuer.test' })],
    [
      'one frozen object',
      (
        (answer: TrustedIssuer) => () =>
          answer
      )(Object.freeze({ issuer: 'https://issuer.test' })),
    ],
  ])('that answers with %s has its keys fetched once and its tokens remembered', async (_what, answer) => {
    const { api, issuer } = await createTestApi({ issuer: answer })
    const token = await issuer.issue()
    const [first, second] = [await api.verify(token), await api.verify(token)]
    expect(second).toBe(first)
    expect(issuer.fetched).toHaveLength(2)
  })

  test('that answers with one object for every iss trusts only the one in it', async () => {
    const answer = Object.freeze({ issuer: 'https://issuer.test' })
    const { api, issuer } = await createTestApi({ issuer: () => answer })
    expect(codeOf(await api.authorize(bearer(await issuer.issue())))).toBe('authorized')
    expect(codeOf(await api.authorize(bearer(await issuer.issue({ iss: 'https://other.example' }))))).toBe(
      'issuer_not_trusted',
    )
  })

  test('that answers by turns with two places of keys has both remembered', async () => {
    const issuer = await createTestIssuer()
    let place = 'blue'
    const api = createResourceServer({
      issuer: () => ({ issuer: issuer.issuer, jwks: new URL(`${issuer.issuer}/${place}`) }),
      audience: issuer.audience,
      [customFetch]: async () => Response.json(issuer.jwks),
    })
    const token = await issuer.issue()
    const tokens: unknown[] = []
    for (place of ['blue', 'green', 'blue', 'green']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const result = await api.authorize(bearer(token))
      tokens.push(result.ok && (await api.demand(result.auth, not(role('x')))) === result.auth)
    }
    expect(tokens).toEqual([true, true, true, true])
  })

  test('that answers with other functions is another configuration', async () => {
    let role = 'a'
    const { api, issuer } = await createTestApi({
      issuer: () => {
        const mine = role
        return { issuer: 'https://issuer.test', authorities: { roles: () => [mine] } }
      },
    })
    const token = await issuer.issue()
    expect([...(await api.verify(token)).roles]).toEqual(['a'])
    role = 'b'
    expect([...(await api.verify(token)).roles]).toEqual(['b'])
  })

  test.each([
    [
      'getters of a class',
      (audience: () => string): TrustedIssuer =>
        new (class {
          issuer = 'https://issuer.test'
          get audience(): string {
            return audience()
          }
        })(),
    ],
    [
      'inherited members',
      (audience: () => string): TrustedIssuer =>
        Object.assign(Object.create({ audience: audience() }) as object, { issuer: 'https://issuer.test' }),
    ],
    [
      'a frozen getter',
      (audience: () => string): TrustedIssuer =>
        Object.freeze({
          issuer: 'https://issuer.test',
          get audience(): string {
            return audience()
          },
        }),
    ],
  ])('whose answer has %s is read anew each time', async (_what, answerOf) => {
    let audience = 'https://api.test'
    const answer = answerOf(() => audience)
    const { api, issuer } = await createTestApi({
      issuer: () => (Object.isFrozen(answer) ? answer : answerOf(() => audience)),
    })
    const token = await issuer.issue({ aud: audience })
    expect(codeOf(await api.authorize(bearer(token)))).toBe('authorized')
    audience = 'https://other.example'
    expect(codeOf(await api.authorize(bearer(token)))).toBe('audience_mismatch')
  })

  test('sends nothing to another origin, unless it is listed (BJ-06)', async () => {
    const issuer = await createTestIssuer()
    const fetched: string[] = []
    const elsewhere: typeof fetch = async (input) => {
      const { href, origin } = new URL(String(input))
      fetched.push(href)
      if (origin === 'https://keys.example') return Response.json(issuer.jwks)
      return Response.json({ issuer: issuer.issuer, jwks_uri: 'https://keys.example/jwks' })
    }
    const create = (jwksOrigins?: readonly string[]) =>
      createResourceServer({
        issuer: () => ({ issuer: issuer.issuer, ...(jwksOrigins === undefined ? {} : { jwksOrigins }) }),
        audience: issuer.audience,
        [customFetch]: elsewhere,
      })
    const token = await issuer.issue()
    expect(codeOf(await create().authorize(bearer(token)))).toBe('issuer_metadata_unusable')
    expect(fetched.filter((url) => url.startsWith('https://keys'))).toEqual([])
    expect(codeOf(await create(['https://keys.example']).authorize(bearer(token)))).toBe('authorized')
  })

  test('has no keys which ready() could load, but shows those it has', async () => {
    const { api, result } = await resolved((iss) => ({ issuer: iss }))
    await expect(api.ready()).resolves.toBeUndefined()
    expect(codeOf(result)).toBe('authorized')
    expect(api.status()).toMatchObject([{ issuer: 'https://issuer.test', state: 'ready' }])
    expect(api.snapshot()).toHaveLength(1)
  })
})

describe('a configured issuer', () => {
  test.each([
    ['jwks', (base: string) => ({ jwks: new URL(`${base}/jwks`) }), ['https://issuer.test/jwks']],
    [
      'metadata',
      (base: string) => ({ metadata: new URL(`${base}/.well-known/openid-configuration`) }),
      ['https://issuer.test/.well-known/openid-configuration', 'https://issuer.test/jwks'],
    ],
  ])('is read where %s says', async (_member, place, fetched) => {
    const { api, issuer } = await createTestApi({
      issuer: { issuer: 'https://issuer.test', ...place('https://issuer.test') },
    })
    expect(codeOf(await api.authorize(bearer(await issuer.issue())))).toBe('authorized')
    expect(issuer.fetched).toEqual(fetched)
  })

  test('with keys in the configuration is never asked, and is always ready', async () => {
    const issuer = await createTestIssuer()
    const jwks = structuredClone(issuer.jwks)
    const api = createResourceServer({
      issuer: { issuer: issuer.issuer, jwks },
      audience: issuer.audience,
      [customFetch]: issuer.fetch,
    })
    jwks.keys.length = 0
    await api.ready()
    expect(codeOf(await api.authorize(bearer(await issuer.issue())))).toBe('authorized')
    expect(codeOf(await api.authorize(bearer(await issuer.issue({}, { kid: 'other' }))))).toBe('kid_unknown')
    expect(api.status()).toEqual([{ issuer: issuer.issuer, state: 'ready', keys: 1 }])
    expect(api.snapshot()).toEqual([])
    api.purge()
    await api.close()
    expect(codeOf(await api.authorize(bearer(await issuer.issue())))).toBe('authorized')
    expect(issuer.fetched).toEqual([])
  })

  test('with keys of another algorithm has none for the token (JO-07)', async () => {
    const issuer = await createTestIssuer()
    const rsa = await createTestIssuer({ alg: 'RS256' })
    const api = createResourceServer({
      issuer: { issuer: issuer.issuer, jwks: rsa.jwks },
      audience: issuer.audience,
    })
    expect(codeOf(await api.authorize(bearer(await issuer.issue({}, { kid: undefined }))))).toBe(
      'key_unsuitable',
    )
    const kid = rsa.jwks.keys[0]?.kid
    expect(codeOf(await api.authorize(bearer(await issuer.issue({}, { kid }))))).toBe('key_unsuitable')
  })
})
