import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, test } from 'vitest'

import { createTestApi } from '../../../../test/helpers/api.ts'
import { createTestIssuer } from '../../../testing/src/index.ts'
import {
  type AccessToken,
  AuthorizationError,
  clock,
  createResourceServer,
  customFetch,
  type ResourceServer,
} from '../index.ts'

/** `authorized`, or the code of the refusal with the claim at fault. */
async function outcome<C>(api: ResourceServer<C>, token: string): Promise<string> {
  try {
    await api.verify(token)
    return 'authorized'
  } catch (error) {
    if (!AuthorizationError.is(error)) throw error
    return error.claim === undefined ? error.code : `${error.code} ${error.claim}`
  }
}

/** A Standard Schema, written by hand. */
const schema = <T>(validate: (claims: Record<string, unknown>) => unknown): StandardSchemaV1<unknown, T> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: validate as StandardSchemaV1<unknown, T>['~standard']['validate'],
  },
})

describe('verify() before any key is asked for', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['another typ (AT-01)', {}, { typ: 'JWT' }, 'type_mismatch'],
    ['no typ (AT-01)', {}, { typ: undefined }, 'type_mismatch'],
    ['no issuer (AT-06)', { iss: undefined }, {}, 'claim_missing iss'],
    ['a list of issuers (AT-06)', { iss: ['https://issuer.test'] }, {}, 'claim_invalid iss'],
    ['an issuer with a slash more (AT-06)', { iss: 'https://issuer.test/' }, {}, 'issuer_not_trusted'],
    ['an issuer in another case (AT-06)', { iss: 'https://ISSUER.test' }, {}, 'issuer_not_trusted'],
    ['an issuer with its port (AT-06)', { iss: 'https://issuer.test:443' }, {}, 'issuer_not_trusted'],
    ['an issuer nobody trusts (MD-11)', { iss: 'https://evil.example' }, {}, 'issuer_not_trusted'],
    [
      'an issuer longer than any (MD-11)',
      { iss: `https://issuer.test/${'x'.repeat(512)}` },
      {},
      'issuer_not_trusted',
    ],
    ['an issuer from a prototype', { iss: '__proto__' }, {}, 'issuer_not_trusted'],
  ])('refuses %s, and nothing is fetched', async (_what, claims, header, code) => {
    const { api, issuer } = await createTestApi()
    expect(await outcome(api, await issuer.issue(claims, header))).toBe(code)
    expect(issuer.fetched).toEqual([])
  })

  test('refuses what is too long, whatever it is (JO-27)', async () => {
    const { api, issuer } = await createTestApi({ maxTokenLength: 600 })
    expect(await outcome(api, await issuer.issue({ pad: 'x'.repeat(600) }))).toBe('token_too_large')
    expect(await outcome(api, 'x'.repeat(1_000_000))).toBe('token_too_large')
    expect(await outcome(api, await issuer.issue())).toBe('authorized')
  })

  test('refuses an algorithm which no issuer may use (JO-06)', async () => {
    const { api, issuer } = await createTestApi({ algorithms: 'RS256' })
    expect(await outcome(api, await issuer.issue())).toBe('algorithm_not_allowed')
    expect(issuer.fetched).toEqual([])
  })

  test.each([
    ['no JSON', '{', 'claims_malformed'],
    ['a list (AT-16)', '[]', 'claims_malformed'],
    ['null (AT-16)', 'null', 'claims_malformed'],
    ['a duplicate claim (JO-03)', '{"iss":"https://issuer.test","exp":1,"exp":2}', 'claims_malformed'],
    ['an infinite exp (AT-11)', '{"iss":"https://issuer.test","exp":1e400}', 'claims_malformed'],
    ['a byte order mark (JO-23)', '\uFEFF{}', 'claims_malformed'],
  ])('refuses a payload with %s', async (_what, payload, code) => {
    const { api, issuer } = await createTestApi()
    const [header, , signature] = (await issuer.issue()).split('.')
    const forged = `${header}.${Buffer.from(payload).toString('base64url')}.${signature}`
    expect(await outcome(api, forged)).toBe(code)
  })
})

