import { setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, test } from 'vitest'

import { bearer, createTestApi } from '../../../test/helpers/api.ts'
import { createTestIssuer } from '../../testing/src/index.ts'
import {
  type AccessToken,
  AuthorizationError,
  check,
  clock,
  createResourceServer,
  customFetch,
  type DecisionEvent,
  optional,
  type Policy,
  role,
  scope,
} from './index.ts'

/** The code of a refusal that is thrown, `undefined` for none; anything else that is thrown fails the test. */
async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (AuthorizationError.is(error)) return error.code
    throw error
  }
}

const kidOf = (token: AccessToken): string => token.header.kid as string

describe('createResourceServer()', () => {
  test('does no I/O and reads no clock', async () => {
    const issuer = await createTestIssuer()
    let read = 0
    createResourceServer({
      issuer: issuer.issuer,
      audience: issuer.audience,
      [customFetch]: issuer.fetch,
      [clock]: () => (read += 1),
    })
    expect([issuer.fetched, read]).toEqual([[], 0])
  })

  test('copies its options: what is changed later has no effect', async () => {
    const issuer = await createTestIssuer()
    const audience = ['https://other.example']
    const options = { issuer: issuer.issuer, audience, [customFetch]: issuer.fetch }
    const api = createResourceServer(options)
    audience.push(issuer.audience)
    expect(await refusalOf(api.verify(await issuer.issue()))).toBe('audience_mismatch')
  })
})

describe('authorize()', () => {
  test('answers a good request with the token and no headers', async () => {
    const { api, issuer } = await createTestApi()
    const result = await api.authorize(bearer(await issuer.issue({ scope: 'a' })), scope('a'))
    expect(result).toMatchObject({ ok: true, headers: [] })
    expect(result.ok && result.auth.claims.sub).toBe('user-1')
  })

  test('answers a refusal as an error and as a complete answer, which are the same', async () => {
    const { api } = await createTestApi()
    const result = await api.authorize(bearer(undefined))
    if (result.ok) throw new Error('accepted')
    const response = new Response(result.response.body, result.response)
    expect(result.response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="https://api.example"')
    expect(await response.json()).toEqual(await result.error.getResponse().json())
  })

  test('varies by Authorization where anonymous requests pass too', async () => {
    const { api, issuer } = await createTestApi()
    const vary = [['Vary', 'Authorization']]
    expect(await api.authorize(bearer(undefined), optional())).toEqual({
      ok: true,
      auth: undefined,
      headers: vary,
    })
    expect(await api.authorize(bearer(await issuer.issue()), optional())).toMatchObject({
      ok: true,
      headers: vary,
    })
    const bad = await api.authorize(bearer(await issuer.issue({ exp: 1 })), optional())
    expect(bad.ok ? [] : bad.response.headers).toContainEqual(vary[0])
  })

  test('rejects on a policy that is none, before it looks at the request', async () => {
    const { api } = await createTestApi()
    await expect(api.authorize(bearer(undefined), 'admin' as unknown as Policy)).rejects.toThrow(TypeError)
  })

  test('rejects on a request of Node as it is, and says what makes one of it', async () => {
    const { api } = await createTestApi()
    const request = { method: 'GET', url: '/', headers: {} } as never
    await expect(api.authorize(request)).rejects.toThrow('use fromNode()')
  })

  test('rejects on a policy which is given and undefined, with and without a context', async () => {
    const { api, issuer } = await createTestApi()
    const request = bearer(await issuer.issue())
    const unset = undefined as unknown as Policy
    await expect(api.authorize(request, unset)).rejects.toThrow(
      new TypeError('Cannot authorize: the policy is undefined'),
    )
    await expect(api.authorize(request, unset, {})).rejects.toThrow(TypeError)
    expect(await api.authorize(request)).toMatchObject({ ok: true })
  })

  test('holds no token and no claim in what it answers (AT-29)', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue({
      sub: 'subject-secret',
      client_id: 'client-secret',
      roles: ['role-secret'],
    })
    const result = await api.authorize(bearer(token), role('admin'))
    const shown = JSON.stringify([
      result,
      result.ok ? {} : result.error.headers,
      result.ok ? '' : result.error.message,
    ])
    expect(shown).toContain('policy_denied')
    for (const part of [...token.split('.'), 'secret']) expect(shown).not.toContain(part)
  })
})

