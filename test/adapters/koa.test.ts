import { setImmediate } from 'node:timers/promises'

import { type AccessToken, authOf, check, findAuth, optional, protect, scope } from '@atjwt/koa'
import Koa, { type Context } from 'koa'
import Koa2 from 'koa2'
import { describe, expect, test } from 'vitest'

import { sendRaw } from '../helpers/raw-http.ts'
import { listen } from '../helpers/servers.ts'
import { bearer, createWorld, field, latch } from './world.ts'

describe.each([
  ['koa2', Koa2],
  ['koa3', Koa],
])('%s', (_name, Framework) => {
  function create(): Koa {
    const app = new Framework()
    app.silent = true
    return app
  }

  test('the token stands at ctx.state.auth; authOf() and findAuth() give it', async () => {
    const { api, issuer } = await createWorld()
    let places: unknown[] = []
    const app = create()
      .use(protect(api))
      .use((ctx) => {
        places = [ctx.state.auth, authOf(api, ctx), findAuth(api, ctx)].map((auth) => auth?.subject)
        ctx.status = 204
      })
    const running = await listen(app.callback())
    const answer = await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue()) })
    await running.close()
    expect(answer?.status).toBe(204)
    expect(places).toEqual(['user-1', 'user-1', 'user-1'])
  })

  test('authOf() throws for an anonymous request and without a guard of this resource server', async () => {
    const { api } = await createWorld()
    const other = api.with({ audience: 'https://other.example' })
    const found: unknown[] = []
    const app = create()
      .use(protect(api, optional()))
      .use((ctx) => {
        found.push(ctx.state.auth, findAuth(api, ctx))
        expect(() => authOf(api, ctx)).toThrow('the request is anonymous')
        expect(() => authOf(other, ctx)).toThrow('no protect() of this resource server ran')
        expect(() => findAuth(other, ctx)).toThrow('no protect() of this resource server ran')
        ctx.status = 204
      })
    const running = await listen(app.callback())
    const answer = await sendRaw(running.port, { target: '/', headers: [] })
    await running.close()
    expect(answer?.status).toBe(204)
    expect(found).toEqual([undefined, undefined])
  })

  test('what somebody else put at ctx.state.auth is no token of ours', async () => {
    const { api } = await createWorld()
    const app = create()
      .use((ctx, next) => {
        ctx.state['auth'] = { subject: 'admin' }
        return next()
      })
      .use(protect(api, optional()))
      .use((ctx) => {
        ctx.body = { auth: ctx.state.auth ?? null }
      })
    const running = await listen(app.callback())
    const answer = await sendRaw(running.port, { target: '/', headers: [] })
    await running.close()
    expect(JSON.parse(answer?.body ?? '')).toEqual({ auth: null })
  })

  test('a check reads the context of Koa', async () => {
    const { api, issuer } = await createWorld()
    const own = check('own', (token: AccessToken, ctx: Context) => ctx.path === `/${token.subject}`)
    const app = create()
      .use(protect(api, own))
      .use((ctx) => {
        ctx.status = 204
      })
    const running = await listen(app.callback())
    const headers = bearer(await issuer.issue({ sub: 'mine' }))
    const mine = await sendRaw(running.port, { target: '/mine', headers })
    const other = await sendRaw(running.port, { target: '/other', headers })
    await running.close()
    expect([mine?.status, other?.status]).toEqual([204, 403])
  })

  test('demand() in a handler is answered by the error handler of Koa', async () => {
    const { api, issuer } = await createWorld()
    const app = create()
      .use(protect(api))
      .use(async (ctx) => {
        await api.demand(ctx.state.auth, scope('orders:write'))
        ctx.status = 204
      })
    const running = await listen(app.callback())
    const answer = await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue()) })
    await running.close()
    expect(answer?.status).toBe(403)
    expect(field(answer, 'WWW-Authenticate')).toContain('scope="orders:write"')
  })

  test.each(['at once', 'after a while'])(
    'a refusal behind an answer which was begun breaks the connection: decided %s',
    async (when) => {
      const { api, issuer } = await createWorld()
      const token = await issuer.issue({ scope: 'a' })
      // A token which is remembered is judged without waiting.
      if (when === 'at once') await api.verify(token)
      const app = create()
        .use(async (ctx, next) => {
          ctx.res.write('somebody ')
          await next()
        })
        .use(protect(api, scope('b')))
        .use((ctx) => {
          ctx.body = 'secret'
        })
      const running = await listen(app.callback())
      const received = await fetch(running.url, { headers: { Authorization: `Bearer ${token}` } })
        .then((response) => response.text())
        .catch(() => 'broken')
      expect(received).toBe('broken')
      await running.close()
    },
  )

  test('a refusal leaves an answer alone which was ended, or begun while the guard waited', async () => {
    const gate = latch()
    const asked = latch()
    const { api, issuer } = await createWorld({
      revoked: async () => {
        asked.open()
        await gate.opened
        return true
      },
    })
    const app = create()
      .use((ctx, next) => {
        if (ctx.path === '/ended') ctx.res.end('all of it')
        else {
          void asked.opened.then(async () => {
            ctx.res.write('somebody ')
            gate.open()
            await setImmediate()
            await setImmediate()
            ctx.res.end('else')
          })
        }
        return next()
      })
      .use(protect(api))
    const running = await listen(app.callback())
    const ended = await sendRaw(running.port, { target: '/ended', headers: [] })
    const begun = await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue()) })
    await running.close()
    expect([ended?.body, begun?.body]).toEqual(['all of it', 'somebody else'])
  })

  test('a refusal replaces a body which earlier middleware set', async () => {
    const { api } = await createWorld()
    const app = create()
      .use((ctx, next) => {
        ctx.body = { secret: true }
        return next()
      })
      .use(protect(api))
    const running = await listen(app.callback())
    const answer = await sendRaw(running.port, { target: '/', headers: [] })
    const preflight = await sendRaw(running.port, {
      method: 'OPTIONS',
      target: '/',
      headers: [
        ['Origin', 'https://app.example'],
        ['Access-Control-Request-Method', 'PUT'],
      ],
    })
    await running.close()
    expect(answer?.status).toBe(401)
    expect(answer?.body).toContain('"no_credentials"')
    expect(preflight).toMatchObject({ status: 204, body: '' })
  })
})
