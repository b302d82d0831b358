import { all, any, optional, role, scope } from '@atjwt/core'
import type { TestIssuer } from '@atjwt/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { sendRaw } from '../helpers/raw-http.ts'
import { FRAMEWORKS, type Route, type RunningServer, SERVERS } from '../helpers/servers.ts'
import { bearer, createWorld, field, NOW, ours, type World } from './world.ts'

const ROUTES: readonly Route[] = [
  { path: '/any' },
  { path: '/orders', policy: scope('orders:read', 'orders') },
  { path: '/admin', policy: all(scope('orders:read'), any(role('admin'), role('auditor'))) },
  { path: '/public', policy: optional() },
  { path: '/mixed', policy: optional(scope('orders:read')) },
  { path: '/options', options: { preflight: 'next' } },
  { path: '/open-options', policy: optional(), options: { preflight: 'next' } },
]

/** One outcome class: what is sent, and the whole answer. */
interface Case {
  readonly name: string
  readonly path: string
  readonly headers: (token: TestIssuer['issue']) => Promise<[string, string][]>
  readonly status: number
  readonly challenge?: string
  readonly vary?: string
  readonly detail?: string
  readonly code?: string
  readonly body?: object
}

const REALM = 'Bearer realm="https://api.example"'
const invalid = (text: string): string => `${REALM}, error="invalid_token", error_description="${text}"`
const as = (value: string) => async (): Promise<[string, string][]> => [['Authorization', value]]

const REFUSED: readonly Case[] = [
  {
    name: 'nothing',
    path: '/any',
    headers: async () => [],
    status: 401,
    challenge: REALM,
    detail: 'An access token is required',
    code: 'no_credentials',
  },
  {
    name: 'another scheme',
    path: '/any',
    headers: as('Basic dTpw'),
    status: 401,
    challenge: REALM,
    detail: 'An access token is required',
    code: 'no_credentials',
  },
  {
    name: 'a bearer without a token',
    path: '/any',
    headers: as('Bearer'),
    status: 400,
    challenge: `${REALM}, error="invalid_request", error_description="The Authorization header field is malformed"`,
    detail: 'The Authorization header field is malformed',
    code: 'credentials_malformed',
  },
  {
    name: 'two good tokens',
    path: '/any',
    headers: async (token) => {
      const [one] = bearer(await token()) as [[string, string]]
      return [one, ['authorization', one[1]]]
    },
    status: 400,
    challenge: `${REALM}, error="invalid_request", error_description="The Authorization header field is malformed"`,
    detail: 'The Authorization header field is malformed',
    code: 'credentials_malformed',
  },
  {
    name: 'a good token, then another scheme',
    path: '/public',
    headers: async (token) => [...bearer(await token()), ['AUTHORIZATION', 'Basic dTpw']],
    status: 400,
    challenge: `${REALM}, error="invalid_request", error_description="The Authorization header field is malformed"`,
    vary: 'Authorization',
    detail: 'The Authorization header field is malformed',
    code: 'credentials_malformed',
  },
  {
    name: 'an opaque token',
    path: '/any',
    headers: as('Bearer 2YotnFZFEjr1zCsicMWpAA'),
    status: 401,
    challenge: invalid('The access token is not a JWT'),
    detail: 'The access token is not a JWT',
    code: 'token_opaque',
  },
  {
    name: 'an expired token',
    path: '/any',
    headers: async (token) => bearer(await token({ exp: NOW - 60, iat: NOW - 120 })),
    status: 401,
    challenge: invalid('The access token expired'),
    detail: 'The access token expired',
    code: 'token_expired',
  },
  {
    name: 'an ID token',
    path: '/any',
    headers: async (token) => bearer(await token({}, { typ: 'JWT' })),
    status: 401,
    challenge: invalid('The token is not an access token: its typ is not at+jwt'),
    detail: 'The token is not an access token: its typ is not at+jwt',
    code: 'type_mismatch',
  },
  {
    name: 'a token for another audience',
    path: '/any',
    headers: async (token) => bearer(await token({ aud: 'https://other.example' })),
    status: 401,
    challenge: invalid('The access token is meant for another audience'),
    detail: 'The access token is meant for another audience',
    code: 'audience_mismatch',
  },
  {
    name: 'a changed signature',
    path: '/any',
    headers: async (token) => {
      const [header, payload] = (await token()).split('.')
      const [, , other] = (await token({ sub: 'other' })).split('.')
      return bearer(`${header}.${payload}.${other}`)
    },
    status: 401,
    challenge: invalid('The signature of the access token is not valid'),
    detail: 'The signature of the access token is not valid',
    code: 'signature_invalid',
  },
  {
    name: 'a token that lacks a claim',
    path: '/any',
    headers: async (token) => bearer(await token({ client_id: undefined })),
    status: 401,
    challenge: invalid('The access token lacks a required claim: client_id'),
    detail: 'The access token lacks a required claim: client_id',
    code: 'claim_missing',
  },
  {
    name: 'a token that lacks a scope',
    path: '/orders',
    headers: async (token) => bearer(await token({ scope: 'orders' })),
    status: 403,
    challenge: `${REALM}, error="insufficient_scope", error_description="The access token lacks a scope which this resource needs", scope="orders:read orders"`,
    detail: 'The access token lacks a scope which this resource needs',
    code: 'missing_scope',
  },
  {
    name: 'a token that lacks a role',
    path: '/admin',
    headers: async (token) => bearer(await token({ scope: 'orders:read', roles: ['clerk'] })),
    status: 403,
    challenge: REALM,
    detail: 'The access token does not grant access to this resource',
    code: 'policy_denied',
  },
  {
    name: 'a bad token where none is needed',
    path: '/public',
    headers: as('Bearer a.b'),
    status: 401,
    challenge: invalid('The access token is not a JWT'),
    vary: 'Authorization',
    detail: 'The access token is not a JWT',
    code: 'token_opaque',
  },
  {
    name: 'a token without the scope where none is needed',
    path: '/mixed',
    headers: async (token) => bearer(await token()),
    status: 403,
    challenge: `${REALM}, error="insufficient_scope", error_description="The access token lacks a scope which this resource needs", scope="orders:read"`,
    vary: 'Authorization',
    detail: 'The access token lacks a scope which this resource needs',
    code: 'missing_scope',
  },
]

