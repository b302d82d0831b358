// One server process with one app, named by the first argument: nothing, a middleware that does nothing, one that does
// the least with which a token can be recognised, ours, or another's. Sends its port; answers any message with its CPU time so far, in microseconds.
import { hash } from 'node:crypto'
import { createServer as createHTTPServer, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import { AUDIENCE, createServer, ISSUER, type Signer } from './tokens.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- types must not need what stands outside of the workspace
type Any = any
const load = async (name: string): Promise<Any> => import(name)

/** What the parent sends first. */
export interface Setup {
  readonly jwk: Record<string, unknown>
  readonly pem: string
  /** Makes the verified-token cache larger than by default. */
  readonly cache?: number
}

const [setup] = (await once(process, 'message')) as [Setup]
const { jwk, pem } = setup
const keys = { keys: [jwk] }

const ours = async (): Promise<Any> =>
  createServer(
    [{ jwk } as unknown as Signer],
    setup.cache === undefined ? {} : { cache: { max: setup.cache } },
  )

/** The issuer over HTTP, for those who insist on fetching. */
async function jwksUri(): Promise<string> {
  const issuer = createHTTPServer((_req, res) => {
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify(keys))
  })
  return `http://127.0.0.1:${await listen(issuer)}/jwks`
}

async function listen(server: Server): Promise<number> {
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const BODY = { status: 'ok' }

async function expressApp(...guards: readonly Any[]): Promise<RequestListener> {
  const app = (await load('express')).default()
  app.get('/', ...guards, (_req: Any, res: Any) => res.json(BODY))
  return app
}

async function koaApp(...guards: readonly Any[]): Promise<RequestListener> {
  const app = new (await load('koa')).default()
  for (const guard of guards) app.use(guard)
  app.use((ctx: Any) => {
    ctx.body = BODY
  })
  return app.callback()
}

async function honoApp(...guards: readonly Any[]): Promise<RequestListener> {
  const app = new (await load('hono')).Hono()
  for (const guard of guards) app.use(guard)
  app.get('/', (c: Any) => c.json(BODY))
  return (await load('@hono/node-server')).getRequestListener(app.fetch)
}

/** A guard as one writes it by hand. */
function byHand(verify: (token: string) => Any): Any {
  return async (req: Any, res: Any, next: Any) => {
    try {
      req.auth = await verify(req.headers.authorization.slice(7))
    } catch {
      res.status(401).end()
      return
    }
    next()
  }
}

/** Recognises a token without keeping it, and checks nothing of it: what no guard with a cache can go below. */
function recogniser(): (field: string) => object {
  const known = new Map<string, object>()
  return (field) => {
    const id = hash('sha256', field.slice('Bearer '.length), 'binary')
    let entry = known.get(id)
    if (entry === undefined) {
      entry = { id }
      known.set(id, entry)
    }
    return entry
  }
}

const APPS: Readonly<Record<string, () => Promise<RequestListener>>> = {
  express: () => expressApp(),
  'express: a middleware that does nothing': () =>
    expressApp((_req: Any, _res: Any, next: Any) => {
      next()
    }),
  'express: digest and look-up': () => {
    const recognise = recogniser()
    return expressApp((req: Any, _res: Any, next: Any) => {
      req.auth = recognise(req.headers.authorization)
      next()
    })
  },
  'express: ours': async () => expressApp((await load('@atjwt/express')).protect(await ours())),
  'express: express-oauth2-jwt-bearer': async () => {
    const { auth } = await load('express-oauth2-jwt-bearer')
    const jwks = await jwksUri()
    return expressApp(
      auth({ issuer: ISSUER, audience: AUDIENCE, jwksUri: jwks, strict: true, tokenSigningAlg: 'RS256' }),
    )
  },
  'express: express-jwt': async () => {
    const { expressjwt } = await load('express-jwt')
    return expressApp(expressjwt({ secret: pem, algorithms: ['RS256'], issuer: ISSUER, audience: AUDIENCE }))
  },
  'express: jose by hand': async () => {
    const { createLocalJWKSet, jwtVerify } = await load('jose')
    const local = createLocalJWKSet(keys)
    const rules = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['RS256'], typ: 'at+jwt' }
    return expressApp(byHand((token) => jwtVerify(token, local, rules)))
  },
  'express: fast-jwt with cache': async () => {
    const { createVerifier } = await load('fast-jwt')
    const verify = createVerifier({
      key: pem,
      algorithms: ['RS256'],
      allowedIss: ISSUER,
      allowedAud: AUDIENCE,
      checkTyp: 'at+jwt',
      cache: 10_000,
    })
    return expressApp((req: Any, res: Any, next: Any) => {
      try {
        req.auth = verify(req.headers.authorization.slice(7))
      } catch {
        res.status(401).end()
        return
      }
      next()
    })
  },
  koa: () => koaApp(),
  'koa: a middleware that does nothing': () => koaApp((_ctx: Any, next: Any) => next()),
  'koa: digest and look-up': () => {
    const recognise = recogniser()
    return koaApp((ctx: Any, next: Any) => {
      ctx.state.auth = recognise(ctx.req.headers.authorization)
      return next()
    })
  },
  'koa: ours': async () => koaApp((await load('@atjwt/koa')).protect(await ours())),
  'koa: koa-jwt with jwks-rsa': async () => {
    const { koaJwtSecret } = await load('jwks-rsa')
    const secret = koaJwtSecret({ jwksUri: await jwksUri(), cache: true, rateLimit: false })
    const jwt = (await load('koa-jwt')).default
    return koaApp(jwt({ secret, issuer: ISSUER, audience: AUDIENCE, algorithms: ['RS256'] }))
  },
  hono: () => honoApp(),
  'hono: a middleware that does nothing': () => honoApp((_c: Any, next: Any) => next()),
  'hono: digest and look-up': () => {
    const recognise = recogniser()
    return honoApp((c: Any, next: Any) => {
      c.set('auth', recognise(c.req.raw.headers.get('authorization')))
      return next()
    })
  },
  'hono: ours': async () => honoApp((await load('@atjwt/hono')).protect(await ours())),
  'hono: hono/jwk': async () => {
    const { jwk: middleware } = await load('hono/jwk')
    const verification = { iss: ISSUER, aud: AUDIENCE, typ: 'at+jwt' }
    return honoApp(middleware({ keys: keys.keys, alg: ['RS256'], verification }))
  },
}

const app = APPS[process.argv[2] as string]
if (app === undefined) throw new Error(`no app is called ${process.argv[2]}`)
const port = await listen(createHTTPServer(await app()))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
})
process.on('disconnect', () => process.exit())
process.send?.(port)
