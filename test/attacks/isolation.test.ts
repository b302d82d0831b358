// oxlint-disable no-await-in-loop -- what comes first is what the test is about
import {
  type AuthorizationError,
  clock,
  createResourceServer,
  type ResourceServer,
  type ResourceServerOptions,
  role,
} from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { AUDIENCE, createSigner, ISSUER, NOW, requestWith } from './properties/signer.ts'

const PARTNER = 'https://partner.example'
// RFC 7515 §4.1.4: a kid has a meaning at its issuer only.
const ours = createSigner('EdDSA', 'key-1')
const theirs = createSigner('EdDSA', 'key-1')

function both(options: Partial<ResourceServerOptions> = {}): ResourceServer {
  return createResourceServer({
    issuer: [
      { issuer: ISSUER, jwks: { keys: [ours.jwk] as never } },
      {
        issuer: PARTNER,
        jwks: { keys: [theirs.jwk] as never },
        allow: { scopes: ['orders:read'], roles: [] },
      },
    ],
    audience: AUDIENCE,
    [clock]: () => NOW,
    ...options,
  })
}

async function codeOf(api: ResourceServer, token: string): Promise<string> {
  return api.verify(token).then(
    () => 'accepted',
    (error: AuthorizationError) => error.code,
  )
}

describe('two issuers with one kid', () => {
  const good = [ours.issue(), theirs.issue({ iss: PARTNER })]
  const crossed = [theirs.issue(), ours.issue({ iss: PARTNER })]

  test.each([
    ['cold', []],
    ['after good tokens of both were remembered', good],
  ])('neither signs for the other, %s', async (_when, before) => {
    const api = both()
    for (const token of before) {
      expect(await codeOf(api, token)).toBe('accepted')
    }
    for (const token of crossed) {
      expect(await codeOf(api, token)).toBe('signature_invalid')
    }
  })

  test('one of them cannot mint what it may not give, fresh or remembered', async () => {
    const api = both()
    const token = theirs.issue({ iss: PARTNER, scope: 'orders:read admin', roles: ['admin'] })
    for (const state of ['fresh', 'remembered']) {
      const result = await api.authorize(requestWith(token), role('admin'))
      expect([state, result.ok ? 'granted' : result.error.code]).toEqual([state, 'policy_denied'])
      expect([...(await api.verify(token)).scopes]).toEqual(['orders:read'])
    }
  })
})

describe('what one resource server remembers', () => {
  const other = 'https://other.example'

  test('is not known to another resource on the same issuers', async () => {
    const api = both()
    const neighbour = api.with({ audience: other })
    const [mine, its] = [ours.issue(), ours.issue({ aud: other })]
    for (const state of ['fresh', 'remembered']) {
      const codes = await Promise.all([
        codeOf(api, mine),
        codeOf(neighbour, mine),
        codeOf(api, its),
        codeOf(neighbour, its),
      ])
      expect([state, ...codes]).toEqual([
        state,
        'accepted',
        'audience_mismatch',
        'audience_mismatch',
        'accepted',
      ])
    }
  })

  test('is not known to another server with other rules', async () => {
    const lax = both({ clockTolerance: 300 })
    const strict = both({ clockTolerance: 0 })
    const narrow = both({ algorithms: ['RS256'] })
    const token = ours.issue({ iat: NOW - 100, exp: NOW - 10 })
    expect(await codeOf(lax, token)).toBe('accepted')
    expect(await codeOf(strict, token)).toBe('token_expired')
    expect(await codeOf(narrow, token)).toBe('algorithm_not_allowed')
  })

  test('does not let a token of one server pass for one of another in demand()', async () => {
    const api = both()
    const auth = await api.verify(ours.issue({ roles: ['admin'] }))
    await expect(api.demand(auth, role('admin'))).resolves.toBe(auth)
    await expect(both().demand(auth, role('admin'))).rejects.toThrow(TypeError)
    await expect(api.with({ audience: other }).demand(auth, role('admin'))).rejects.toThrow(TypeError)
    await expect(api.demand({ ...auth }, role('admin'))).rejects.toThrow(TypeError)
    await expect(api.demand(Object.create(auth), role('admin'))).rejects.toThrow(TypeError)
    await expect(api.demand(new Proxy(auth, {}), role('admin'))).rejects.toThrow(TypeError)
  })
})

test('tokens which differ in one claim alone are never taken for each other', async () => {
  const api = both()
  const tokens = Array.from({ length: 2000 }, (_none, n) =>
    ours.issue({ jti: 'the-same', sub: 'user-1', z: String(n).padStart(4, '0') }),
  )
  for (const state of ['fresh', 'remembered']) {
    const verified = await Promise.all(tokens.map((token) => api.verify(token)))
    const own = verified.filter(({ claims }, n) => Number(claims['z']) === n)
    expect([state, own.length]).toEqual([state, tokens.length])
  }
})

describe('a resolver of issuers', () => {
  test.each([
    [
      'an iss of more than 512 characters',
      { iss: `https://partner.example/${'x'.repeat(489)}` },
      {},
      'issuer_not_trusted',
    ],
    ['an iss which is a list', { iss: [PARTNER] }, {}, 'claim_invalid'],
    ['no iss', { iss: undefined }, {}, 'claim_missing'],
    ['the type of another token', { iss: PARTNER }, { typ: 'logout+jwt' }, 'type_mismatch'],
    ['an algorithm that is none', { iss: PARTNER }, { alg: 'HS256' }, 'algorithm_not_allowed'],
    ['an extension which is not understood', { iss: PARTNER }, { crit: ['exp'] }, 'critical_header_unknown'],
  ])('is not asked about a token with %s', async (_what, claims, header, code) => {
    const asked: string[] = []
    const api = createResourceServer({
      issuer: (iss) => {
        asked.push(iss)
        return { issuer: iss, jwks: { keys: [theirs.jwk] as never } }
      },
      audience: AUDIENCE,
      [clock]: () => NOW,
    })
    expect(await codeOf(api, theirs.issue(claims, header))).toBe(code)
    expect(asked).toEqual([])
    expect(await codeOf(api, theirs.issue({ iss: PARTNER }))).toBe('accepted')
    expect(asked).toEqual([PARTNER])
  })

  test('cannot answer with another issuer than the one that was asked for', async () => {
    const api = createResourceServer({
      issuer: () => ({ issuer: ISSUER, jwks: { keys: [ours.jwk] as never } }),
      audience: AUDIENCE,
      [clock]: () => NOW,
    })
    expect(await codeOf(api, ours.issue({ iss: PARTNER }))).toBe('issuer_not_trusted')
    expect(await codeOf(api, ours.issue())).toBe('accepted')
  })
})