describe('verify() of signatures', () => {
  test('refuses another payload, another signature, and one of another length (AT-09)', async () => {
    const { api, issuer } = await createTestApi()
    const [header, payload, signature] = (await issuer.issue()).split('.') as [string, string, string]
    const [, otherPayload, otherSignature] = (await issuer.issue({ sub: 'other' })).split('.')
    for (const forged of [
      `${header}.${otherPayload}.${signature}`,
      `${header}.${payload}.${otherSignature}`,
      `${header}.${payload}.${signature.slice(0, 44)}`,
      `${header}.${payload}.${'A'.repeat(86)}`,
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- four
      expect(await outcome(api, forged)).toBe('signature_invalid')
    }
  })

  test('tells a bad signature from a bad claim: the claims of a stranger are not judged', async () => {
    const { api, issuer } = await createTestApi()
    const [header, , signature] = (await issuer.issue()).split('.')
    const [, expired] = (await issuer.issue({ exp: 1 })).split('.')
    expect(await outcome(api, `${header}.${expired}.${signature}`)).toBe('signature_invalid')
  })

  test('tries each key of a kid that occurs twice, and each without a kid (JO-12)', async () => {
    const issuer = await createTestIssuer()
    await issuer.rotate()
    const jwks = { keys: issuer.jwks.keys.map((key) => ({ ...key, kid: 'same' })) }
    const api = createResourceServer({ issuer: { issuer: issuer.issuer, jwks }, audience: issuer.audience })
    expect(await outcome(api, await issuer.issue({}, { kid: 'same' }))).toBe('authorized')
    expect(await outcome(api, await issuer.issue({}, { kid: undefined }))).toBe('authorized')
    expect(await outcome(api, await issuer.issue({}, { kid: 'SAME' }))).toBe('kid_unknown')
  })

  test('passes over a key which the runtime refuses (JO-08)', async () => {
    const issuer = await createTestIssuer()
    const [key] = issuer.jwks.keys
    const offCurve = { ...key, x: 'A'.repeat(43), y: 'A'.repeat(43) }
    const api = createResourceServer({
      issuer: { issuer: issuer.issuer, jwks: { keys: [offCurve, key ?? {}] as never } },
      audience: issuer.audience,
    })
    expect(await outcome(api, await issuer.issue())).toBe('authorized')
  })

  test('never takes the key of another issuer, though it has the same kid (MD-12)', async () => {
    const [a, b] = await Promise.all(
      ['https://a.test', 'https://b.test'].map((issuer) => createTestIssuer({ issuer })),
    )
    if (a === undefined || b === undefined) throw new Error('no issuers')
    const kid = 'same'
    const trust = [a, b].map(({ issuer, jwks }) => ({
      issuer,
      jwks: { keys: jwks.keys.map((key) => ({ ...key, kid })) },
    }))
    const api = createResourceServer({ issuer: trust, audience: a.audience })
    expect(await outcome(api, await a.issue({}, { kid }))).toBe('authorized')
    expect(await outcome(api, await b.issue({}, { kid }))).toBe('authorized')
    expect(await outcome(api, await b.issue({ iss: a.issuer }, { kid }))).toBe('signature_invalid')
  })
})

describe('verify() by the rules of the issuer', () => {
  test('relaxes typ and algorithms for one, and no other (AT-03)', async () => {
    const [a, b] = [
      await createTestIssuer({ issuer: 'https://a.test', alg: 'EdDSA' }),
      await createTestIssuer({ issuer: 'https://b.test' }),
    ]
    const api = createResourceServer({
      issuer: [
        { issuer: a.issuer, jwks: a.jwks, algorithms: 'Ed25519', deviations: { typ: ['JWT', null] } },
        { issuer: b.issuer, jwks: b.jwks },
      ],
      audience: a.audience,
      algorithms: 'ES256',
    })
    for (const typ of ['at+jwt', 'JWT', 'jwt', 'application/jwt', undefined]) {
      // oxlint-disable-next-line no-await-in-loop -- five
      expect(await outcome(api, await a.issue({}, { typ }))).toBe('authorized')
    }
    expect(await outcome(api, await a.issue({ nonce: 'n' }, { typ: 'JWT' }))).toBe('not_an_access_token')
    expect(await outcome(api, await a.issue({ nonce: 'n' }))).toBe('authorized')
    expect(await outcome(api, await a.issue({}, { typ: 'logout+jwt' }))).toBe('type_mismatch')
    expect(await outcome(api, await b.issue())).toBe('authorized')
    expect(await outcome(api, await b.issue({}, { typ: 'JWT' }))).toBe('type_mismatch')
    expect(await outcome(api, await b.issue({ iss: a.issuer }))).toBe('algorithm_not_allowed')
  })

  test('maps authorities for one, and holds only what it may give', async () => {
    const { api, issuer } = await createTestApi({
      issuer: {
        issuer: 'https://issuer.test',
        authorities: { roles: ({ realm }) => realm as string[] },
        allow: { roles: ['clerk'] },
      },
      authorities: { roles: () => ['admin'], groups: () => ['everybody'] },
    })
    const token = await api.verify(await issuer.issue({ realm: ['admin', 'clerk'], roles: ['admin'] }))
    expect([...token.roles]).toEqual(['clerk'])
    expect([...token.groups]).toEqual(['everybody'])
  })

  test('rejects with what a mapping throws: that is no fault of the token', async () => {
    const { api, issuer } = await createTestApi({
      authorities: {
        roles: () => {
          throw new RangeError('x')
        },
      },
    })
    await expect(api.verify(await issuer.issue())).rejects.toThrow(RangeError)
  })
})

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())

