import {
  allowInsecureRequests,
  type Authorities,
  createResourceServer,
  type Deviations,
  entitlement,
  type ErrorCode,
  type Policy,
  type ResourceServer,
  role,
  scope,
  type TrustedIssuer,
} from '@atjwt/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AuthorizationServer,
  resource,
  type Shape,
  startAuthorizationServer,
} from './authorization-server.ts'
import { judge } from './judge.ts'

interface Case {
  readonly shape: Shape
  /** What RFC 9068 says to it; judged with `policy`, where there is one. */
  readonly strict: ErrorCode | 'authorized'
  readonly policy?: Policy
  /** What has to be said about the issuer for its tokens to serve. */
  readonly deviations?: Deviations
  readonly authorities?: Authorities
}

const strings = (value: unknown): string[] | undefined =>
  Array.isArray(value) && value.every((element) => typeof element === 'string') ? value : undefined
const words = (value: unknown): string[] | undefined =>
  typeof value === 'string' ? value.split(' ') : undefined
const member = (value: unknown, name: string): unknown =>
  (value as Record<string, unknown> | undefined)?.[name]

/** Tokens of a real server, each deformed as some server in the field writes them, and really signed. */
const CASES: Readonly<Record<string, Case>> = {
  'typ JWT': {
    shape: (token) => {
      token.header = { typ: 'JWT' }
    },
    strict: 'type_mismatch',
    deviations: { typ: ['JWT'] },
  },
  'no typ': {
    shape: (token) => {
      token.header = { typ: undefined }
    },
    strict: 'type_mismatch',
    deviations: { typ: [null] },
  },
  'a typ of its own': {
    shape: (token) => {
      token.header = { typ: 'application/okta-internal-at+jwt' }
    },
    strict: 'type_mismatch',
    deviations: { typ: ['okta-internal-at+jwt'] },
  },
  'typ as a full media type': {
    shape: (token) => {
      token.header = { typ: 'application/AT+JWT' }
    },
    strict: 'authorized',
  },
  'aud as a list with others': {
    shape: ({ payload }) => {
      payload['aud'] = ['https://other.example', payload['aud']]
    },
    strict: 'authorized',
  },
  'scope as a list': {
    shape: ({ payload }) => {
      payload['scope'] = words(payload['scope'])
    },
    policy: scope('orders:read'),
    strict: 'missing_scope',
    authorities: { scopes: (claims) => strings(claims['scope']) },
  },
  'no client_id': {
    shape: ({ payload }) => {
      delete payload['client_id']
    },
    strict: 'claim_missing',
    deviations: { optionalClaims: ['client_id'] },
  },
  'iat as text': {
    shape: ({ payload }) => {
      payload['iat'] = String(payload['iat'])
    },
    strict: 'claim_invalid',
  },
  'no jti': {
    shape: ({ payload }) => {
      delete payload['jti']
    },
    strict: 'claim_missing',
    deviations: { optionalClaims: ['jti'] },
  },
  Keycloak: {
    shape: (token) => {
      const { client_id, aud, roles: _roles, groups: _groups, ...payload } = token.payload
      token.header = { typ: 'JWT' }
      token.payload = {
        ...payload,
        typ: 'Bearer',
        azp: client_id,
        aud: [aud, 'account'],
        acr: '1',
        realm_access: { roles: ['offline_access', 'admin'] },
        resource_access: { account: { roles: ['view-profile'] } },
        preferred_username: 'user',
      }
    },
    policy: role('admin'),
    strict: 'type_mismatch',
    deviations: { typ: ['JWT'], client_id: 'azp' },
    authorities: { roles: (claims) => strings(member(claims['realm_access'], 'roles')) },
  },
  'Entra ID': {
    shape: (token) => {
      const { client_id, jti, scope: scopes, ...payload } = token.payload
      token.header = { typ: 'JWT' }
      token.payload = { ...payload, azp: client_id, uti: jti, scp: scopes, ver: '2.0', tid: 'tenant' }
    },
    policy: scope('orders:read'),
    strict: 'type_mismatch',
    deviations: { typ: ['JWT'], client_id: 'azp', jti: 'uti' },
    authorities: { scopes: (claims) => words(claims['scp']) },
  },
  Okta: {
    shape: (token) => {
      const { client_id, scope: scopes, ...payload } = token.payload
      token.header = { typ: undefined }
      token.payload = { ...payload, cid: client_id, ver: 1, scp: words(scopes) }
    },
    policy: scope('orders:read'),
    strict: 'type_mismatch',
    deviations: { typ: [null], client_id: 'cid' },
    authorities: { scopes: (claims) => strings(claims['scp']) },
  },
  Auth0: {
    shape: (token) => {
      const { client_id, jti: _jti, ...payload } = token.payload
      token.header = { typ: 'JWT' }
      token.payload = { ...payload, azp: client_id, gty: 'client-credentials', permissions: ['reports:read'] }
    },
    policy: entitlement('reports:read'),
    strict: 'type_mismatch',
    deviations: { typ: ['JWT'], client_id: 'azp', optionalClaims: ['jti'] },
    authorities: { entitlements: (claims) => strings(claims['permissions']) },
  },
}