const GRANTED: readonly Case[] = [
  {
    name: 'a good token',
    path: '/any',
    headers: async (token) => bearer(await token()),
    status: 200,
    body: { sub: 'user-1', scopes: [] },
  },
  {
    name: 'a good token under a scheme in capitals',
    path: '/any',
    headers: async (token) => [['Authorization', `BEARER ${await token()}`]],
    status: 200,
    body: { sub: 'user-1', scopes: [] },
  },
  {
    name: 'a token with the scopes',
    path: '/orders',
    headers: async (token) => bearer(await token({ scope: 'orders:read orders' })),
    status: 200,
    body: { sub: 'user-1', scopes: ['orders', 'orders:read'] },
  },
  {
    name: 'a token with a role',
    path: '/admin',
    headers: async (token) => bearer(await token({ scope: 'orders:read', roles: ['auditor'] })),
    status: 200,
    body: { sub: 'user-1', scopes: ['orders:read'] },
  },
  {
    name: 'nothing where none is needed',
    path: '/public',
    headers: async () => [],
    status: 200,
    vary: 'Authorization',
    body: { sub: null, scopes: [] },
  },
  {
    name: 'another scheme where none is needed',
    path: '/mixed',
    headers: as('Basic dTpw'),
    status: 200,
    vary: 'Authorization',
    body: { sub: null, scopes: [] },
  },
  {
    name: 'a good token where none is needed',
    path: '/mixed',
    headers: async (token) => bearer(await token({ scope: 'orders:read' })),
    status: 200,
    vary: 'Authorization',
    body: { sub: 'user-1', scopes: ['orders:read'] },
  },
]

const TITLES: Record<number, string> = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden' }

function refusalOf({ status, challenge, vary, detail, code }: Case): ReturnType<typeof ours> {
  return {
    status,
    headers: {
      'WWW-Authenticate': challenge,
      'Cache-Control': 'no-store',
      ...(vary === undefined ? {} : { Vary: vary }),
      'Content-Type': 'application/problem+json',
    },
    body: JSON.stringify({ title: TITLES[status], status, detail, code }),
  }
}

