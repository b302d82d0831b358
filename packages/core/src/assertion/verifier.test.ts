import { CompactSign, exportJWK, generateKeyPair } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'

import {
  allowInsecureRequests,
  allowTokenEndpointAudience,
  type AssertionIssuerResolver,
  type Client,
  type ClientVerifier,
  clock,
  createAssertionVerifier,
  customFetch,
  type GrantVerifier,
  memoryReplayStore,
  type TrustedAssertionIssuer,
} from './index.ts'

const NOW = 1_700_000_000
const SERVER = 'https://as.example'
const ISSUER = 'https://partner.example'

let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
let jwks: { keys: object[] }
beforeAll(async () => {
  const pair = await generateKeyPair('ES256')
  privateKey = pair.privateKey
  jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256', kid: 'k1' }] }
})

let count = 0
const sign = (claims: object): Promise<string> =>
  new CompactSign(
    new TextEncoder().encode(
      JSON.stringify({ aud: SERVER, iat: NOW, exp: NOW + 60, jti: `a${(count += 1)}`, ...claims }),
    ),
  )
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .sign(privateKey)

/** Answers by URL; whatever it does not know is 404. */
function site(answers: Readonly<Record<string, () => unknown>>) {
  const fetched: string[] = []
  const answer: typeof fetch = async (input) => {
    const url = String(input)
    fetched.push(url)
    const made = answers[url]?.()
    if (made instanceof Error) throw made
    return made === undefined ? new Response('not found', { status: 404 }) : Response.json(made)
  }
  return { fetched, [customFetch]: answer }
}

function clients(options: object = {}): ClientVerifier {
  return createAssertionVerifier({
    purpose: 'client-authentication',
    issuer: SERVER,
    clients: (client_id) => ({ client_id, jwks }) as Client,
    replay: memoryReplayStore({ [clock]: () => NOW }),
    [clock]: () => NOW,
    ...options,
  })
}

function grants(options: object = {}): GrantVerifier {
  return createAssertionVerifier({
    purpose: 'authorization-grant',
    issuer: SERVER,
    trusted: { issuer: ISSUER },
    replay: memoryReplayStore({ [clock]: () => NOW }),
    [clock]: () => NOW,
    ...options,
  })
}

const byClient = async (options: object): Promise<string> => {
  const result = await clients(options).verify(await sign({ iss: 'c', sub: 'c' }))
  return result.ok ? 'ok' : result.error.code
}