describe('verify()', () => {
  test('returns the token, or throws the refusal', async () => {
    const { api, issuer } = await createTestApi()
    expect((await api.verify(await issuer.issue())).subject).toBe('user-1')
    expect(await refusalOf(api.verify('opaque'))).toBe('token_opaque')
  })

  test.each([undefined, null, 7, {}, ['x']])('throws a TypeError on %j, which is no token', async (value) => {
    const { api } = await createTestApi()
    await expect(api.verify(value as unknown as string)).rejects.toThrow(
      new TypeError('Cannot verify: the token must be a string'),
    )
  })

  test('refuses a bound token, whatever its cnf looks like', async () => {
    const { api, issuer } = await createTestApi()
    for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }, {}, null, 'x', []]) {
      // oxlint-disable-next-line no-await-in-loop -- six
      expect(await refusalOf(api.verify(await issuer.issue({ cnf })))).toBe('binding_not_supported')
    }
  })
})

describe('demand()', () => {
  test('returns the token when the policy grants, and throws the refusal when it does not', async () => {
    const { api, issuer } = await createTestApi()
    const token = await api.verify(await issuer.issue({ scope: 'a' }))
    expect(await api.demand(token, scope('a'))).toBe(token)
    const error: unknown = await api.demand(token, scope('b')).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'missing_scope', status: 403 })
    expect((error as AuthorizationError).headers['WWW-Authenticate']).toContain('scope="b"')
  })

  test('hands the context to checks', async () => {
    const { api, issuer } = await createTestApi()
    const token = await api.verify(await issuer.issue())
    const same = check('same', (auth: AccessToken, context: { sub: string }) => auth.subject === context.sub)
    expect(await refusalOf(api.demand(token, same, { sub: 'user-1' }))).toBeUndefined()
    expect(await refusalOf(api.demand(token, same, { sub: 'user-2' }))).toBe('policy_denied')
  })

  test('refuses nobody at all', async () => {
    const { api } = await createTestApi()
    expect(await refusalOf(api.demand(undefined, scope('a')))).toBe('no_credentials')
  })

  test('judges again whether the token is still valid', async () => {
    const { api, issuer, advance } = await createTestApi()
    const token = await api.verify(await issuer.issue({ scope: 'a' }))
    advance(304)
    expect(await refusalOf(api.demand(token, scope('a')))).toBeUndefined()
    advance(1)
    expect(await refusalOf(api.demand(token, scope('a')))).toBe('token_expired')
  })

  test('judges again whether its key is still trusted', async () => {
    const { api, issuer } = await createTestApi()
    const token = await api.verify(await issuer.issue({ scope: 'a' }))
    api.revokeKey(issuer.issuer, kidOf(token))
    expect(await refusalOf(api.demand(token, scope('a')))).toBe('key_retired')
  })

  test('asks again whether it was revoked', async () => {
    const revoked = new Set<string>()
    const { api, issuer } = await createTestApi({ revoked: ({ claims }) => revoked.has(claims.jti) })
    const token = await api.verify(await issuer.issue({ scope: 'a' }))
    expect(await refusalOf(api.demand(token, scope('a')))).toBeUndefined()
    revoked.add(token.claims.jti)
    expect(await refusalOf(api.demand(token, scope('a')))).toBe('token_revoked')
  })

  test('takes no token but its own', async () => {
    const { api, issuer } = await createTestApi()
    const token = await api.verify(await issuer.issue({ scope: 'a' }))
    const other = api.with({ audience: 'https://other.example' })
    for (const foreign of [{ ...token }, Object.create(token) as AccessToken, null, 'token']) {
      // oxlint-disable-next-line no-await-in-loop -- four
      await expect(api.demand(foreign as AccessToken, scope('a'))).rejects.toThrow(TypeError)
    }
    await expect(other.demand(token, scope('a'))).rejects.toThrow('was not verified by this resource server')
  })

  test('throws on optional, and on no policy', async () => {
    const { api, issuer } = await createTestApi()
    const token = await api.verify(await issuer.issue())
    await expect(api.demand(token, optional() as unknown as Policy)).rejects.toThrow(
      'optional stands at the top',
    )
    await expect(api.demand(token, undefined as unknown as Policy)).rejects.toThrow(TypeError)
  })
})

