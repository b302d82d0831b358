import { allowInsecureRequests, createResourceServer, role, scope } from '@atjwt/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningServer, SERVERS } from '../helpers/servers.ts'
import { type AuthorizationServer, resource, startAuthorizationServer, USER } from './authorization-server.ts'

let as: AuthorizationServer

beforeAll(async () => {
  as = await startAuthorizationServer()
})
afterAll(() => as[Symbol.asyncDispose]())

describe.each(SERVERS)('$name', ({ start }) => {
  let server: RunningServer

  beforeAll(async () => {
    const api = createResourceServer({
      issuer: as.issuer,
      audience: resource('RS256'),
      [allowInsecureRequests]: true,
    })
    server = await start(api, {
      routes: [
        { path: '/orders', policy: scope('orders:read') },
        { path: '/admin', policy: role('admin') },
      ],
    })
  })
  afterAll(() => server.close())

  const get = async (path: string, token: string): Promise<Response> =>
    fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } })

  test('serves a user of the authorization server', async () => {
    const { access_token, id_token } = await as.userTokens('RS256')
    const response = await get('/orders', access_token)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ sub: USER, scopes: ['orders:read', 'orders:write'] })
    expect((await get('/admin', access_token)).status).toBe(200)
    expect((await get('/orders', id_token)).status).toBe(401)
  })

  test('refuses what the authorization server did not grant', async () => {
    const writer = await get('/orders', await as.clientToken('RS256', 'orders:write'))
    expect(writer.status).toBe(403)
    expect(writer.headers.get('www-authenticate')).toContain(
      'error="insufficient_scope", error_description="The access token lacks a scope which this resource needs", scope="orders:read"',
    )
    const { token } = await as.boundToken('RS256')
    const bound = await get('/orders', token)
    expect(bound.status).toBe(401)
    expect(await bound.json()).toMatchObject({ code: 'binding_not_supported' })
  })
})