describe.each(SERVERS)('$name', (server) => {
  let world: World
  let running: RunningServer
  let handled: string[] = []
  const token: TestIssuer['issue'] = (claims, header) => world.issuer.issue(claims, header)

  beforeAll(async () => {
    world = await createWorld()
    running = await server.start(world.api, { routes: ROUTES, onHandled: (path) => handled.push(path) })
  })
  afterAll(async () => {
    await running.close()
  })

  test.each(REFUSED)('protect() answers $name with $status $code', async (one) => {
    handled = []
    const headers = await one.headers(token)
    const answer = await sendRaw(running.port, { target: one.path, headers })
    expect(ours(answer)).toEqual(refusalOf(one))

    const head = await sendRaw(running.port, { method: 'HEAD', target: one.path, headers })
    expect(ours(head)).toEqual({ ...refusalOf(one), body: '' })
    expect(handled).toEqual([])
  })

  test.each(GRANTED)('protect() lets $name pass', async (one) => {
    handled = []
    const headers = await one.headers(token)
    const answer = await sendRaw(running.port, { target: one.path, headers })
    expect(answer?.status).toBe(200)
    expect(JSON.parse(answer?.body ?? '')).toEqual(one.body)
    expect(field(answer, 'Vary')).toBe(one.vary)
    expect(field(answer, 'WWW-Authenticate')).toBeUndefined()
    expect(handled).toEqual([one.path])

    const head = await sendRaw(running.port, { method: 'HEAD', target: one.path, headers })
    expect(head).toMatchObject({ status: 200, body: '' })
    expect(handled).toEqual([one.path, one.path])
  })
})

describe.each(FRAMEWORKS)('$name and OPTIONS', (server) => {
  let world: World
  let running: RunningServer
  let handled: string[] = []
  const PREFLIGHT: [string, string][] = [
    ['Origin', 'https://app.example'],
    ['Access-Control-Request-Method', 'DELETE'],
  ]

  beforeAll(async () => {
    world = await createWorld()
    running = await server.start(world.api, { routes: ROUTES, onHandled: (path) => handled.push(path) })
  })
  afterAll(async () => {
    await running.close()
  })

  test('protect() answers a preflight 204 and runs no handler (BT-21)', async () => {
    handled = []
    for (const target of ['/any', '/orders', '/public']) {
      const answer = await sendRaw(running.port, { method: 'OPTIONS', target, headers: PREFLIGHT })
      expect(ours(answer)).toEqual({ status: 204, headers: {}, body: '' })
      expect(field(answer, 'Access-Control-Allow-Origin')).toBeUndefined()
      expect(field(answer, 'Content-Length')).toBeUndefined()
    }
    expect(handled).toEqual([])
  })

  test('protect() answers a preflight 204 also when it carries a good token', async () => {
    handled = []
    const headers = [...PREFLIGHT, ...bearer(await world.issuer.issue())]
    const answer = await sendRaw(running.port, { method: 'OPTIONS', target: '/any', headers })
    expect(answer?.status).toBe(204)
    expect(handled).toEqual([])
  })

  test.each([
    ['without Origin', [['Access-Control-Request-Method', 'DELETE']]],
    ['without Access-Control-Request-Method', [['Origin', 'https://app.example']]],
    ['without both', []],
  ] as [string, [string, string][]][])('protect() guards an OPTIONS %s (BT-21)', async (_name, headers) => {
    handled = []
    const refused = await sendRaw(running.port, { method: 'OPTIONS', target: '/any', headers })
    expect(refused?.status).toBe(401)
    expect(handled).toEqual([])
    const authorized = [...headers, ...bearer(await world.issuer.issue())]
    const granted = await sendRaw(running.port, { method: 'OPTIONS', target: '/any', headers: authorized })
    expect(granted?.status).toBe(200)
    expect(handled).toEqual(['/any'])
  })

  test('protect() takes no other method for a preflight', async () => {
    handled = []
    const answers = await Promise.all(
      ['GET', 'POST', 'DELETE'].map((method) =>
        sendRaw(running.port, { method, target: '/any', headers: PREFLIGHT }),
      ),
    )
    expect(answers.map((answer) => answer?.status)).toEqual([401, 401, 401])
    expect(handled).toEqual([])
  })

  test("protect() judges a preflight as any request under preflight: 'next'", async () => {
    handled = []
    const refused = await sendRaw(running.port, { method: 'OPTIONS', target: '/options', headers: PREFLIGHT })
    expect(ours(refused)).toEqual(refusalOf(REFUSED[0] as Case))
    expect(handled).toEqual([])
    const headers = [...PREFLIGHT, ...bearer(await world.issuer.issue())]
    const granted = await sendRaw(running.port, { method: 'OPTIONS', target: '/options', headers })
    expect(granted?.status).toBe(200)
    const anonymous = await sendRaw(running.port, {
      method: 'OPTIONS',
      target: '/open-options',
      headers: PREFLIGHT,
    })
    expect(JSON.parse(anonymous?.body ?? '')).toEqual({ sub: null, scopes: [] })
    expect(handled).toEqual(['/options', '/open-options'])
  })
})