describe('with()', () => {
  test('is another resource on the same issuers and keys', async () => {
    const { api, issuer } = await createTestApi()
    const other = api.with({ audience: ['https://other.example'], realm: 'other' })
    const [here, there] = [await issuer.issue(), await issuer.issue({ aud: 'https://other.example' })]
    expect(await refusalOf(api.verify(here))).toBeUndefined()
    expect(await refusalOf(other.verify(there))).toBeUndefined()
    expect(await refusalOf(other.verify(here))).toBe('audience_mismatch')
    expect(await refusalOf(api.verify(there))).toBe('audience_mismatch')
    expect(issuer.fetched).toHaveLength(2)
    const refused = await other.authorize(bearer(undefined))
    expect(refused.ok ? undefined : refused.error.headers['WWW-Authenticate']).toBe('Bearer realm="other"')
  })

  test('replaces the audience which an issuer has for itself', async () => {
    const { api, issuer } = await createTestApi({
      issuer: { issuer: 'https://issuer.test', audience: 'https://partners.example' },
    })
    const token = await issuer.issue({ aud: 'https://partners.example' })
    expect(await refusalOf(api.verify(token))).toBeUndefined()
    expect(await refusalOf(api.with({ audience: 'https://other.example' }).verify(token))).toBe(
      'audience_mismatch',
    )
  })

  test('throws on what createResourceServer() would throw on', async () => {
    const { api } = await createTestApi()
    for (const options of [
      undefined,
      null,
      {},
      { audience: [] },
      { audience: 'a', scope: 'b' },
      { audience: 'é' },
    ]) {
      expect(() => api.with(options as unknown as { audience: string })).toThrow(TypeError)
    }
  })

  test('obeys revokeKey() of the other', async () => {
    const { api, issuer } = await createTestApi()
    const other = api.with({ audience: 'https://other.example' })
    const there = await issuer.issue({ aud: 'https://other.example' })
    await issuer.rotate()
    const token = await other.verify(there)
    api.revokeKey(issuer.issuer, kidOf(token))
    expect(await refusalOf(other.verify(there))).toBe('kid_unknown')
  })
})

describe('ready()', () => {
  test('loads the keys once, so that no request waits for them', async () => {
    const { api, issuer } = await createTestApi()
    expect(api.status()).toMatchObject([{ state: 'never_loaded', keys: 0 }])
    await Promise.all([api.ready(), api.ready()])
    expect(issuer.fetched).toHaveLength(2)
    expect(api.status()).toMatchObject([
      { issuer: issuer.issuer, state: 'ready', keys: 1, fetchedAt: 1_800_000_000 },
    ])
    await api.verify(await issuer.issue())
    expect(issuer.fetched).toHaveLength(2)
  })

  test('throws when keys cannot be had; the reason stands in status()', async () => {
    const { api, issuer } = await createTestApi()
    issuer.outage('status')
    expect(await refusalOf(api.ready())).toBe('issuer_unreachable')
    expect(api.status()).toMatchObject([{ state: 'unavailable', failure: 'status_transient' }])
  })

  test('stops waiting when it is aborted, and stops nobody else (MD-10)', async () => {
    const issuer = await createTestIssuer()
    let open: (() => void) | undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const held: typeof fetch = async (...args) => {
      await gate
      return issuer.fetch(...args)
    }
    const api = createResourceServer({
      issuer: issuer.issuer,
      audience: issuer.audience,
      [customFetch]: held,
    })
    const abort = new AbortController()
    const [aborted, other] = [api.ready(abort.signal), api.ready(new AbortController().signal)]
    abort.abort(new RangeError('enough'))
    await expect(aborted).rejects.toThrow(RangeError)
    open?.()
    await expect(other).resolves.toBeUndefined()
  })

  test('does not begin when it is aborted before', async () => {
    const { api, issuer } = await createTestApi()
    await expect(api.ready(AbortSignal.abort(new RangeError('enough')))).rejects.toThrow(RangeError)
    expect(issuer.fetched).toEqual([])
  })
})

describe('snapshot()', () => {
  test('starts another instance without any fetch', async () => {
    const { api, issuer, now } = await createTestApi()
    expect(api.snapshot()).toEqual([])
    await api.ready()
    const fetched = issuer.fetched.length
    const keys = JSON.parse(JSON.stringify(api.snapshot())) as ReturnType<typeof api.snapshot>
    const next = createResourceServer({
      issuer: issuer.issuer,
      audience: issuer.audience,
      keys,
      [customFetch]: issuer.fetch,
      [clock]: now,
    })
    expect(await refusalOf(next.verify(await issuer.issue()))).toBeUndefined()
    expect(issuer.fetched).toHaveLength(fetched)
  })
})