describe('verify() of a token which is remembered', () => {
  test('gives the same object, frozen through and through', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue({ deep: { list: [{ a: 1 }] }, scope: 'a' })
    const [first, second] = [await api.verify(token), await api.verify(token)]
    expect(second).toBe(first)
    const reachable = (value: unknown): unknown[] =>
      typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(reachable)] : []
    expect(reachable(first).every(Object.isFrozen)).toBe(true)
    expect(first.binding.size).toBe(0)
  })

  test('verifies each time when the cache is off', async () => {
    const { api, issuer } = await createTestApi({ cache: false })
    const token = await issuer.issue()
    expect(await api.verify(token)).not.toBe(await api.verify(token))
  })

  test('judges time as for a new one (AT-11)', async () => {
    const { api, issuer, advance } = await createTestApi()
    const token = await issuer.issue()
    await api.verify(token)
    advance(304)
    expect(await outcome(api, token)).toBe('authorized')
    advance(1)
    expect(await outcome(api, token)).toBe('token_expired')
  })

  test('is not misled by header and payload with another signature', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue()
    await api.verify(token)
    const [header, payload] = token.split('.')
    const [, , other] = (await issuer.issue()).split('.')
    expect(await outcome(api, `${header}.${payload}.${other}`)).toBe('signature_invalid')
  })

  test('is not misled by a token which differs in one letter, wherever it stands', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue()
    const taken: number[] = []
    for (let at = 0; at < token.length; at += 1) {
      // Remembered, or its digest would not be compared.
      expect(await api.verify(token)).toBe(await api.verify(token))
      const letter = token[at] === 'A' ? 'B' : 'A'
      const code = await outcome(api, token.slice(0, at) + letter + token.slice(at + 1))
      if (code === 'authorized') taken.push(at)
    }
    expect(taken).toEqual([])
  })

  test('takes other claims, another header and another payload under its signature for what they are', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue({ scope: 'read' })
    const [header, payload, signature] = token.split('.') as [string, string, string]
    const admin = encode({ ...(decode(payload) as object), scope: 'root' })
    const { typ, ...members } = decode(header) as { typ: string }
    const typed = encode({ typ: typ.toUpperCase(), ...members })
    for (const forged of [
      `${header}.${admin}.${signature}`,
      `${typed}.${payload}.${signature}`,
      `${typed}.${admin}.${signature}`,
    ]) {
      expect(await api.verify(token)).toBe(await api.verify(token))
      // Of another length it would not be taken for the same.
      expect(forged).toHaveLength(token.length)
      expect(await outcome(api, forged)).toBe('signature_invalid')
    }
    expect(await outcome(api, `${payload}.${header}.${signature}`)).toBe('algorithm_not_allowed')
  })

  test('forgets it with its key', async () => {
    const { api, issuer, advance } = await createTestApi()
    const token = await issuer.issue({ exp: 1_800_003_000 })
    await api.verify(token)
    await issuer.rotate({ retire: true })
    advance(601)
    await api.ready()
    expect(await outcome(api, token)).toBe('kid_unknown')
  })

  test('asks a resolver each time whether the issuer is still trusted', async () => {
    let trusted: { issuer: string; audience?: string } | undefined = { issuer: 'https://issuer.test' }
    const { api, issuer } = await createTestApi({ issuer: async () => trusted })
    const token = await issuer.issue()
    expect(await outcome(api, token)).toBe('authorized')
    trusted = { issuer: 'https://issuer.test', audience: 'https://other.example' }
    expect(await outcome(api, token)).toBe('audience_mismatch')
    trusted = undefined
    expect(await outcome(api, token)).toBe('issuer_not_trusted')
    trusted = { issuer: 'https://issuer.test' }
    expect(await outcome(api, token)).toBe('authorized')
  })
})

