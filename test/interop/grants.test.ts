import {
  all,
  allowInsecureRequests,
  client,
  createResourceServer,
  entitlement,
  group,
  type ResourceServer,
  role,
  scope,
} from '@atjwt/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AUTHORITIES,
  type AuthorizationServer,
  resource,
  startAuthorizationServer,
  USER,
} from './authorization-server.ts'
import { judge } from './judge.ts'

let as: AuthorizationServer
let api: ResourceServer

beforeAll(async () => {
  as = await startAuthorizationServer()
  api = createResourceServer({
    issuer: as.issuer,
    audience: resource('ES256'),
    [allowInsecureRequests]: true,
  })
})
afterAll(async () => {
  await api.close()
  await as[Symbol.asyncDispose]()
})

describe('client credentials', () => {
  test.each([
    ['client_secret_basic', 'service', () => as.clientToken('ES256')],
    ['private_key_jwt', 'keyed', () => as.clientTokenByKey('ES256')],
  ])('by %s: the subject is the client (AT-01)', async (_method, name, request) => {
    const token = await api.verify(await request())
    expect(token).toMatchObject({ issuer: as.issuer, subject: name, clientId: name })
    expect(token.header['typ']).toBe('at+jwt')
    expect(token.claims.aud).toBe(resource('ES256'))
    expect([...token.scopes]).toEqual(['orders:read', 'orders:write'])
  })

  test('a scope that was not asked for is not held; without any the claim is absent', async () => {
    const reader = await as.clientToken('ES256', 'orders:read')
    expect(await judge(api, reader, scope('orders:read'))).toBe('authorized')
    expect(await judge(api, reader, scope('orders:read', 'orders:write'))).toBe('missing_scope')
    const none = await as.clientToken('ES256', '')
    expect((await api.verify(none)).claims['scope']).toBeUndefined()
    expect(await judge(api, none)).toBe('authorized')
    expect(await judge(api, none, scope('orders:read'))).toBe('missing_scope')
  })
})

describe('authorization code with PKCE', () => {
  test('the subject is the user, with what the server says of them', async () => {
    const { access_token } = await as.userTokens('ES256')
    const token = await api.verify(access_token)
    expect(token).toMatchObject({ subject: USER, clientId: 'web' })
    expect(token.claims['groups']).toEqual(AUTHORITIES.groups)
    const policy = all(
      scope('orders:read', 'orders:write'),
      role('admin'),
      group('order-managers'),
      entitlement('reports'),
      client('web'),
    )
    expect(await judge(api, access_token, policy)).toBe('authorized')
    // A group is known by its value; its name for display may be changed by others.
    expect(await judge(api, access_token, group('Order managers'))).toBe('policy_denied')
    expect(await judge(api, access_token, client('service'))).toBe('policy_denied')
  })
})

describe('resource indicators', () => {
  test('a token for another resource of the same server is refused, and serves there', async () => {
    const token = await as.clientToken('RS256')
    expect(await judge(api, token)).toBe('audience_mismatch')
    const other = api.with({ audience: resource('RS256') })
    expect(await judge(other, token)).toBe('authorized')
    expect(await judge(other, await as.clientToken('ES256'))).toBe('audience_mismatch')
    // One issuer, one set of keys: the other resource fetched nothing.
    expect(as.asked.filter((path) => path === '/jwks')).toHaveLength(1)
  })
})

describe('discovery', () => {
  test('one request for the metadata and one for the keys serve every token', () => {
    const discovered = as.asked.filter((path) => path.startsWith('/.well-known/') || path === '/jwks')
    expect(discovered).toEqual(['/.well-known/oauth-authorization-server', '/jwks'])
  })

  test('an issuer with a path is found where OpenID Connect appends its place', async () => {
    await using below = await startAuthorizationServer({ path: '/tenant' })
    await using own = createResourceServer({
      issuer: below.issuer,
      audience: resource('ES256'),
      [allowInsecureRequests]: [new URL(below.issuer).origin],
    })
    await own.ready()
    expect(own.status()).toMatchObject([{ issuer: below.issuer, state: 'ready', keys: 7 }])
    expect(below.asked).toContain('/tenant/.well-known/openid-configuration')
    expect(await judge(own, await below.clientToken('ES256'))).toBe('authorized')
    // The same keys do not make it the same issuer.
    expect(await judge(own, await as.clientToken('ES256'))).toBe('issuer_not_trusted')
    expect(await judge(api, await below.clientToken('ES256'))).toBe('issuer_not_trusted')
  })
})
