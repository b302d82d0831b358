import { type AccessToken, authOf, check, findAuth, optional, protect, scope } from '@atjwt/hono'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { expect, test } from 'vitest'

import { createWorld } from './world.ts'

/** Hono is asked without a server, as it runs on every other runtime. */
async function authorized(token: string, init: RequestInit = {}): Promise<RequestInit> {
  return { ...init, headers: { Authorization: `Bearer ${token}` } }
}

test('the token stands at c.var.auth; authOf() and findAuth() give it', async () => {
  const { api, issuer } = await createWorld()
  const app = new Hono().get('/', protect(api), (c) =>
    c.json([c.var.auth, c.get('auth'), authOf(api, c), findAuth(api, c)].map((auth) => auth?.subject)),
  )
  const answer = await app.request('/', await authorized(await issuer.issue()))
  expect(await answer.json()).toEqual(['user-1', 'user-1', 'user-1', 'user-1'])
})

test('authOf() throws for an anonymous request and without a guard of this resource server', async () => {
  const { api } = await createWorld()
  const other = api.with({ audience: 'https://other.example' })
  const app = new Hono().get('/', protect(api, optional()), (c) => {
    expect(() => authOf(api, c)).toThrow('the request is anonymous')
    expect(() => authOf(other, c)).toThrow('no protect() of this resource server ran')
    expect(() => findAuth(other, c)).toThrow('no protect() of this resource server ran')
    return c.json({ auth: c.var.auth ?? null, found: findAuth(api, c) ?? null })
  })
  const answer = await app.request('/')
  expect(await answer.json()).toEqual({ auth: null, found: null })
})

test('authOf() finds the token when later middleware replaced the request', async () => {
  const { api, issuer } = await createWorld()
  const app = new Hono().post('/', protect(api), bodyLimit({ maxSize: 1024 }), async (c) => {
    const raw = c.req.raw
    c.req.raw = new Request(raw.url, { method: 'POST', headers: raw.headers, body: await raw.text() })
    return c.json([authOf(api, c).subject, await c.req.text()])
  })
  const init = await authorized(await issuer.issue(), { method: 'POST', body: 'hello' })
  const answer = await app.request('/', init)
  expect(await answer.json()).toEqual(['user-1', 'hello'])
})

test('a check reads the context of Hono', async () => {
  const { api, issuer } = await createWorld()
  const own = check('own', (token: AccessToken, c: Context) => c.req.param('id') === token.subject)
  const app = new Hono().get('/users/:id', protect(api, own), (c) => c.body(null, 204))
  const init = await authorized(await issuer.issue({ sub: 'mine' }))
  expect((await app.request('/users/mine', init)).status).toBe(204)
  expect((await app.request('/users/other', init)).status).toBe(403)
})

test('demand() in a handler is answered by the error handler of Hono', async () => {
  const { api, issuer } = await createWorld()
  const app = new Hono().get('/', protect(api), async (c) => {
    await api.demand(c.var.auth, scope('orders:write'))
    return c.body(null, 204)
  })
  const answer = await app.request('/', await authorized(await issuer.issue()))
  expect(answer.status).toBe(403)
  expect(answer.headers.get('WWW-Authenticate')).toContain('scope="orders:write"')
  expect(await answer.json()).toMatchObject({ code: 'missing_scope' })
})

test('a refusal replaces a response which earlier middleware set', async () => {
  const { api } = await createWorld()
  const app = new Hono()
    .use(async (c, next) => {
      c.res = new Response('secret', { headers: { ETag: '"v1"', 'X-Kept': 'yes' } })
      await next()
    })
    .all('/', protect(api), (c) => c.text('handled'))
  const answer = await app.request('/')
  expect(answer.status).toBe(401)
  expect(await answer.text()).toContain('"no_credentials"')
  expect(answer.headers.get('ETag')).toBeNull()
  expect(answer.headers.get('X-Kept')).toBe('yes')

  const preflight = await app.request('/', {
    method: 'OPTIONS',
    headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'PUT' },
  })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('ETag')).toBeNull()
  expect(preflight.body).toBeNull()
})

test.each([
  ['of its own', () => new Response('x', { headers: { Vary: 'Accept-Encoding' } })],
  ['whose fields cannot be changed', () => fetch('data:text/plain,x')],
])('optional() adds to the Vary of a response %s', async (_name, respond) => {
  const { api } = await createWorld()
  const app = new Hono().get('/', protect(api, optional()), respond)
  const answer = await app.request('/')
  expect(answer.headers.get('Vary')?.split(', ').at(-1)).toBe('Authorization')
  expect(await answer.text()).toBe('x')
})

test('optional() adds Vary to what the error handler answers', async () => {
  const { api } = await createWorld()
  const app = new Hono()
    .onError((error, c) => c.text(error.message, 500))
    .get('/', protect(api, optional()), () => {
      throw new Error('boom')
    })
  const answer = await app.request('/')
  expect(answer.status).toBe(500)
  expect(answer.headers.get('Vary')).toBe('Authorization')
})

test('a guard of an application mounts with app.route() and app.basePath()', async () => {
  const { api, issuer } = await createWorld()
  const inner = new Hono().use(protect(api, scope('a'))).get('/deep', (c) => c.text(authOf(api, c).issuer))
  const app = new Hono().basePath('/v1').route('/tenants/:tenant', inner)
  const init = await authorized(await issuer.issue({ scope: 'a' }))
  expect(await (await app.request('/v1/tenants/one/deep', init)).text()).toBe(issuer.issuer)
  expect((await app.request('/v1/tenants/one/deep')).status).toBe(401)
})
