import nodeCrypto, { type KeyObject } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

import {
  ASSERTION_ERRORS,
  type AssertionErrorCode,
  type Client,
  clientSecretJwt,
  clock,
  createTokenEndpoint,
  customFetch,
  memoryReplayStore,
  type RateLimiter,
  type TokenRequestEvent,
  type TrustedAssertionIssuer,
} from '@atjwt/core/assertion'
import fc from 'fast-check'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import {
  ASSERTION_TYPE,
  CLIENT,
  CLIENT_KEY,
  clientAssertion,
  clientOf,
  clients,
  endpoint,
  grantAssertion,
  grantOf,
  grants,
  GRANT_TYPE,
  idJag,
  NOW,
  PARTNER,
  partner,
  post,
  SECRET,
  secretAssertion,
  SERVER,
  sign,
  TOKEN_ENDPOINT,
} from '../requirements/assertion-world.ts'
import { makeSigner, type Signer } from '../requirements/signer.ts'

const passed = (results: readonly { ok: boolean }[]): number => results.filter(({ ok }) => ok).length

describe('replay', () => {
  const stores = {
    'of memory': () => memoryReplayStore({ [clock]: () => NOW }),
    'which takes its time': () => {
      const memory = memoryReplayStore({ [clock]: () => NOW })
      return {
        claim: async (key: string, expiresAt: number) => {
          await new Promise((resolve) => setImmediate(resolve))
          return memory.claim(key, expiresAt)
        },
      }
    },
  }
  describe.for(Object.entries(stores))('a store %s', ([, store]) => {
    test('lets one of a hundred equal client assertions pass', async () => {
      const verifier = clients({ replay: store() })
      const assertion = clientAssertion()
      const results = await Promise.all(Array.from({ length: 100 }, () => verifier.verify(assertion)))
      expect(passed(results)).toBe(1)
      expect(new Set(results.map((result) => (result.ok ? 'ok' : result.error.code)))).toEqual(
        new Set(['ok', 'assertion_replayed']),
      )
    })

    test('lets one of a hundred equal token requests pass', async () => {
      const replay = store()
      const judge = endpoint({ clients: clients({ replay }), grants: grants({ replay }) })
      const assertion = grantAssertion()
      const results = await Promise.all(
        Array.from({ length: 100 }, () =>
          judge(post({ ...grantOf(assertion), ...clientOf(clientAssertion()) })),
        ),
      )
      expect(passed(results)).toBe(1)
    })
  })

  test('a forged assertion does not use up the one it imitates', async () => {
    const verifier = clients()
    const good = clientAssertion({ jti: 'wanted' })
    const forged = clientAssertion({ jti: 'wanted' }, {}, makeSigner('ES256', 'c1'))
    expect((await verifier.verify(forged)).ok).toBe(false)
    expect((await verifier.verify(good)).ok).toBe(true)
  })

  test('a used assertion is remembered for longer than it could be accepted', async () => {
    const kept: number[] = []
    const replay = {
      claim: (_key: string, expiresAt: number) => {
        kept.push(expiresAt)
        return true
      },
    }
    await clients({ replay, clockTolerance: 30 }).verify(clientAssertion({ exp: NOW + 60 }))
    expect(kept).toEqual([NOW + 420])
  })

  test('a used assertion is remembered for as long as the most tolerant verifier accepts it', async () => {
    let now = NOW
    const time = { [clock]: () => now }
    const replay = memoryReplayStore(time)
    const strict = clients({ replay, clockTolerance: 0, ...time })
    const tolerant = clients({ replay, clockTolerance: 300, ...time })
    const assertion = clientAssertion({ exp: NOW + 60 })
    expect((await strict.verify(assertion)).ok).toBe(true)
    for (now = NOW + 60; now < NOW + 370; now += 5) expect((await tolerant.verify(assertion)).ok).toBe(false)
  })

  test('servers which share a store do not use up what is meant for each other', async () => {
    const replay = memoryReplayStore({ [clock]: () => NOW })
    const servers = [SERVER, 'https://second.example']
    for (const issuer of servers) {
      const client = await clients({ replay, issuer }).verify(clientAssertion({ jti: '1', aud: issuer }))
      const grant = await grants({ replay, issuer }).verify(grantAssertion({ jti: '1', aud: issuer }))
      expect([issuer, client.ok, grant.ok]).toEqual([issuer, true, true])
    }
    for (const issuer of servers) {
      const again = await clients({ replay, issuer }).verify(clientAssertion({ jti: '1', aud: [issuer] }))
      expect(!again.ok && again.error.code).toBe('assertion_replayed')
    }
  })

  test('servers which share a store and the name of a token endpoint use an assertion once', async () => {
    const replay = memoryReplayStore({ [clock]: () => NOW })
    const assertion = grantAssertion({ aud: TOKEN_ENDPOINT })
    expect((await grants({ replay }).verify(assertion)).ok).toBe(true)
    const again = await grants({ replay, issuer: 'https://second.example' }).verify(assertion)
    expect(!again.ok && again.error.code).toBe('assertion_replayed')
  })

  test('a store sees neither issuer nor jti', async () => {
    const keys: string[] = []
    const replay = {
      claim: (key: string) => {
        keys.push(key)
        return true
      },
    }
    await clients({ replay }).verify(clientAssertion({ jti: 'one' }))
    await clients({ replay }).verify(clientAssertion({ jti: 'two' }))
    expect(new Set(keys).size).toBe(2)
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9+/]{43}=$/)
  })
})