describe('keys of a client', () => {
  const at = (url: string) => ({ clients: (client_id: string) => ({ client_id, jwks: new URL(url) }) })

  test('are fetched from its URL, once for many assertions', async () => {
    const { fetched, ...web } = site({ 'https://c.example/jwks': () => jwks })
    const verifier = clients({ ...web, ...at('https://c.example/jwks') })
    const assertions = await Promise.all(Array.from({ length: 5 }, () => sign({ iss: 'c', sub: 'c' })))
    const results = await Promise.all(assertions.map((assertion) => verifier.verify(assertion)))
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true, true, true])
    expect(fetched).toEqual(['https://c.example/jwks'])
    expect(verifier.status()).toMatchObject([{ issuer: 'c', state: 'ready', keys: 1 }])
    verifier.close()
  })

  test.for([
    'http://c.example/jwks',
    'https://127.0.0.1/jwks',
    'https://169.254.169.254/',
    'https://[::1]/',
    'https://db/',
  ])('are not fetched from %s', async (url) => {
    const { fetched, ...web } = site({ [url]: () => jwks })
    expect(await byClient({ ...web, ...at(url) })).toBe('client_misconfigured')
    expect(fetched).toEqual([])
  })

  test('are fetched over http from an origin which is named', async () => {
    const { [customFetch]: answer } = site({ 'http://127.0.0.1:8080/jwks': () => jwks })
    const named = { [customFetch]: answer, [allowInsecureRequests]: ['http://127.0.0.1:8080'] }
    expect(await byClient({ ...named, ...at('http://127.0.0.1:8080/jwks') })).toBe('ok')
  })

  test('are not fetched after close(), also of a client which was never met before', async () => {
    const { fetched, ...web } = site({ 'https://c.example/jwks': () => jwks })
    const verifier = clients({ ...web, ...at('https://c.example/jwks') })
    verifier.close()
    const result = await verifier.verify(await sign({ iss: 'c', sub: 'c' }))
    expect(!result.ok && result.error.code).toBe('issuer_unreachable')
    expect(fetched).toEqual([])
  })

  test('are fetched once for one forgery, also under a name which they do not have', async () => {
    const url = 'https://c.example/jwks'
    const { privateKey: wrongKey } = await generateKeyPair('ES256')
    for (const header of [
      { alg: 'ES256', kid: 'k1' },
      { alg: 'ES256' },
      { alg: 'ES256', kid: 'k2' },
      { alg: 'ES384', kid: 'k1' },
    ]) {
      const { fetched, ...web } = site({ [url]: () => jwks })
      let now = NOW
      const verifier = clients({ ...web, ...at(url), [clock]: () => now })
      const forge = async (): Promise<string> => {
        const claims = { iss: 'c', sub: 'c', aud: SERVER, iat: now, exp: now + 60, jti: 'j' }
        const made = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
          .setProtectedHeader({ ...header, alg: 'ES256' })
          .sign(wrongKey)
        return made.replace(/^[^.]+/, btoa(JSON.stringify(header)).replace(/=+$/, ''))
      }
      expect((await verifier.verify(await forge())).ok).toBe(false)
      expect(fetched).toEqual([url])
      // Later there may be others under the same name.
      now += 40
      expect((await verifier.verify(await forge())).ok).toBe(false)
      expect(fetched.length, JSON.stringify(header)).toBe(2)
      verifier.close()
    }
  })

  test('which cannot be had are 503, which cannot be used are the client’s', async () => {
    const url = 'https://c.example/jwks'
    const unreachable = site({ [url]: () => new TypeError('fetch failed') })
    expect(await byClient({ [customFetch]: unreachable[customFetch], ...at(url) })).toBe('issuer_unreachable')
    const unusable = site({ [url]: () => ({ keys: [] }) })
    expect(await byClient({ [customFetch]: unusable[customFetch], ...at(url) })).toBe('client_misconfigured')
  })

  test('come from a registry which answers about the client that asks', async () => {
    expect(await byClient({ clients: () => ({ client_id: 'C', jwks }) })).toBe('client_misconfigured')
    expect(await byClient({ clients: () => null })).toBe('client_unknown')
    expect(await byClient({ clients: () => ({ client_id: 'c' }) })).toBe('client_misconfigured')
    expect(await byClient({ clients: () => ({ client_id: 'c', jwks, algorithm: 'ES256' }) })).toBe(
      'client_misconfigured',
    )
    expect(await byClient({ clients: () => 'c' })).toBe('client_misconfigured')
    // A string has includes() too, and would allow every grant type that is a part of it.
    for (const [grant_types, code] of [
      ['refresh_token', 'client_misconfigured'],
      [[], 'client_misconfigured'],
      [['refresh_token'], 'ok'],
    ])
      expect(await byClient({ clients: () => ({ client_id: 'c', jwks, grant_types }) })).toBe(code)
    const lookalike = { alg: 'ES256', verify: () => Promise.resolve(true) }
    expect(await byClient({ clients: () => ({ client_id: 'c', secret: lookalike }) })).toBe(
      'client_misconfigured',
    )
    expect(await byClient({ clients: () => Promise.reject(new Error('no connection')) })).toBe(
      'resolver_failed',
    )
  })
})

