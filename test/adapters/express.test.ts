import type { AccessToken } from '@atjwt/core'
import { authOf, check, findAuth, optional, protect, scope } from '@atjwt/express'
import express, { type Request, type Response } from 'express'
import express4 from 'express4'
import { describe, expect, test } from 'vitest'

import { sendRaw } from '../helpers/raw-http.ts'
import { listen } from '../helpers/servers.ts'
import { bearer, createWorld, field } from './world.ts'

describe.each([
  ['express4', express4],
  ['express5', express],
])('%s', (_name, framework) => {
  function create() {
    const app = framework()
    app.set('env', 'test')
    return app
  }

  test('the token stands at req.auth and res.locals.auth; authOf() and findAuth() give it', async () => {
    const { api, issuer } = await createWorld()
    const app = create()
    let places: unknown[] = []
    const look = (req: Request, res: Response): void => {
      places = [
        (req as { auth?: AccessToken }).auth,
        res.locals['auth'],
        authOf(api, req),
        findAuth(api, req),
      ].map((auth) => (auth as AccessToken).subject)
      res.end()
    }
    app.get('/', protect(api), look)
    const running = await listen(app)
    const answer = await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue()) })
    await running.close()
    expect(answer?.status).toBe(200)
    expect(places).toEqual(['user-1', 'user-1', 'user-1', 'user-1'])
  })

  test('authOf() throws for an anonymous request, findAuth() says undefined', async () => {
    const { api } = await createWorld()
    const app = create()
    const found: unknown[] = []
    app.get('/', protect(api, optional()), (req: Request, res: Response) => {
      found.push(findAuth(api, req), (req as { auth?: unknown }).auth, res.locals['auth'])
      expect(() => authOf(api, req)).toThrow('the request is anonymous')
      res.end()
    })
    const running = await listen(app)
    const answer = await sendRaw(running.port, { target: '/', headers: [] })
    await running.close()
    expect(answer?.status).toBe(200)
    expect(found).toEqual([undefined, undefined, undefined])
  })

  test('authOf() and findAuth() throw where no guard of this resource server ran', async () => {
    const { api, issuer } = await createWorld()
    const other = api.with({ audience: 'https://other.example' })
    const app = create()
    const errors: unknown[] = []
    app.get('/', protect(api), (req: Request, res: Response) => {
      for (const read of [authOf, findAuth]) {
        try {
          read(other, req)
        } catch (error) {
          errors.push((error as Error).message)
        }
      }
      res.end()
    })
    const running = await listen(app)
    await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue()) })
    await running.close()
    const message = 'Cannot read the access token: no protect() of this resource server ran'
    expect(errors).toEqual([message, message])
  })

  test.each(['answer', 'throw'] as const)(
    'a refusal after the headers were sent ends the answer (%s)',
    async (refusals) => {
      const { api } = await createWorld()
      const app = create()
      app.get(
        '/',
        (_req: Request, res: Response, next: () => void) => {
          res.writeHead(200, { 'content-type': 'text/event-stream' })
          res.flushHeaders()
          next()
        },
        protect(api, scope('a'), { refusals }),
      )
      const running = await listen(app)
      // Without an end of it this would wait for ever.
      const answer = await sendRaw(running.port, { target: '/', headers: [] })
      await running.close()
      expect(answer?.body ?? '').not.toContain('token')
    },
  )

  test('a refusal leaves an answer alone which somebody began while the guard waited', async () => {
    let decide: ((revoked: boolean) => void) | undefined
    const { api, issuer } = await createWorld({
      revoked: () =>
        new Promise<boolean>((resolve) => {
          decide = resolve
        }),
    })
    const app = create()
    app.get(
      '/',
      (_req: Request, res: Response, next: () => void) => {
        next()
        void issuer.issue().then(async () => {
          while (decide === undefined) await new Promise(setImmediate)
          res.status(503).write('somebody ')
          decide(true)
          await new Promise(setImmediate)
          res.end('else')
        })
      },
      protect(api),
    )
    const running = await listen(app)
    const answer = await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue()) })
    await running.close()
    expect([answer?.status, answer?.body]).toEqual([503, expect.stringContaining('else')])
  })

  test('what somebody else put at req.auth is no token of ours', async () => {
    const { api } = await createWorld()
    const app = create()
    app.use((req: Request, _res: Response, next: () => void) => {
      Object.assign(req, { auth: { subject: 'admin' } })
      next()
    })
    app.get('/', protect(api, optional()), (req: Request, res: Response) => {
      res.json({ auth: (req as { auth?: unknown }).auth ?? null, found: findAuth(api, req) ?? null })
    })
    const running = await listen(app)
    const answer = await sendRaw(running.port, { target: '/', headers: [] })
    await running.close()
    expect(JSON.parse(answer?.body ?? '')).toEqual({ auth: null, found: null })
  })

  test('a check reads the request of Express', async () => {
    const { api, issuer } = await createWorld()
    const app = create()
    const own = check('own', (token: AccessToken, req: Request) => req.params['id'] === token.subject)
    app.get('/users/:id', protect(api, own), (_req: Request, res: Response) => {
      res.end()
    })
    const running = await listen(app)
    const headers = bearer(await issuer.issue({ sub: 'mine' }))
    const mine = await sendRaw(running.port, { target: '/users/mine', headers })
    const other = await sendRaw(running.port, { target: '/users/other', headers })
    await running.close()
    expect([mine?.status, other?.status]).toEqual([200, 403])
  })

  test('demand() in a handler is answered by the error handler of Express', async () => {
    const { api, issuer } = await createWorld()
    const app = create()
    app.get('/', protect(api), (req: Request, res: Response, next: (error?: unknown) => void) => {
      api.demand(authOf(api, req), scope('orders:write')).then(() => res.end(), next)
    })
    const running = await listen(app)
    const answer = await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue()) })
    await running.close()
    expect(answer?.status).toBe(403)
    expect(field(answer, 'WWW-Authenticate')).toContain('scope="orders:write"')
  })

  test('a guard on a router with parameters, in front of a mounted application', async () => {
    const { api, issuer } = await createWorld()
    const inner = create()
    inner.get('/deep', (req: Request, res: Response) => {
      res.json({ sub: authOf(api, req).subject, locals: res.locals['auth'] !== undefined })
    })
    const router = framework.Router({ mergeParams: true })
    router.use(protect(api, scope('a')), inner)
    const app = create()
    app.use('/tenants/:tenant', router)
    const running = await listen(app)
    const target = '/tenants/one/deep'
    const granted = await sendRaw(running.port, {
      target,
      headers: bearer(await issuer.issue({ scope: 'a' })),
    })
    const refused = await sendRaw(running.port, { target, headers: [] })
    await running.close()
    expect(JSON.parse(granted?.body ?? '')).toEqual({ sub: 'user-1', locals: true })
    expect(refused?.status).toBe(401)
  })
})