describe('any input', () => {
  const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claimName = fc.constantFrom('iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'cnf', 'client_id', 'x')
  const claimValue = fc.oneof(
    fc.constantFrom(CLIENT, PARTNER, SERVER, NOW, NOW + 60, -1, null, true, [], {}),
    fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>,
  )
  const jwt = fc
    .tuple(
      fc.dictionary(fc.constantFrom('alg', 'typ', 'kid', 'crit', 'b64', 'zip', 'jwk'), claimValue),
      fc.constantFrom('ES256', 'RS256', 'HS256', 'EdDSA', 'none'),
      fc.dictionary(claimName, claimValue),
      fc.uint8Array({ maxLength: 80 }),
    )
    .map(
      ([header, alg, claims, signature]) =>
        `${b64({ alg, ...header })}.${b64(claims)}.${Buffer.from(signature).toString('base64url')}`,
    )
  const input = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string(), jwt)

  test('is refused, never thrown at, when nobody signed it', async () => {
    const verifiers = [clients(), grants()]
    const refused = fc.check(
      fc.asyncProperty(input, fc.constantFrom(0, 1), async (assertion, which) => {
        const result = await (verifiers[which] as ReturnType<typeof clients>).verify(assertion)
        return !result.ok && Object.hasOwn(ASSERTION_ERRORS, result.error.code)
      }),
      { numRuns: 2000 },
    )
    expect(fc.defaultReportMessage(await refused)).toBeUndefined()
  })

  test('is an answer of the token endpoint, whatever the body is', async () => {
    const judge = endpoint()
    const body = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.tuple(
            fc.constantFrom(
              'grant_type',
              'assertion',
              'client_assertion',
              'client_assertion_type',
              'client_id',
            ),
            fc.oneof(fc.constantFrom(GRANT_TYPE, ASSERTION_TYPE, 'client_credentials', '%', '%ff'), jwt),
          ),
        )
        .map((pairs) => pairs.map((pair) => pair.join('=')).join('&')),
    )
    const answered = fc.check(
      fc.asyncProperty(
        body,
        fc.option(fc.stringMatching(/^[\x20-\x7e]{0,40}$/)),
        async (text, authorization) => {
          const request = new Request(TOKEN_ENDPOINT, {
            method: 'POST',
            headers: {
              'content-type': 'application/x-www-form-urlencoded',
              ...(authorization === null ? {} : { authorization }),
            },
            body: text,
          })
          const result = await judge(request)
          return !result.ok && [400, 401].includes(result.response.status)
        },
      ),
      { numRuns: 1000 },
    )
    expect(fc.defaultReportMessage(await answered)).toBeUndefined()
  })

  test('of the size of a megabyte is refused at once', async () => {
    const started = performance.now()
    const results = await Promise.all(
      ['a', '.', '{', 'a.'].map((piece) => clients().verify(piece.repeat(1_000_000))),
    )
    expect(passed(results)).toBe(0)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('a clock which tells no time', () => {
  const broken = { [clock]: () => Number.NaN, replay: { claim: () => true } }
  const longAgo = { iat: 1000, exp: 1060 }
  test.for([{}, longAgo, { ...longAgo, nbf: 5e9 }, { iat: undefined }])(
    'accepts nothing: %o',
    async (times) => {
      const results = [
        await clients(broken).verify(clientAssertion(times)),
        await grants(broken).verify(grantAssertion(times)),
      ]
      expect(results.map((result) => !result.ok && result.error.code)).toEqual([
        'assertion_expired',
        'assertion_expired',
      ])
    },
  )

  test('accepts nothing when it fails between the two times it is read', async () => {
    let read = 0
    const failing = { ...broken, [clock]: () => ((read += 1) === 1 ? NOW : Number.NaN) }
    expect((await clients(failing).verify(clientAssertion())).ok).toBe(false)
  })
})

describe('before a key is looked up', () => {
  const asked: string[] = []
  const counting = {
    clients: clients({
      clients: (client_id) => {
        asked.push(client_id)
        return undefined
      },
    }),
    grants: grants({
      trusted: (iss) => {
        asked.push(iss)
        return undefined
      },
    }),
  }
  afterEach(() => {
    asked.length = 0
  })

  const refusedUnasked: Readonly<Record<string, () => Promise<{ ok: boolean }>>> = {
    'client: alg none': () => counting.clients.verify(clientAssertion({}, { alg: 'none' })),
    'client: typ of an access token': () => counting.clients.verify(clientAssertion({}, { typ: 'at+jwt' })),
    'client: another audience': () => counting.clients.verify(clientAssertion({ aud: 'https://x.example' })),
    'client: expired': () => counting.clients.verify(clientAssertion({ exp: NOW - 60 })),
    'client: crit': () => counting.clients.verify(clientAssertion({}, { crit: ['x'] })),
    'client: no jti': () => counting.clients.verify(clientAssertion({ jti: undefined })),
    'grant: HS256': () => counting.grants.verify(grantAssertion({}, { alg: 'HS256' })),
    'grant: typ of an access token': () => counting.grants.verify(grantAssertion({}, { typ: 'at+jwt' })),
    'grant: another audience': () => counting.grants.verify(grantAssertion({ aud: 'https://x.example' })),
    'grant: an ID token': () => counting.grants.verify(grantAssertion({ nonce: 'n' })),
  }
  test.for(Object.entries(refusedUnasked))('%s', async ([, verify]) => {
    expect((await verify()).ok).toBe(false)
    expect(asked).toEqual([])
  })

  test('nothing that an assertion says is fetched', async () => {
    // noFetch of the verifiers throws; a fetch would make another code.
    const stray = { jku: 'https://evil.example/jwks', x5u: 'https://evil.example/x5u' }
    const results = [
      await clients().verify(
        clientAssertion({ iss: 'https://evil.example', sub: 'https://evil.example' }, stray),
      ),
      await grants().verify(grantAssertion({ iss: 'https://evil.example' }, stray)),
    ]
    expect(results.map((result) => !result.ok && result.error.code)).toEqual([
      'client_unknown',
      'issuer_not_trusted',
    ])
  })
})

describe('who knows the names of many clients', () => {
  const MANY = 2100
  const wrongKey = makeSigner('ES256', 'c1')
  const place = (client_id: string): URL => new URL(`https://${client_id}.example/jwks`)

  /** Clients which all publish the same key, and how often each was asked for it. */
  function world(answer: (host: string) => Response | Promise<Response> = published) {
    const fetched = new Map<string, number>()
    const events: string[] = []
    const time = { now: NOW }
    const verifier = clients({
      clients: (client_id) => ({ client_id, jwks: place(client_id) }),
      replay: memoryReplayStore({ [clock]: () => time.now }),
      onIssuerEvent: ({ type }) => events.push(type),
      [clock]: () => time.now,
      [customFetch]: async (input) => {
        const { hostname } = new URL(String(input))
        fetched.set(hostname, (fetched.get(hostname) ?? 0) + 1)
        return answer(hostname)
      },
    })
    const ask = async (client_id: string, signer = CLIENT_KEY): Promise<string> => {
      const times = { iat: time.now, exp: time.now + 60 }
      const claims = { iss: client_id, sub: client_id, ...times }
      const result = await verifier.verify(clientAssertion(claims, {}, signer))
      return result.ok ? 'ok' : result.error.code
    }
    const forgeAll = async (): Promise<void> => {
      for (let i = 0; i < MANY; i += 1) await ask(`many-${i}`, wrongKey)
    }
    return { verifier, fetched, events, time, ask, forgeAll }
  }
  const published = (): Response => Response.json({ keys: [CLIENT_KEY.jwk] })
  const most = (fetched: ReadonlyMap<string, number>): number => Math.max(...fetched.values())

  test.for<[string, () => Response]>([
    ['answer', published],
    ['fail', () => new Response('', { status: 503 })],
  ])('causes one fetch of each in a pause, while their hosts %s', async ([, answer]) => {
    const { verifier, fetched, events, time, forgeAll } = world(answer)
    for (let round = 0; round < 3; round += 1) await forgeAll()
    expect([fetched.size, most(fetched)]).toEqual([MANY, 1])
    expect(verifier.status()).toHaveLength(2048)
    expect(events).not.toContain('key_retired')
    time.now += 40
    for (let round = 0; round < 3; round += 1) await forgeAll()
    expect(most(fetched)).toBe(2)
    verifier.close()
  })

  test('displaces none which has authenticated', async () => {
    const { verifier, fetched, time, ask, forgeAll } = world()
    expect(await ask('regular')).toBe('ok')
    for (let round = 0; round < 3; round += 1) {
      await forgeAll()
      time.now += 40
    }
    expect(await ask('regular')).toBe('ok')
    expect(fetched.get('regular.example')).toBe(1)
    verifier.close()
  })

  test('displaces none whose keys are being fetched', async () => {
    const gate = Promise.withResolvers<void>()
    const { verifier, fetched, ask, forgeAll } = world(async (host) => {
      if (host === 'slow.example') await gate.promise
      return published()
    })
    const waiting = [ask('slow')]
    await new Promise((resolve) => setImmediate(resolve))
    await forgeAll()
    waiting.push(ask('slow'))
    gate.resolve()
    expect(await Promise.all(waiting)).toEqual(['ok', 'ok'])
    expect(fetched.get('slow.example')).toBe(1)
    verifier.close()
  })

  test('causes no more fetches at once than there is room for', async () => {
    const gate = Promise.withResolvers<void>()
    const { verifier, fetched, ask } = world(() => gate.promise.then(published))
    const waiting = Array.from({ length: 2048 }, (_, i) => ask(`many-${i}`, wrongKey))
    await new Promise((resolve) => setImmediate(resolve))
    expect(await ask('late')).toBe('issuer_unreachable')
    expect([fetched.size, fetched.has('late.example')]).toEqual([2048, false])
    gate.resolve()
    await Promise.all(waiting)
    expect(await ask('late')).toBe('ok')
    verifier.close()
  })

  test('does not keep more clients than there is room for from authenticating', async () => {
    const { verifier, fetched, ask } = world()
    for (let round = 0; round < 2; round += 1)
      for (let i = 0; i < MANY; i += 1) expect(await ask(`many-${i}`)).toBe('ok')
    expect(fetched.size).toBe(MANY)
    verifier.close()
  })
})

describe('a stranger', () => {
  const wrongKey = makeSigner('ES256', 'p1')
  const dead: typeof fetch = async () => new Response('not found', { status: 404 })
  const key = makeSigner('ES256', 'p1')
  const broken: Readonly<Record<string, TrustedAssertionIssuer | Record<string, unknown> | undefined>> = {
    'an unknown issuer': undefined,
    'an issuer whose keys are not there': { issuer: PARTNER, jwks: new URL('https://partner.example/jwks') },
    'an issuer of ID-JAGs': { ...partner, type: 'id-jag' },
    'an issuer of another algorithm': { ...partner, algorithms: 'RS256' },
    'an issuer with another key': { ...partner, jwks: { keys: [key.jwk] } },
    'an issuer under another kid': { ...partner, jwks: { keys: [{ ...key.jwk, kid: 'other' }] } },
    'an issuer of shorter lifetimes': { ...partner, maxLifetime: 10 },
    'an issuer whose entry has a typing mistake': { ...partner, algorithm: 'ES256' },
    'an issuer whose entry is about another': { ...partner, issuer: 'https://other.example' },
  }

  async function ask(entry: unknown, by: Signer | string = wrongKey) {
    const events: TokenRequestEvent[] = []
    const judge = endpoint({
      clientAuthentication: 'implicit',
      grants: grants({
        trusted: () => entry as TrustedAssertionIssuer,
        [customFetch]: dead,
      }),
      onAudit: (event) => events.push(event),
    })
    const assertion = typeof by === 'string' ? by : grantAssertion({}, {}, by)
    const before = verifications
    const result = await judge(post(grantOf(assertion)))
    if (result.ok) throw new Error('accepted')
    return { response: result.response, code: events[0]?.code, work: verifications - before }
  }

  /** One answer to all, and the work of one verification for each. */
  function expectAlike(
    answers: readonly { name: string; response: { status: number }; work: number }[],
    status: number,
  ): void {
    expect(new Set(answers.map(({ response }) => JSON.stringify(response))).size).toBe(1)
    expect(answers[0]?.response.status).toBe(status)
    expect(answers.map(({ name, work }) => [name, work])).toEqual(answers.map(({ name }) => [name, 1]))
  }

  let verifications = 0
  /** Keys which were given to a verification. */
  const used: unknown[] = []
  // Either begins one verification.
  const { verify, createVerify } = nodeCrypto
  beforeEach(() => {
    nodeCrypto.verify = ((...args: Parameters<typeof verify>) => {
      verifications += 1
      return verify(...args)
    }) as never
    nodeCrypto.createVerify = (...args) => {
      verifications += 1
      const begun = createVerify(...args)
      const finish = begun.verify.bind(begun) as (key: KeyObject | { key: KeyObject }, by: Buffer) => boolean
      begun.verify = ((key: KeyObject | { key: KeyObject }, by: Buffer) => {
        used.push(('key' in key ? key.key : key).export({ format: 'jwk' }).n)
        return finish(key, by)
      }) as never
      return begun
    }
    syncBuiltinESMExports()
  })
  afterEach(() => {
    used.length = 0
    Object.assign(nodeCrypto, { verify, createVerify })
    syncBuiltinESMExports()
  })

  test('learns from no answer and no work which issuers are known, and the audit tells', async () => {
    const answers = []
    for (const [name, entry] of Object.entries(broken)) answers.push({ name, ...(await ask(entry)) })
    expectAlike(answers, 400)
    expect(answers.map(({ code }) => code)).toEqual([
      'issuer_not_trusted',
      'issuer_misconfigured',
      'issuer_misconfigured',
      'key_unsuitable',
      'signature_invalid',
      'kid_unknown',
      'lifetime_exceeded',
      'issuer_misconfigured',
      'issuer_misconfigured',
    ] satisfies AssertionErrorCode[])
  })

  const registered: Readonly<Record<string, unknown>> = {
    'an unknown client': undefined,
    'a client whose keys are not there': { client_id: CLIENT, jwks: new URL('https://c.example/jwks') },
    'a client of another algorithm': { client_id: CLIENT, jwks: { keys: [key.jwk] }, algorithms: 'RS256' },
    'a client which has a secret': {
      client_id: CLIENT,
      secret: clientSecretJwt({ secret: SECRET, alg: 'HS256' }),
    },
    'a client with another key': { client_id: CLIENT, jwks: { keys: [key.jwk] } },
    'a client under another kid': { client_id: CLIENT, jwks: { keys: [{ ...key.jwk, kid: 'other' }] } },
    'a client whose entry has a typing mistake': {
      client_id: CLIENT,
      jwks: { keys: [key.jwk] },
      alg: 'ES256',
    },
    'a client whose entry is about another': { client_id: 'other', jwks: { keys: [key.jwk] } },
  }

  async function authenticate(entry: unknown, assertion: string) {
    const events: TokenRequestEvent[] = []
    const judge = endpoint({
      clients: clients({ clients: () => entry as Client, [customFetch]: dead }),
      onAudit: (event) => events.push(event),
    })
    const before = verifications
    const result = await judge(post({ grant_type: 'client_credentials', ...clientOf(assertion) }))
    if (result.ok) throw new Error('accepted')
    return { response: result.response, code: events[0]?.code, work: verifications - before }
  }

  test('learns from no answer and no work which clients are registered, and the audit tells', async () => {
    const answers = []
    for (const [name, entry] of Object.entries(registered))
      answers.push({ name, ...(await authenticate(entry, clientAssertion({}, {}, wrongKey))) })
    expectAlike(answers, 401)
    expect(answers.map(({ code }) => code)).toEqual([
      'client_unknown',
      'client_misconfigured',
      'key_unsuitable',
      'key_unsuitable',
      'signature_invalid',
      'kid_unknown',
      'client_misconfigured',
      'client_misconfigured',
    ] satisfies AssertionErrorCode[])
  })

  test('has no name of its own choice in an error, whatever the registry answers for it', async () => {
    const invented = '__proto__ \r\n'
    for (const entry of [{}, 'text', { client_id: 'other', jwks: { keys: [key.jwk] } }, Object]) {
      const verifier = clients({ clients: () => entry as Client })
      const result = await verifier.verify(clientAssertion({ iss: invented, sub: invented }))
      expect(!result.ok && [result.error.code, result.error.client_id]).toEqual([
        'client_misconfigured',
        undefined,
      ])
    }
    const configured = clients({ clients: (client_id) => ({ client_id }) as Client })
    const result = await configured.verify(clientAssertion())
    expect(!result.ok && [result.error.code, result.error.client_id]).toEqual([
      'client_misconfigured',
      CLIENT,
    ])
  })

  test.for(['RS256', 'PS256', 'ES384', 'Ed25519'])('costs one verification of %s as well', async (alg) => {
    expect((await ask(undefined, makeSigner(alg, 'p1'))).work).toBe(1)
  })

  test.for([2056, 3200, 8192])('costs one verification of an RSA signature of %i bits', async (bits) => {
    const signature = Buffer.alloc(bits / 8, 1).toString('base64url')
    for (const alg of ['RS256', 'PS512']) {
      const forged = clientAssertion({}, { alg }).replace(/[^.]+$/, signature)
      expect((await authenticate(undefined, forged)).work).toBe(1)
    }
  })

  test('costs one MAC, whether a client has a secret, keys or is unknown', async () => {
    const macs = vi.spyOn(crypto.subtle, 'verify')
    try {
      for (const name of ['an unknown client', 'a client which has a secret', 'a client with another key']) {
        macs.mockClear()
        const assertion = secretAssertion({ iss: CLIENT, sub: CLIENT }, {}, SECRET.toUpperCase())
        const { response } = await authenticate(registered[name], assertion)
        expect([name, response.status, macs.mock.calls.length]).toEqual([name, 401, 1])
      }
    } finally {
      macs.mockRestore()
    }
  })

  test('costs one verification also where no key of a known issuer has the size of the signature', async () => {
    const small = makeSigner('RS256', 'p1')
    const large = makeSigner('RS256', 'p1', {}, 3072)
    const known = { ...partner, jwks: { keys: [small.jwk as never] } }
    expect((await ask(undefined, large)).work).toBe(1)
    expect(await ask(known, large)).toMatchObject({ code: 'signature_invalid', work: 1 })
    expect(await ask(known, makeSigner('RS256', 'p1'))).toMatchObject({
      code: 'signature_invalid',
      work: 1,
    })
  })

  // OpenSSL says no at once to a number which is not below the modulus, and below that of a decoy each is.
  test.for(['RS256', 'PS256'])(
    'costs one verification of %s also by a number beyond the modulus of a known issuer',
    async (alg) => {
      const signer = makeSigner(alg, 'p1')
      const known = { ...partner, jwks: { keys: [signer.jwk as never] } }
      const modulus = Buffer.from(signer.jwk['n'] as string, 'base64url')
      const beyond = Buffer.from(modulus).fill(0xff, 1, 2)
      for (const [signature, key] of [
        [Buffer.alloc(256, 0xfe), 'a decoy'],
        [beyond, 'a decoy'],
        [modulus, 'a decoy'],
        [Buffer.from(modulus).fill(modulus[255]! - 1, 255), 'its own'],
        [Buffer.alloc(256, 0x11), 'its own'],
      ] as const) {
        used.length = 0
        const forged = grantAssertion({}, {}, signer).replace(/[^.]+$/, signature.toString('base64url'))
        expect(await ask(known, forged)).toMatchObject({ code: 'signature_invalid', work: 1 })
        expect(used.map((n) => (n === signer.jwk['n'] ? 'its own' : 'a decoy'))).toEqual([key])
      }
    },
  )

  test('costs one verification also where the key of a known issuer is not on its curve', async () => {
    const off = { ...key.jwk, y: key.jwk['x'] }
    expect(await ask({ ...partner, jwks: { keys: [off as never] } })).toMatchObject({
      code: 'signature_invalid',
      work: 1,
    })
  })

  test('costs no reading of the keys of a known client at each look-up, when they are frozen', async () => {
    let read = 0
    const jwk = new Proxy(Object.freeze({ ...key.jwk }), {
      get: (target, name) => {
        if (name === 'kty') read += 1
        return Reflect.get(target, name) as unknown
      },
    })
    const jwks = Object.freeze({ keys: Object.freeze([jwk]) }) as never
    const verifier = clients({ clients: (client_id) => ({ client_id, jwks }) })
    expect((await verifier.verify(clientAssertion({}, { kid: 'p1' }, key))).ok).toBe(true)
    const once = read
    expect((await verifier.verify(clientAssertion({}, { kid: 'p1' }, key))).ok).toBe(true)
    expect(read).toBe(once)
    // Another client may share the object, and its state is its own.
    const claims = { iss: 'another', sub: 'another' }
    expect((await verifier.verify(clientAssertion(claims, { kid: 'p1' }, key))).ok).toBe(true)
  })

  test('reads nothing of an assertion in answers, errors and events', async () => {
    const secret = 'do-not-print-this'
    const events: TokenRequestEvent[] = []
    const judge = endpoint({ onAudit: (event) => events.push(event) })
    const texts: string[] = []
    const claims = {
      iss: secret,
      sub: secret,
      jti: secret,
      aud: secret,
      cnf: secret,
      scope: secret,
      [secret]: 1,
    }
    const header = { kid: secret, typ: secret, jku: secret }
    const signer = makeSigner('ES256', secret)
    for (const claim of ['none', ...Object.keys(claims)]) {
      const changes = claim === 'none' ? {} : { [claim]: secret }
      for (const member of ['none', ...Object.keys(header)]) {
        const changed = member === 'none' ? {} : { [member]: secret }
        for (const request of [
          post({ grant_type: 'client_credentials', ...clientOf(clientAssertion(changes, changed, signer)) }),
          post({ ...clientOf(clientAssertion()), ...grantOf(grantAssertion(changes, changed, signer)) }),
          post({ ...clientOf(clientAssertion()), ...grantOf(idJag(changes, changed, signer)) }),
        ]) {
          const result = await judge(request)
          expect(result.ok).toBe(false)
          texts.push(JSON.stringify(result))
        }
      }
    }
    texts.push(JSON.stringify(events))
    expect(texts.length).toBeGreaterThan(90)
    expect(texts.filter((text) => text.includes(secret))).toEqual([])
  })

  test('cannot make a caller log a proof by its parameters', async () => {
    const result = await endpoint()(
      post({ ...grantOf(grantAssertion()), ...clientOf(clientAssertion()), scope: 'a', client_id: CLIENT }),
    )
    if (!result.ok) throw new Error(result.error.code)
    expect([...result.params]).toEqual([
      ['grant_type', GRANT_TYPE],
      ['scope', 'a'],
      ['client_id', CLIENT],
    ])
  })
})

describe('the body of a token request', () => {
  test('is read no further than its limit, whatever length it announces', async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1
        controller.enqueue(new Uint8Array(1024).fill(0x61))
      },
    })
    const request = new Request(TOKEN_ENDPOINT, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
      duplex: 'half',
    })
    const result = await endpoint({ limits: { maxBody: 8192 } })(request)
    expect(!result.ok && [result.error.code, result.response.status]).toEqual(['body_too_large', 413])
    expect(pulled).toBeLessThan(12)
  })

  const refusals: Readonly<
    Record<string, [request: () => Request, code: AssertionErrorCode, status: number]>
  > = {
    'by GET': [() => new Request(TOKEN_ENDPOINT), 'method_not_allowed', 405],
    'as JSON': [() => post({}, { 'content-type': 'application/json' }), 'content_type_not_accepted', 400],
    'in another charset': [
      () => post({}, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-16' }),
      'content_type_not_accepted',
      400,
    ],
    compressed: [() => post({}, { 'content-encoding': 'gzip' }), 'content_type_not_accepted', 400],
    'with an assertion in the URI': [
      () =>
        new Request(`${TOKEN_ENDPOINT}?assertion=x`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: `grant_type=${GRANT_TYPE}`,
        }),
      'parameter_in_query',
      400,
    ],
    'with a length which is announced too large': [
      () => post({ grant_type: 'x' }, { 'content-length': '65537' }),
      'body_too_large',
      413,
    ],
    'with a hundred parameters too many': [
      () => post(Array.from({ length: 201 }, (_, i) => [`p${i}`, 'x'] as const)),
      'body_malformed',
      400,
    ],
  }
  test.for(Object.entries(refusals))('%s is refused', async ([, [make, code, status]]) => {
    const result = await endpoint()(make())
    expect(!result.ok && [result.error.code, result.response.status]).toEqual([code, status])
  })

  test('cannot be judged twice', async () => {
    const request = post({ grant_type: 'x' })
    await request.text()
    await expect(endpoint()(request)).rejects.toThrow(TypeError)
  })
})