describe('keys of an issuer', () => {
  const web = () =>
    site({
      [`${ISSUER}/.well-known/oauth-authorization-server`]: () => ({
        issuer: ISSUER,
        jwks_uri: `${ISSUER}/jwks`,
      }),
      [`${ISSUER}/jwks`]: () => jwks,
    })

  test('are discovered, and known after ready()', async () => {
    const { fetched, ...answers } = web()
    const verifier = grants(answers)
    await verifier.ready()
    expect(fetched).toHaveLength(2)
    const result = await verifier.verify(await sign({ iss: ISSUER, sub: 'user-1' }))
    expect(result).toMatchObject({ ok: true, issuer: ISSUER, subject: 'user-1', type: 'jwt' })
    expect(fetched).toHaveLength(2)
    verifier.close()
  })

  test('which cannot be had fail ready(), by the name of the issuer', async () => {
    const { fetched: _, ...answers } = site({})
    await expect(grants(answers).ready()).rejects.toThrow(ISSUER)
  })

  test.for([`https://other.example/jwks`, 'https://10.0.0.1/jwks'])(
    'of a resolver are not fetched from %s, whatever the metadata says',
    async (place) => {
      const { fetched, ...answers } = site({
        [`${ISSUER}/.well-known/oauth-authorization-server`]: () => ({ issuer: ISSUER, jwks_uri: place }),
        [place]: () => jwks,
      })
      const trusted: AssertionIssuerResolver = (issuer) => ({ issuer })
      const result = await grants({ ...answers, trusted }).verify(await sign({ iss: ISSUER, sub: 'user-1' }))
      expect(!result.ok && result.error.code).toBe('issuer_misconfigured')
      expect(fetched).not.toContain(place)
    },
  )
})