describe('revokeKey()', () => {
  test('distrusts a key with everything it verified, also while it is published', async () => {
    const { api, issuer, advance } = await createTestApi()
    const token = await issuer.issue({ exp: 1_800_003_000 })
    await issuer.rotate()
    api.revokeKey(issuer.issuer, kidOf(await api.verify(token)))
    expect(await refusalOf(api.verify(token))).toBe('kid_unknown')
    advance(1200)
    await api.ready()
    expect(api.status()).toMatchObject([{ state: 'ready', keys: 1 }])
    expect(await refusalOf(api.verify(token))).toBe('kid_unknown')
  })

  test('is no fault of the client while the issuer publishes nothing else', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue()
    api.revokeKey(issuer.issuer, kidOf(await api.verify(token)))
    expect(await refusalOf(api.verify(token))).toBe('issuer_metadata_unusable')
  })

  test('does the same to keys which are part of the configuration', async () => {
    const issuer = await createTestIssuer()
    const api = createResourceServer({
      issuer: { issuer: issuer.issuer, jwks: issuer.jwks },
      audience: issuer.audience,
    })
    const token = await issuer.issue()
    api.revokeKey(issuer.issuer, kidOf(await api.verify(token)))
    expect(await refusalOf(api.verify(token))).toBe('kid_unknown')
    expect(issuer.fetched).toEqual([])
  })

  test('concerns the key of this issuer alone (MD-12)', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue()
    api.revokeKey('https://other.example', kidOf(await api.verify(token)))
    expect(await refusalOf(api.verify(token))).toBeUndefined()
  })
})

describe('purge()', () => {
  test.each([
    ['one issuer', 'https://issuer.test', 4],
    ['all', undefined, 4],
    ['another issuer', 'https://other.example', 2],
  ])('forgets the keys of %s, which are fetched anew when needed', async (_what, purged, fetches) => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue()
    const before = await api.verify(token)
    api.purge(purged)
    const after = await api.verify(token)
    expect(issuer.fetched).toHaveLength(fetches)
    expect(after === before).toBe(fetches === 2)
  })
})

describe('close()', () => {
  test('ends fetching; keys which are known serve on', async () => {
    const { api, issuer, advance } = await createTestApi()
    const token = await issuer.issue({ exp: 1_800_003_000 })
    await api.verify(token)
    await api.close()
    advance(700)
    expect(await refusalOf(api.verify(token))).toBeUndefined()
    expect(issuer.fetched).toHaveLength(2)
  })

  test('of what with() made ends nothing of its parent', async () => {
    const { api, issuer } = await createTestApi()
    {
      await using derived = api.with({ audience: 'https://other.example' })
      expect(derived.status()).toHaveLength(1)
    }
    expect(await refusalOf(api.verify(await issuer.issue()))).toBeUndefined()
  })

  test('is what the end of a block does', async () => {
    const { api, issuer } = await createTestApi()
    {
      await using closing = api
      expect(closing.status()).toHaveLength(1)
    }
    expect(await refusalOf(api.verify(await issuer.issue()))).toBe('issuer_unreachable')
    expect(issuer.fetched).toEqual([])
  })
})

describe('onDecision', () => {
  test('sees every verdict, its issuer only when that was verified, and no token data', async () => {
    const events: DecisionEvent[] = []
    const { api, issuer } = await createTestApi({ onDecision: (event) => void events.push(event) })
    const token = await issuer.issue({ scope: 'a', sub: 'secret' })
    await api.authorize(bearer(token), scope('a'))
    await api.authorize(bearer(token), scope('b'))
    await api.authorize(bearer(undefined), optional())
    await refusalOf(api.verify(`${token}x`))
    const auth = await api.verify(token)
    await refusalOf(api.demand(auth, scope('b')))
    expect(events.map(({ code, issuer: from }) => [code, from])).toEqual([
      ['authorized', issuer.issuer],
      ['missing_scope', undefined],
      ['anonymous', undefined],
      [expect.stringMatching(/signature_invalid|token_malformed/), undefined],
      ['authorized', issuer.issuer],
      ['missing_scope', undefined],
    ])
    expect(events.every(({ ms }) => Number.isFinite(ms) && ms >= 0)).toBe(true)
    expect(JSON.stringify(events)).not.toContain('secret')
  })

  test('costs no request its verdict when it throws or rejects', async () => {
    const fail = (): never => {
      throw new Error('x')
    }
    const rejects = async (): Promise<void> => fail()
    for (const onDecision of [fail, rejects]) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const { api, issuer } = await createTestApi({ onDecision: onDecision as () => void })
      // oxlint-disable-next-line no-await-in-loop -- two
      expect(await refusalOf(api.verify(await issuer.issue()))).toBeUndefined()
    }
    // A rejection nobody handles would be reported by now.
    await sleep(0)
  })
})