describe('verify() with a schema', () => {
  const ok = (value: unknown): unknown => ({ value })

  test.each([
    ['at once', (claims: Record<string, unknown>) => ok({ tenant: String(claims['tenant']) })],
    ['later', async (claims: Record<string, unknown>) => ok({ tenant: String(claims['tenant']) })],
  ])('shows what it returns %s', async (_when, validate) => {
    const { api, issuer } = await createTestApi({ claims: schema<{ tenant: string }>(validate) })
    const token = await api.verify(await issuer.issue({ tenant: 7, other: 1 }))
    expect(token.claims.tenant).toBe('7')
    expect('other' in token.claims).toBe(false)
    expect(Object.getPrototypeOf(token.claims)).toBeNull()
  })

  test('keeps the registered claims as they were signed', async () => {
    const changed = {
      iss: 'x',
      sub: 'admin',
      aud: 'x',
      client_id: 'x',
      exp: 9e9,
      iat: 1,
      jti: 'x',
      scope: 'admin',
    }
    const { api, issuer } = await createTestApi({ claims: schema<{ scope: string }>(() => ok(changed)) })
    const token = await api.verify(await issuer.issue({ scope: 'a' }))
    expect(token.claims).toMatchObject({
      iss: issuer.issuer,
      sub: 'user-1',
      aud: issuer.audience,
      scope: 'a',
    })
    expect([token.subject, [...token.scopes]]).toEqual(['user-1', ['a']])
    expect(token.claims.exp).toBe(1_800_000_300)
  })

  test('reads authorities from the signed claims', async () => {
    const { api, issuer } = await createTestApi({
      claims: schema<{ roles: string[] }>(() => ok({ roles: ['admin'] })),
    })
    const token = await api.verify(await issuer.issue({ roles: ['clerk'] }))
    expect([...token.roles]).toEqual(['clerk'])
  })

  test('refuses what does not fit, and says nothing of the issues', async () => {
    const issues = [{ message: 'secret-claim-value', path: ['tenant'] }]
    const { api, issuer } = await createTestApi({ claims: schema(() => ({ issues })) })
    const error: unknown = await api.verify(await issuer.issue()).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'claims_schema_mismatch', status: 401 })
    expect(JSON.stringify([error, (error as AuthorizationError).answer])).not.toContain('secret')
  })

  test.each([null, undefined, [], 'text', 7])(
    'rejects when it returns %j: that is no fault of the token',
    async (value) => {
      const { api, issuer } = await createTestApi({ claims: schema(() => ok(value)) })
      await expect(api.verify(await issuer.issue())).rejects.toThrow(
        new TypeError('Cannot use claims: the schema returned no object'),
      )
    },
  )

  test('rejects with what it throws', async () => {
    const { api, issuer } = await createTestApi({
      claims: schema(() => {
        throw new RangeError('x')
      }),
    })
    await expect(api.verify(await issuer.issue())).rejects.toThrow(RangeError)
  })

  test('freezes plain data which it made, and leaves instances alone', async () => {
    const made = {
      plain: { list: [{ a: 1 }] },
      at: new Date(0),
      bare: Object.create(null) as object,
      nothing: null,
    }
    const { api, issuer } = await createTestApi({ claims: schema<typeof made>(() => ok(made)) })
    const { claims } = await api.verify(await issuer.issue())
    expect([claims.plain, claims.plain.list, claims.plain.list[0], claims.bare].every(Object.isFrozen)).toBe(
      true,
    )
    expect(Object.isFrozen(claims.at)).toBe(false)
  })

  test('runs once per token, and not for tokens which are refused', async () => {
    let ran = 0
    const { api, issuer } = await createTestApi({
      claims: schema(() => {
        ran += 1
        return ok({})
      }),
    })
    const token = await issuer.issue()
    await api.verify(token)
    await api.verify(token)
    await outcome(api, await issuer.issue({ exp: 1 }))
    expect(ran).toBe(1)
  })

  test('refuses a token whose key went while the schema took its time', async () => {
    const issuer = await createTestIssuer({ clock: () => 1_800_000_000 })
    const api: ResourceServer<object> = createResourceServer({
      issuer: issuer.issuer,
      audience: issuer.audience,
      [customFetch]: issuer.fetch,
      [clock]: () => 1_800_000_000,
      claims: schema<object>(async () => {
        api.revokeKey(issuer.issuer, issuer.jwks.keys[0]?.kid as string)
        return ok({})
      }),
    })
    expect(await outcome(api, await issuer.issue())).toBe('key_retired')
  })
})

