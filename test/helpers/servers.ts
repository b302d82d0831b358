import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import type { AccessToken, AnyPolicy, Policy, ResourceServer } from '@atjwt/core'
import type { ProtectOptions } from '@atjwt/core/adapter'
import { protect as protectExpress } from '@atjwt/express'
import { protect as protectHono } from '@atjwt/hono'
import { protect as protectKoa } from '@atjwt/koa'
import { getRequestListener, serve } from '@hono/node-server'
import koaCors from '@koa/cors'
import cors from 'cors'
import express, { type ErrorRequestHandler } from 'express'
import express4 from 'express4'
import { Hono, type MiddlewareHandler } from 'hono'
import { cors as honoCors } from 'hono/cors'
import Koa, { type Middleware as KoaMiddleware } from 'koa'
import Koa2 from 'koa2'

/** A guarded route. What runs behind the guard answers 200 with {@link Seen}. */
export interface Route {
  /** Answers every method when absent. */
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** Without a policy any valid token passes. */
  readonly policy?: AnyPolicy
  readonly options?: ProtectOptions
}

/** What stands before every guard, written as one writes it in the framework. */
export interface Earlier {
  /** The framework's own CORS middleware, for this origin. */
  readonly corsOrigin?: string
  /** Set on the answer. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Replaces the `Authorization` of the request; `undefined` deletes it. */
  readonly authorization?: (value: string | undefined) => string | undefined
  /** When it settles first, the request is answered 504. */
  readonly timeout?: () => Promise<void>
}

/** A router below a path, with a guard of its own before those of its routes. */
export interface Mount {
  readonly path: string
  readonly policy: AnyPolicy
}

/** What a server guards, and who is told when a handler ran. */
export interface Setup {
  readonly routes: readonly Route[]
  /** Not for `request`, which has no middleware. */
  readonly earlier?: Earlier
  /** The routes stand in a mounted router. Not for `request`. */
  readonly mount?: Mount
  /** The application's error handler; without it the framework's own answers. */
  readonly onError?: (error: unknown) => { readonly status: number; readonly body: string }
  /** Called by each handler, with what its guard put on the request. */
  readonly onHandled?: (path: string, auth: AccessToken | undefined) => void
}

/** What a handler behind a guard saw, as it answers it. */
export interface Seen {
  /** `null` when anonymous. */
  readonly sub: string | null
  readonly scopes: readonly string[]
}