describe('limits, by a limiter of rate-limiter-flexible', () => {
  const parts = () => ({ clients: clients(), grants: grants(), grantTypes: 'client_credentials' })
  const bad = () =>
    post({
      grant_type: 'client_credentials',
      ...clientOf(clientAssertion({}, {}, makeSigner('ES256', 'c1'))),
    })
  const good = () => post({ grant_type: 'client_credentials', ...clientOf(clientAssertion()) })

  test('requests of one address are counted before anything of them is read', async () => {
    const judge = createTokenEndpoint({
      ...parts(),
      limits: { address: new RateLimiterMemory({ points: 2, duration: 60 }) },
    })
    expect((await judge.verify(good(), { address: '192.0.2.1' })).ok).toBe(true)
    expect((await judge.verify(good(), { address: '192.0.2.1' })).ok).toBe(true)
    const unread = good()
    const third = await judge.verify(unread, { address: '192.0.2.1' })
    if (third.ok) throw new Error('accepted')
    expect(third.response.status).toBe(429)
    expect(Number(new Headers(third.response.headers).get('retry-after'))).toBeGreaterThan(50)
    expect(unread.bodyUsed).toBe(false)
    expect((await judge.verify(good(), { address: '192.0.2.2' })).ok).toBe(true)
  })

  test('failures lock out a client at one address, not everywhere, and no other client there', async () => {
    const judge = createTokenEndpoint({
      ...parts(),
      secrets: (client_id, secret) => client_id === 'client-2' && secret === 'correct',
      limits: { failures: new RateLimiterMemory({ points: 3, duration: 60 }) },
    })
    const attacker = { address: '192.0.2.1' }
    const codes: unknown[] = []
    for (let i = 0; i < 5; i += 1) {
      const result = await judge.verify(bad(), attacker)
      codes.push(!result.ok && result.error.code)
    }
    expect(codes).toEqual([
      'signature_invalid',
      'signature_invalid',
      'signature_invalid',
      'rate_limited',
      'rate_limited',
    ])
    const locked = await judge.verify(good(), attacker)
    expect(!locked.ok && locked.response.status).toBe(429)
    expect((await judge.verify(good(), { address: '192.0.2.2' })).ok).toBe(true)
    const secret = post({ grant_type: 'client_credentials', client_id: 'client-2', client_secret: 'correct' })
    expect((await judge.verify(secret, attacker)).ok).toBe(true)
  })

  test('of many secrets tried at once no more are told right from wrong than one by one', async () => {
    const all = Promise.withResolvers<void>()
    let asked = 0
    const judge = createTokenEndpoint({
      ...parts(),
      secrets: async (_client_id, secret) => {
        asked += 1
        if (asked === 20) all.resolve()
        await all.promise
        return secret === 'correct'
      },
      limits: { failures: new RateLimiterMemory({ points: 5, duration: 60 }) },
    })
    const tries = Array.from({ length: 20 }, (_, i) => {
      const client_secret = i === 10 ? 'correct' : `wrong-${i}`
      const request = post({ grant_type: 'client_credentials', client_id: 'client-2', client_secret })
      return judge.verify(request, { address: '192.0.2.1' })
    })
    const codes = (await Promise.all(tries)).map((result) => (result.ok ? 'ok' : result.error.code))
    expect(codes.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'client_secret_wrong'))
    expect(new Set(codes.slice(5))).toEqual(new Set(['rate_limited']))
  })

  test('an outage of ours is no failure of the client', async () => {
    let broken = true
    const judge = createTokenEndpoint({
      ...parts(),
      clients: clients({
        replay: { claim: () => (broken ? Promise.reject(new Error('no connection')) : true) },
      }),
      limits: { failures: new RateLimiterMemory({ points: 1, duration: 60 }) },
    })
    for (let i = 0; i < 5; i += 1) {
      const result = await judge.verify(good(), { address: '192.0.2.1' })
      expect(!result.ok && result.error.code).toBe('replay_store_failed')
    }
    broken = false
    expect((await judge.verify(good(), { address: '192.0.2.1' })).ok).toBe(true)
  })

  test('a limiter which fails lets nothing pass', async () => {
    const failing: RateLimiter = { consume: () => Promise.reject(new Error('no connection')) }
    for (const limits of [{ address: failing }, { failures: failing }]) {
      const result = await createTokenEndpoint({ ...parts(), limits }).verify(good(), {
        address: '192.0.2.1',
      })
      expect(!result.ok && [result.error.code, result.response.status]).toEqual(['rate_limiter_failed', 503])
    }
  })

  test('limits without an address are misuse', async () => {
    const judge = createTokenEndpoint({
      ...parts(),
      limits: { address: new RateLimiterMemory({ points: 2, duration: 60 }) },
    })
    await expect(judge.verify(good())).rejects.toThrow(TypeError)
  })
})

test('an assertion signed by hand as the others is accepted, so that the refusals above mean something', async () => {
  const assertion = sign(makeSigner('ES256', 'c1'), {})
  expect((await clients().verify(assertion)).ok).toBe(false)
  expect((await clients().verify(clientAssertion())).ok).toBe(true)
  expect((await grants().verify(grantAssertion())).ok).toBe(true)
  expect((await grants().verify(idJag(), { client_id: CLIENT })).ok).toBe(true)
})
