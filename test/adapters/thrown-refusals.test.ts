import { AuthorizationError, optional, scope } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { sendRaw } from '../helpers/raw-http.ts'
import { FRAMEWORKS, type Route } from '../helpers/servers.ts'
import { bearer, createWorld, field } from './world.ts'

const ROUTES: readonly Route[] = [
  { path: '/orders', policy: scope('orders:read'), options: { refusals: 'throw' } },
  { path: '/public', policy: optional(), options: { refusals: 'throw' } },
]

const CHALLENGE = 'Bearer realm="https://api.example"'
const REFUSALS = [
  {
    name: 'no credentials',
    headers: [],
    status: 401,
    code: 'no_credentials',
    challenge: CHALLENGE,
  },
  {
    name: 'malformed credentials',
    headers: [['Authorization', 'Bearer a b']],
    status: 400,
    code: 'credentials_malformed',
    challenge: `${CHALLENGE}, error="invalid_request", error_description="The Authorization header field is malformed"`,
  },
  {
    name: 'a bad token',
    headers: bearer('a.b'),
    status: 401,
    code: 'token_opaque',
    challenge: `${CHALLENGE}, error="invalid_token", error_description="The access token is not a JWT"`,
  },
  {
    name: 'a missing scope',
    headers: undefined,
    status: 403,
    code: 'missing_scope',
    challenge: `${CHALLENGE}, error="insufficient_scope", error_description="The access token lacks a scope which this resource needs", scope="orders:read"`,
  },
] as const

describe.each(FRAMEWORKS)('$name', (server) => {
  test.each(REFUSALS)("the framework's own error handler answers $name rightly", async (refusal) => {
    const { api, issuer } = await createWorld()
    const handled: string[] = []
    const running = await server.start(api, { routes: ROUTES, onHandled: (path) => handled.push(path) })
    const headers = (refusal.headers ?? bearer(await issuer.issue())) as [string, string][]
    const answer = await sendRaw(running.port, { target: '/orders', headers })
    await running.close()
    expect(answer?.status).toBe(refusal.status)
    expect(field(answer, 'WWW-Authenticate')).toBe(refusal.challenge)
    expect(field(answer, 'Cache-Control')).toBe('no-store')
    expect(handled).toEqual([])
  })

  test("the framework's own error handler answers 503 with Retry-After", async () => {
    const { api, issuer } = await createWorld({ revoked: () => Promise.reject(new Error('down')) })
    const running = await server.start(api, { routes: ROUTES })
    const answer = await sendRaw(running.port, { target: '/orders', headers: bearer(await issuer.issue()) })
    await running.close()
    expect(answer?.status).toBe(503)
    expect(field(answer, 'Retry-After')).toBe('1')
    expect(field(answer, 'WWW-Authenticate')).toBeUndefined()
  })

  test.each(REFUSALS)(
    'an error handler of the application sees $name as an AuthorizationError',
    async (refusal) => {
      const { api, issuer } = await createWorld()
      const errors: unknown[] = []
      const running = await server.start(api, {
        routes: ROUTES,
        onError: (error) => {
          errors.push(error)
          return AuthorizationError.is(error)
            ? { status: error.status, body: `own page: ${error.code}` }
            : { status: 500, body: '' }
        },
      })
      const headers = (refusal.headers ?? bearer(await issuer.issue())) as [string, string][]
      const answer = await sendRaw(running.port, { target: '/orders', headers })
      await running.close()
      expect(answer).toMatchObject({ status: refusal.status, body: `own page: ${refusal.code}` })
      expect(errors).toHaveLength(1)
      expect(errors[0]).toBeInstanceOf(AuthorizationError)
      expect(errors[0]).toMatchObject({
        code: refusal.code,
        headers: { 'WWW-Authenticate': refusal.challenge },
      })
    },
  )

  test('a thrown refusal keeps its status and challenge behind CORS middleware', async () => {
    const { api } = await createWorld()
    const running = await server.start(api, {
      routes: ROUTES,
      earlier: { corsOrigin: 'https://app.example' },
    })
    const headers: [string, string][] = [['Origin', 'https://app.example']]
    const answer = await sendRaw(running.port, { target: '/orders', headers })
    await running.close()
    expect(answer?.status).toBe(401)
    expect(field(answer, 'WWW-Authenticate')).toBe(CHALLENGE)
    expect(field(answer, 'Access-Control-Allow-Origin')).toBe('https://app.example')
  })

  test('a thrown refusal of an optional policy varies by Authorization', async () => {
    const { api } = await createWorld()
    const running = await server.start(api, { routes: ROUTES })
    const answer = await sendRaw(running.port, { target: '/public', headers: bearer('a.b') })
    const anonymous = await sendRaw(running.port, { target: '/public', headers: [] })
    await running.close()
    expect(answer?.status).toBe(401)
    expect(field(answer, 'Vary')).toBe('Authorization')
    expect(anonymous?.status).toBe(200)
  })
})