const NAMES = Object.keys(CASES)
const kindOf = (name: string): string => `ES256/${NAMES.indexOf(name)}`
let as: AuthorizationServer

beforeAll(async () => {
  as = await startAuthorizationServer({
    shapes: Object.fromEntries(Object.values(CASES).map(({ shape }, index) => [index, shape])),
  })
})
afterAll(() => as[Symbol.asyncDispose]())

const resourceServer = (name: string, trust: Omit<TrustedIssuer, 'issuer'> = {}): ResourceServer =>
  createResourceServer({
    issuer: { issuer: as.issuer, ...trust },
    audience: resource(kindOf(name)),
    [allowInsecureRequests]: true,
  })

test.each(Object.entries(CASES))(
  '%s is judged as RFC 9068 says by default',
  async (name, { strict, policy }) => {
    expect(await judge(resourceServer(name), await as.clientToken(kindOf(name)), policy)).toBe(strict)
  },
)

const RELAXED = Object.entries(CASES).filter(
  ([, { deviations, authorities }]) => deviations !== undefined || authorities !== undefined,
)

describe.each(RELAXED)('%s', (name, { policy, deviations, authorities }) => {
  const trust = {
    ...(deviations === undefined ? {} : { deviations }),
    ...(authorities === undefined ? {} : { authorities }),
  }

  test('is accepted when the issuer is described as it is', async () => {
    const api = resourceServer(name, trust)
    const token = await as.clientToken(kindOf(name))
    expect(await judge(api, token, policy)).toBe('authorized')
    // What was remembered is judged by the same rules.
    expect(await judge(api, token, policy)).toBe('authorized')
  })

  test('leaves every other rule as it was', async () => {
    const api = resourceServer(name, trust)
    expect(await judge(api, await as.clientToken('ES256'))).toBe('audience_mismatch')
    const token = await as.clientToken(kindOf(name))
    const [header, payload] = token.split('.') as [string, string]
    expect(await judge(api, [header, payload, 'A'.repeat(86)].join('.'))).toBe('signature_invalid')
    expect(await judge(api, token, role('super'))).toBe('policy_denied')
  })

  test('is refused again when any one of its deviations is not described', async () => {
    const parts = [
      ...Object.keys(deviations ?? {}).map((part) => ({
        ...trust,
        deviations: { ...deviations, [part]: undefined } as Deviations,
      })),
      ...Object.keys(authorities ?? {}).map(() => ({ ...trust, authorities: {} })),
    ]
    const token = await as.clientToken(kindOf(name))
    for (const part of parts) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await judge(resourceServer(name, part), token, policy)).not.toBe('authorized')
    }
    expect(parts.length).toBeGreaterThan(0)
  })
})

test('a Keycloak-shaped token holds what the mapping says, and its client by its own name', async () => {
  const { deviations, authorities } = CASES['Keycloak'] as Required<Case>
  const api = resourceServer('Keycloak', { deviations, authorities })
  const token = await api.verify(await as.clientToken(kindOf('Keycloak')))
  expect(token.clientId).toBe('service')
  expect(token.claims.client_id).toBeUndefined()
  expect([...token.roles]).toEqual(['offline_access', 'admin'])
  expect([...token.scopes]).toEqual(['orders:read', 'orders:write'])
})