describe('keys of a resolved issuer whose entry is frozen', () => {
  test('are those which the entry has now', async () => {
    const list = structuredClone(jwks)
    const entry = Object.freeze({ issuer: ISSUER, jwks: list }) as TrustedAssertionIssuer
    const verifier = grants({ trusted: () => entry })
    expect((await verifier.verify(await sign({ iss: ISSUER, sub: 'user-1' }))).ok).toBe(true)
    const { publicKey } = await generateKeyPair('ES256')
    list.keys.splice(0, 1, { ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k2' })
    const result = await verifier.verify(await sign({ iss: ISSUER, sub: 'user-1' }))
    expect(!result.ok && result.error.code).toBe('kid_unknown')
  })

  test('are fetched once, however many others somebody names', async () => {
    const idle = 'https://idle.example'
    const { fetched, ...web } = site({ [`${ISSUER}/jwks`]: () => jwks, [`${idle}/jwks`]: () => jwks })
    const entries = new Map<string, TrustedAssertionIssuer>(
      [ISSUER, idle].map((issuer) => [issuer, Object.freeze({ issuer, jwks: new URL(`${issuer}/jwks`) })]),
    )
    const verifier = grants({
      ...web,
      trusted: (issuer: string) => entries.get(issuer) ?? { issuer, jwks },
    })
    const accepted = async (iss: string): Promise<boolean> =>
      (await verifier.verify(await sign({ iss, sub: 'user-1' }))).ok
    expect([await accepted(ISSUER), await accepted(idle)]).toEqual([true, true])
    const unsigned = await sign({ iss: 'https://other.example', sub: 'user-1' })
    const [header, , signature] = unsigned.split('.')
    for (let i = 0; i < 2100; i += 1) {
      const claims = { iss: `https://i${i}.example`, sub: 'user-1', aud: SERVER, exp: NOW + 60, jti: 'x' }
      await verifier.verify(`${header}.${btoa(JSON.stringify(claims)).replace(/=+$/, '')}.${signature}`)
    }
    expect([await accepted(ISSUER), await accepted(idle)]).toEqual([true, true])
    expect(fetched).toEqual([`${ISSUER}/jwks`, `${idle}/jwks`])
    verifier.close()
  })
})

test('subject() makes of the claims whom this server knows', async () => {
  const seen: unknown[] = []
  const verifier = createAssertionVerifier({
    purpose: 'authorization-grant',
    issuer: SERVER,
    trusted: {
      issuer: ISSUER,
      jwks: jwks as never,
      subject: ({ sub }, { client_id }) => {
        seen.push(client_id)
        return sub === 'user-1' ? { account: 7 } : undefined
      },
    },
    replay: memoryReplayStore({ [clock]: () => NOW }),
    [clock]: () => NOW,
  })
  const result = await verifier.verify(await sign({ iss: ISSUER, sub: 'user-1' }), { client_id: 'c' })
  if (!result.ok) throw new Error(result.error.code)
  expect(result.subject.account).toBe(7)
  expect(seen).toEqual(['c'])
})

test.for([undefined, null, false, '', Number.NaN])(
  'subject() which makes %o of the claims knows nobody',
  async (value) => {
    for (const answer of [value, Promise.resolve(value)]) {
      const verifier = grants({ trusted: { issuer: ISSUER, jwks, subject: () => answer } })
      const result = await verifier.verify(await sign({ iss: ISSUER, sub: 'user-1' }))
      expect(!result.ok && result.error.code).toBe('subject_unknown')
    }
  },
)

test('an explicit type lets a grant be about its own issuer', async () => {
  const assertion = await new CompactSign(
    new TextEncoder().encode(
      JSON.stringify({ iss: ISSUER, sub: ISSUER, aud: SERVER, exp: NOW + 60, jti: 'self' }),
    ),
  )
    .setProtectedHeader({ alg: 'ES256', typ: 'authorization-grant+jwt' })
    .sign(privateKey)
  expect((await grants({ trusted: { issuer: ISSUER, jwks } }).verify(assertion)).ok).toBe(true)
})

test('an assertion which expires while a registry is asked is refused', async () => {
  let now = NOW
  const slow = clients({
    [clock]: () => now,
    clients: async (client_id: string) => {
      now = NOW + 120
      return { client_id, jwks } as Client
    },
  })
  const result = await slow.verify(await sign({ iss: 'c', sub: 'c' }))
  expect(!result.ok && result.error.code).toBe('assertion_expired')
})

test('a grant which expires while its subject is looked up is refused', async () => {
  let now = NOW
  const subject = (): string => {
    now = NOW + 120
    return 'account-1'
  }
  const slow = grants({ [clock]: () => now, trusted: { issuer: ISSUER, jwks, subject } })
  const result = await slow.verify(await sign({ iss: ISSUER, sub: 'user-1' }))
  expect(!result.ok && result.error.code).toBe('assertion_expired')
})

test('an assertion of more than 16,384 characters is refused for its size', async () => {
  const padded = async (length: number): Promise<string> => {
    const pad = length - (await sign({ iss: 'c', sub: 'c', pad: '' })).length
    return sign({ iss: 'c', sub: 'c', pad: 'x'.repeat(Math.floor((pad * 3) / 4)) })
  }
  const largest = await padded(16_380)
  expect(largest.length).toBeGreaterThan(16_000)
  expect((await clients().verify(largest)).ok).toBe(true)
  const result = await clients().verify(await padded(16_400))
  expect(!result.ok && result.error.code).toBe('assertion_too_large')
})

test('verify() throws a TypeError for what is no string, and for nothing else', async () => {
  for (const value of [undefined, null, 1, {}, ['a.b.c']]) {
    await expect(clients().verify(value as never)).rejects.toThrow(TypeError)
    await expect(grants({ trusted: { issuer: ISSUER, jwks } }).verify(value as never)).rejects.toThrow(
      TypeError,
    )
  }
})

test('verdicts and what they hold are frozen', async () => {
  const result = await clients().verify(await sign({ iss: 'c', sub: 'c', deep: { list: [1] } }))
  if (!result.ok) throw new Error(result.error.code)
  expect(Object.isFrozen(result)).toBe(true)
  expect(Object.isFrozen((result.claims['deep'] as { list: unknown }).list)).toBe(true)
})

describe('createAssertionVerifier() throws and names the option when', () => {
  const misconfigured = (option: string) =>
    expect.objectContaining({
      name: 'TypeError',
      message: expect.stringMatching(`^Cannot create an assertion verifier: .*${option}`) as string,
    })
  const url = 'https://partner.example/jwks'

  test.for<[string, string, object]>([
    ['the purpose is none', 'purpose', { purpose: 'login' }],
    ['there is no issuer', 'issuer', { issuer: undefined }],
    ['the issuer is http', 'issuer', { issuer: 'http://as.example' }],
    ['clients are a list', 'clients', { clients: [] }],
    ['there is no replay store', 'replay', { replay: undefined }],
    ['the replay store is a set', 'replay', { replay: new Set() }],
    ['an option of grants is given', 'trusted', { trusted: [] }],
    ['the tolerance is a day', 'clockTolerance', { clockTolerance: 86_400 }],
    ['the lifetime has no end', 'maxLifetime', { maxLifetime: Infinity }],
    ['the lifetime is a text', 'maxLifetime', { maxLifetime: '5m' }],
    [
      'the token endpoint is no URL',
      'allowTokenEndpointAudience',
      { [allowTokenEndpointAudience]: '/token' },
    ],
    [
      'the token endpoint is allowed by a yes',
      'allowTokenEndpointAudience',
      { [allowTokenEndpointAudience]: true },
    ],
    ['the clock is a number', 'clock', { [clock]: NOW }],
  ])('clients: %s', ([, option, options]) => {
    expect(() => clients(options)).toThrow(misconfigured(option))
  })

  test.for<[string, string, object]>([
    ['nobody is trusted', 'trusted', { trusted: [] }],
    ['trusted is undefined', 'trusted', { trusted: undefined }],
    ['an issuer is a string', 'trusted', { trusted: ISSUER }],
    ['an issuer is trusted twice', 'trusted', { trusted: [{ issuer: ISSUER }, { issuer: ISSUER }] }],
    ['the server trusts itself', 'trusted.issuer', { trusted: { issuer: SERVER } }],
    ['an issuer without keys is no URL', 'trusted.issuer', { trusted: { issuer: 'partner' } }],
    [
      'keys are fetched over http',
      'trusted.jwks',
      { trusted: { issuer: ISSUER, jwks: new URL('http://p.example') } },
    ],
    ['keys are a text', 'trusted.jwks', { trusted: { issuer: ISSUER, jwks: url } }],
    ['keys are none', 'trusted.jwks', { trusted: { issuer: ISSUER, jwks: { keys: [] } } }],
    [
      'keys have two places',
      'trusted.metadata',
      { trusted: { issuer: ISSUER, jwks: new URL(url), metadata: new URL(url) } },
    ],
    ['an origin is a URL', 'trusted.jwksOrigins', { trusted: { issuer: ISSUER, jwksOrigins: [url] } }],
    ['an algorithm is symmetric', 'trusted.algorithms', { trusted: { issuer: ISSUER, algorithms: 'HS256' } }],
    ['the type is unknown', 'trusted.type', { trusted: { issuer: ISSUER, type: 'saml' } }],
    [
      'an ID-JAG may be replayed',
      'trusted.requireJti',
      { trusted: { issuer: ISSUER, type: 'id-jag', requireJti: false } },
    ],
    ['requireJti is a text', 'trusted.requireJti', { trusted: { issuer: ISSUER, requireJti: 'no' } }],
    ['a member is mistyped', 'audiance', { trusted: { issuer: ISSUER, audiance: 'x' } }],
    ['there is no replay store', 'replay', { replay: undefined }],
    ['the token endpoint is no URL', 'tokenEndpoint', { tokenEndpoint: 'token' }],
    ['confirm is no function', 'confirm', { confirm: true }],
    ['clients are given', 'clients', { clients: () => undefined }],
  ])('grants: %s', ([, option, options]) => {
    expect(() => grants(options)).toThrow(misconfigured(option))
  })

  test('issuers come from a resolver and nothing remembers', () => {
    expect(() => grants({ trusted: () => undefined, replay: undefined })).toThrow(misconfigured('replay'))
  })

  test('options changed later have no effect', async () => {
    const trusted = { issuer: ISSUER, jwks: structuredClone(jwks) }
    const verifier = grants({ trusted })
    trusted.jwks.keys.length = 0
    trusted.issuer = 'https://evil.example'
    expect((await verifier.verify(await sign({ iss: ISSUER, sub: 'user-1' }))).ok).toBe(true)
  })
})