describe.each(SERVERS)('$name without what it needs from others', (server) => {
  test('protect() answers 503 with Retry-After when the issuer cannot be reached', async () => {
    const { api, issuer } = await createWorld()
    const token = await issuer.issue()
    issuer.outage('network')
    const handled: string[] = []
    const running = await server.start(api, { routes: ROUTES, onHandled: (path) => handled.push(path) })
    const answer = await sendRaw(running.port, { target: '/any', headers: bearer(token) })
    await running.close()
    const { headers, ...rest } = ours(answer)
    expect(rest).toEqual({
      status: 503,
      body: JSON.stringify({
        title: 'Service Unavailable',
        status: 503,
        detail: 'The keys of the issuer cannot be had at the moment',
        code: 'issuer_unreachable',
      }),
    })
    expect(headers).toEqual({
      'Retry-After': expect.stringMatching(/^[1-5]$/),
      'Cache-Control': 'no-store',
      'Content-Type': 'application/problem+json',
    })
    expect(handled).toEqual([])
  })

  test.each([
    ['throws', () => Promise.reject(new Error('the store is down'))],
    ['says neither', () => Promise.resolve('no' as unknown as boolean)],
  ])('protect() answers 503 when revoked %s', async (_name, revoked) => {
    const { api, issuer } = await createWorld({ revoked })
    const handled: string[] = []
    const running = await server.start(api, { routes: ROUTES, onHandled: (path) => handled.push(path) })
    const answer = await sendRaw(running.port, { target: '/public', headers: bearer(await issuer.issue()) })
    await running.close()
    expect(ours(answer)).toEqual({
      status: 503,
      headers: {
        'Retry-After': '1',
        'Cache-Control': 'no-store',
        Vary: 'Authorization',
        'Content-Type': 'application/problem+json',
      },
      body: JSON.stringify({
        title: 'Service Unavailable',
        status: 503,
        detail: 'Whether the access token was revoked cannot be found out at the moment',
        code: 'revocation_unavailable',
      }),
    })
    expect(handled).toEqual([])
  })

  test('protect() answers with the body which refusal returns, and with nothing else of it', async () => {
    const { api } = await createWorld({
      refusal: ({ code }, { method }) => ({
        contentType: 'text/plain;charset=utf-8',
        body: `Nö: ${code} ${method}`,
      }),
    })
    const running = await server.start(api, { routes: ROUTES })
    const answer = await sendRaw(running.port, { target: '/any', headers: [] })
    await running.close()
    expect(ours(answer)).toEqual({
      status: 401,
      headers: {
        'WWW-Authenticate': REALM,
        'Cache-Control': 'no-store',
        'Content-Type': 'text/plain;charset=utf-8',
      },
      body: 'Nö: no_credentials GET',
    })
  })

  test('protect() answers with an empty body which refusal returns', async () => {
    const { api } = await createWorld({ refusal: () => ({ contentType: 'text/plain', body: '' }) })
    const running = await server.start(api, { routes: ROUTES })
    const answer = await sendRaw(running.port, { target: '/any', headers: [] })
    await running.close()
    expect(ours(answer)).toEqual({
      status: 401,
      headers: { 'WWW-Authenticate': REALM, 'Cache-Control': 'no-store', 'Content-Type': 'text/plain' },
      body: '',
    })
  })
})
