import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import type { AccessToken, AnyPolicy, ResourceServer } from '@atjwt/core'
import type { ProtectOptions } from '@atjwt/core/adapter'
import { protect as protectExpress } from '@atjwt/express'
import { protect as protectHono } from '@atjwt/hono'
import { protect as protectKoa } from '@atjwt/koa'
import { getRequestListener, serve } from '@hono/node-server'
import express from 'express'
import express4 from 'express4'
import { Hono } from 'hono'
import Koa from 'koa'
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

/** What a server guards, and who is told when a handler ran. */
export interface Setup {
  readonly routes: readonly Route[]
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
  if (route.options !== undefined) return [route.policy, route.options]
  return route.policy === undefined ? [] : [route.policy]
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

function listen(listener: Parameters<typeof createServer>[1]): Promise<RunningServer> {
  return running(createServer(listener).listen(0, '127.0.0.1'))
}

function expressServer(name: 'express4' | 'express5', framework: typeof express): TestServer {
  return {
    name,
    start(api, { routes, onHandled }) {
      const app = framework()
      // Elsewhere Express prints each error that reaches its own handler.
      app.set('env', 'test')
      for (const route of routes) {
        const verb = (route.method?.toLowerCase() ?? 'all') as 'get' | 'post' | 'delete' | 'all'
        app[verb](route.path, protectExpress(api, ...guard(route)), (_req, res) => {
          const auth = res.locals['auth'] as AccessToken | undefined
          onHandled?.(route.path, auth)
          res.json(seen(auth))
        })
      }
      return listen(app)
    },
  }
}

function koaServer(name: 'koa2' | 'koa3', Framework: typeof Koa): TestServer {
  return {
    name,
    start(api, { routes, onHandled }) {
      const app = new Framework()
      app.silent = true
      for (const route of routes) {
        const protection = protectKoa(api, ...guard(route))
        app.use(async (ctx, next) => {
          if (ctx.path !== route.path || (route.method !== undefined && ctx.method !== route.method)) {
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
  start(api, { routes, onHandled }) {
    const app = new Hono<{ Variables: { auth: AccessToken | undefined } }>()
    for (const route of routes) {
      app.on(
        route.method === undefined ? ['GET', 'POST', 'DELETE', 'OPTIONS'] : [route.method],
        [route.path],
        protectHono(api, ...guard(route)),
        (c) => {
          onHandled?.(route.path, c.var.auth)
          return c.json(seen(c.var.auth))
        },
      )
    }
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
