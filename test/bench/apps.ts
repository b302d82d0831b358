// One server process with an app of each kind on its own port: nothing, ours, and others. Prints the ports as JSON;
// answers `{ id }` with its CPU time so far.
import { createServer as createHTTPServer, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import type { ResourceServer } from '@atjwt/core'
import { protect as protectExpress } from '@atjwt/express'
import { protect as protectHono } from '@atjwt/hono'
import { protect as protectKoa } from '@atjwt/koa'

import { AUDIENCE, createServer, ISSUER, type Signer } from './tokens.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- types must not need what stands outside of the workspace
const load = async (name: string): Promise<any> => import(name)

/** What the parent sends first. */
export interface Setup {
  readonly jwk: Record<string, unknown>
  readonly pem: string
  /** Makes the verified-token caches larger than by default. */
  readonly cache?: number
}

export interface AppInfo {
  readonly name: string
  readonly port: number
}

const [setup] = (await once(process, 'message')) as [Setup]
const { jwk, pem } = setup
const keys = { keys: [jwk] }
const api = await createServer(
  [{ jwk } as unknown as Signer],
  setup.cache === undefined ? {} : { cache: { max: setup.cache, maxSize: 128 * 1024 * 1024 } },
)

/** The issuer over HTTP, for those who insist on fetching. */
const issuer = createHTTPServer((req, res) => {
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(req.url === '/jwks' ? keys : { issuer: ISSUER, jwks_uri: jwksUri }))
})
issuer.listen(0, '127.0.0.1')
await once(issuer, 'listening')
const jwksUri = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks`

const servers: Server[] = []
async function serve(name: string, listener: RequestListener): Promise<AppInfo> {
  const server = createHTTPServer(listener)
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  return { name, port: (server.address() as AddressInfo).port }
}

const BODY = { status: 'ok' }
// oxlint-disable-next-line typescript/no-explicit-any -- likewise
type Any = any
const apps: AppInfo[] = []

async function expressApps(ours: ResourceServer): Promise<void> {
  const express = (await load('express')).default
  const { auth } = await load('express-oauth2-jwt-bearer')
  const { expressjwt } = await load('express-jwt')
  const jose = await load('jose')
  const { createVerifier } = await load('fast-jwt')
  const app = (...guards: readonly Any[]): Any => {
    const made = express()
    made.get('/', ...guards, (_req: Any, res: Any) => res.json(BODY))
    return made
  }
  const joseKeys = jose.createLocalJWKSet(keys)
  const byHand = async (req: Any, res: Any, next: Any): Promise<void> => {
    try {
      const token = req.headers.authorization.slice(7)
      req.auth = await jose.jwtVerify(token, joseKeys, { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' })
    } catch {
      res.status(401).end()
      return
    }
    next()
  }
  const fast = createVerifier({ key: pem, allowedIss: ISSUER, allowedAud: AUDIENCE, cache: 10_000 })
  const withFast = (req: Any, res: Any, next: Any): void => {
    try {
      req.auth = fast(req.headers.authorization.slice(7))
    } catch {
      res.status(401).end()
      return
    }
    next()
  }
  apps.push(
    await serve('express', app()),
    await serve('express: ours', app(protectExpress(ours))),
    await serve(
      'express: express-oauth2-jwt-bearer',
      app(auth({ issuer: ISSUER, audience: AUDIENCE, jwksUri, strict: true, tokenSigningAlg: 'RS256' })),
    ),
    await serve(
      'express: express-jwt',
      app(expressjwt({ secret: pem, algorithms: ['RS256'], issuer: ISSUER, audience: AUDIENCE })),
    ),
    await serve('express: jose by hand', app(byHand)),
    await serve('express: fast-jwt with cache', app(withFast)),
  )
}

async function koaApps(ours: ResourceServer): Promise<void> {
  const Koa = (await load('koa')).default
  const jwt = (await load('koa-jwt')).default
  const { koaJwtSecret } = await load('jwks-rsa')
  const app = (...guards: readonly Any[]): Any => {
    const made = new Koa()
    for (const guard of guards) made.use(guard)
    made.use((ctx: Any) => {
      ctx.body = BODY
    })
    return made.callback()
  }
  const secret = koaJwtSecret({ jwksUri, cache: true, rateLimit: false })
  apps.push(
    await serve('koa', app()),
    await serve('koa: ours', app(protectKoa(ours) as Any)),
    await serve(
      'koa: koa-jwt with jwks-rsa',
      app(jwt({ secret, issuer: ISSUER, audience: AUDIENCE, algorithms: ['RS256'] })),
    ),
  )
}

async function honoApps(ours: ResourceServer): Promise<void> {
  const { Hono } = await load('hono')
  const { getRequestListener } = await load('@hono/node-server')
  const app = (...guards: readonly Any[]): RequestListener => {
    const made = new Hono()
    for (const guard of guards) made.use(guard)
    made.get('/', (c: Any) => c.json(BODY))
    return getRequestListener(made.fetch)
  }
  apps.push(await serve('hono', app()), await serve('hono: ours', app(protectHono(ours) as Any)))
}

await expressApps(api)
await koaApps(api)
await honoApps(api)
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
})
process.on('disconnect', () => process.exit())
process.send?.(apps)