export interface RunningServer {
  /** Origin, without a slash at the end. */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** A framework with its adapter, on 127.0.0.1 and a port of the system's choice. */
export interface TestServer {
  readonly name: 'express4' | 'express5' | 'koa2' | 'koa3' | 'hono' | 'request'
  start(api: ResourceServer, setup: Setup): Promise<RunningServer>
}

function seen(auth: AccessToken | undefined): Seen {
  return { sub: auth?.subject ?? null, scopes: [...(auth?.scopes ?? [])].toSorted() }
}

function guard(route: Route): [policy?: any, options?: ProtectOptions] {
  const { policy, options } = route
  return [policy, options].filter((argument) => argument !== undefined) as [any, ProtectOptions]
}

async function running(server: Server): Promise<RunningServer> {
  if (!server.listening) await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Serves an application of a framework, as its callback. */
export function listen(listener: Parameters<typeof createServer>[1]): Promise<RunningServer> {
  return running(createServer(listener).listen(0, '127.0.0.1'))
}

function expressServer(name: 'express4' | 'express5', framework: typeof express): TestServer {
  return {
    name,
    start(api, { routes, earlier = {}, mount, onError, onHandled }) {
      const app = framework()
      // Elsewhere Express prints each error that reaches its own handler.
      app.set('env', 'test')
      const { corsOrigin, headers = [], authorization, timeout } = earlier
      if (corsOrigin !== undefined) app.use(cors({ origin: corsOrigin }))
      app.use((req, res, next) => {
        for (const [field, value] of headers) res.append(field, value)
        if (authorization !== undefined) {
          const value = authorization(req.headers.authorization)
          if (value === undefined) delete req.headers.authorization
          else req.headers.authorization = value
        }
        void timeout?.().then(() => {
          if (!res.headersSent) res.status(504).end('too late')
        })
        next()
      })
      const router = framework.Router()
      if (mount === undefined) app.use(router)
      else app.use(mount.path, router.use(protectExpress(api, mount.policy as Policy)))
      for (const route of routes) {
        const verb = (route.method?.toLowerCase() ?? 'all') as 'get' | 'post' | 'delete' | 'all'
        router[verb](route.path, protectExpress(api, ...guard(route)), (_req, res) => {
          const auth = res.locals['auth'] as AccessToken | undefined
          onHandled?.(route.path, auth)
          res.json(seen(auth))
        })
      }
      if (onError !== undefined) {
        const handler: ErrorRequestHandler = (error, _req, res, _next) => {
          const { status, body } = onError(error)
          res.status(status).type('text').end(body)
        }
        app.use(handler)
      }
      return listen(app)
    },
  }
}

function compose(list: readonly KoaMiddleware[]): KoaMiddleware {
  return (ctx, next) => {
    const dispatch = (at: number): Promise<unknown> =>
      at === list.length ? next() : Promise.resolve(list[at]?.(ctx, () => dispatch(at + 1)))
    return dispatch(0)
  }
}

function koaServer(name: 'koa2' | 'koa3', Framework: typeof Koa): TestServer {
  return {
    name,
    start(api, { routes, earlier = {}, mount, onError, onHandled }) {
      const app = new Framework()
      app.silent = true
      if (onError !== undefined) {
        app.use(async (ctx, next) => {
          try {
            await next()
          } catch (error) {
            Object.assign(ctx, onError(error))
          }
        })
      }
      const { corsOrigin, headers = [], authorization, timeout } = earlier
      if (corsOrigin !== undefined) app.use(koaCors({ origin: corsOrigin }))
      app.use(async (ctx, next) => {
        for (const [field, value] of headers) ctx.append(field, value)
        if (authorization !== undefined) {
          const value = authorization(ctx.req.headers.authorization)
          if (value === undefined) delete ctx.req.headers.authorization
          else ctx.req.headers.authorization = value
        }
        if (timeout === undefined) {
          await next()
          return
        }
        const isLate = await Promise.race([next().then(() => false), timeout().then(() => true)])
        if (isLate) Object.assign(ctx, { status: 504, body: 'too late' })
      })
      const prefix = mount?.path ?? ''
      const below = new Framework()
      app.use((ctx, next) => (ctx.path.startsWith(prefix) ? compose(below.middleware)(ctx, next) : next()))
      if (mount !== undefined) below.use(protectKoa(api, mount.policy as Policy))
      for (const route of routes) {
        const protection = protectKoa(api, ...guard(route))
        below.use(async (ctx, next) => {
          if (
            ctx.path !== `${prefix}${route.path}` ||
            (route.method !== undefined && ctx.method !== route.method)
          ) {
            await next()
            return
          }
          await protection(ctx as Parameters<typeof protection>[0], async () => {
            const auth = ctx.state['auth'] as AccessToken | undefined
            onHandled?.(route.path, auth)
            ctx.body = seen(auth)
          })
        })
      }
      return listen(app.callback())
    },
  }
}

const honoServer: TestServer = {
  name: 'hono',
  start(api, { routes, earlier = {}, mount, onError, onHandled }) {
    const app = new Hono()
    if (onError !== undefined) {
      app.onError((error, c) => {
        const { status, body } = onError(error)
        return c.text(body, status as 500)
      })
    }
    const { corsOrigin, headers = [], authorization, timeout } = earlier
    if (corsOrigin !== undefined) app.use(honoCors({ origin: corsOrigin }))
    const before: MiddlewareHandler = async (c, next) => {
      for (const [field, value] of headers) c.header(field, value, { append: true })
      if (authorization !== undefined) {
        const value = authorization(c.req.header('authorization'))
        const fields = new Headers(c.req.raw.headers)
        if (value === undefined) fields.delete('authorization')
        else fields.set('authorization', value)
        c.req.raw = new Request(c.req.raw, { headers: fields })
      }
      if (timeout === undefined) return next()
      const isLate = await Promise.race([next().then(() => false), timeout().then(() => true)])
      return isLate ? c.text('too late', 504) : undefined
    }
    app.use(before)
    const router = new Hono<{ Variables: { auth: AccessToken | undefined } }>()
    if (mount !== undefined) router.use(protectHono(api, mount.policy as Policy))
    for (const route of routes) {
      router.on(
        route.method === undefined ? ['GET', 'POST', 'DELETE', 'OPTIONS'] : [route.method],
        [route.path],
        protectHono(api, ...guard(route)),
        (c) => {
          onHandled?.(route.path, c.var.auth)
          return c.json(seen(c.var.auth))
        },
      )
    }
    app.route(mount?.path ?? '/', router)
    return listen(getRequestListener(app.fetch))
  },
}

/** No framework: a function from `Request` to `Response`, as every web-standard runtime serves it. */
const requestServer: TestServer = {
  name: 'request',
  start(api, { routes, onHandled }) {
    const fetch = async (request: Request): Promise<Response> => {
      const { pathname } = new URL(request.url)
      const route = routes.find(
        ({ path, method }) => path === pathname && (method === undefined || method === request.method),
      )
      if (route === undefined) return new Response('not found', { status: 404 })
      const result = await (route.policy === undefined
        ? api.authorize(request)
        : api.authorize(request, route.policy, request))
      if (!result.ok) return new Response(result.response.body, result.response)
      onHandled?.(route.path, result.auth)
      return Response.json(seen(result.auth), { headers: result.headers })
    }
    return running(serve({ fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
}

/** Every framework and version that an adapter promises, and the web standard alone. */
export const SERVERS: readonly TestServer[] = [
  expressServer('express4', express4),
  expressServer('express5', express),
  koaServer('koa2', Koa2),
  koaServer('koa3', Koa),
  honoServer,
  requestServer,
]

/** Those in which other middleware may stand before a guard. */
export const FRAMEWORKS: readonly TestServer[] = SERVERS.filter(({ name }) => name !== 'request')