describe('an AccessToken', () => {
  test('has claims which are names like any other (AT-19)', async () => {
    const { api, issuer } = await createTestApi()
    const strange = JSON.parse('{"__proto__":{"admin":true},"constructor":1}') as Record<string, unknown>
    const token: AccessToken = await api.verify(await issuer.issue(strange))
    expect(token.claims['admin']).toBeUndefined()
    expect(Object.keys(token.claims)).toContain('constructor')
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  })

  test('names subject and client, and none where the issuer names none', async () => {
    const { api, issuer } = await createTestApi({
      issuer: {
        issuer: 'https://issuer.test',
        deviations: { optionalClaims: ['sub', 'client_id'], client_id: 'azp' },
      },
    })
    const named = await api.verify(await issuer.issue({ azp: 'app' }))
    expect([named.issuer, named.subject, named.clientId]).toEqual([issuer.issuer, 'user-1', 'app'])
    const bare = await api.verify(await issuer.issue({ sub: undefined }))
    expect([bare.subject, bare.clientId]).toEqual([undefined, undefined])
  })
})

describe('verify() where a signature takes its time', () => {
  test('judges by the time at which it is done', async () => {
    let time = 1_800_000_000
    const issuer = await createTestIssuer({ alg: 'ES512', clock: () => time })
    const api = createResourceServer({
      issuer: issuer.issuer,
      audience: issuer.audience,
      [customFetch]: issuer.fetch,
      [clock]: () => time,
    })
    await api.ready()
    const token = await issuer.issue({ exp: time + 60 })
    const late = outcome(api, token)
    time += 65
    expect(await late).toBe('token_expired')
    const inTime = outcome(api, token)
    time -= 1
    expect(await inTime).toBe('authorized')
  })
})
