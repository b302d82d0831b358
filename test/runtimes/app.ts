import {
  type AccessToken,
  allowInsecureRequests,
  clock,
  createResourceServer,
  protect,
  role,
  scope,
} from '@atjwt/hono'
import { type Context, Hono } from 'hono'

import { exerciseKit } from './kit.ts'
import { exerciseTokenEndpoint } from './token-endpoint.ts'

/** What the test tells the application, as JSON in the environment: every runtime has that. */
export interface Setup {
  readonly issuer: string
  readonly audience: string
  /** Seconds since the epoch, for the corpus. */
  readonly now: number
  readonly jwks: Readonly<Record<string, { keys: object[] }>>
  /** Issuers found by discovery over HTTP, by the name of their route. */
  readonly discovered: Readonly<Record<string, string>>
}

let webCryptoVerifications = 0
const { subtle } = crypto
const verify = subtle.verify.bind(subtle)
// Which implementation `#crypto` resolved to is told by what it does: only one of them comes through here.
Object.defineProperty(subtle, 'verify', {
  value: (...args: Parameters<typeof verify>) => {
    webCryptoVerifications += 1
    return verify(...args)
  },
})

const answer = (c: Context<{ Variables: { auth: AccessToken } }>) => {
  const { claims, scopes, roles } = c.var.auth
  return c.json({ sub: claims.sub, scopes: [...scopes], roles: [...roles] })
}

/** The application under test, the same one in every runtime. */
export function createApp({ issuer, audience, now, jwks, discovered }: Setup): Hono {
  const app = new Hono()
  for (const [name, keys] of Object.entries(jwks)) {
    const api = createResourceServer({ issuer: { issuer, jwks: keys }, audience, [clock]: () => now })
    app.get(`/corpus/${name}`, protect(api), answer)
    app.get(`/corpus/${name}/scope/:name`, protect(api, scope('admin')), answer)
    app.get(`/corpus/${name}/role/:name`, protect(api, role('admin')), answer)
  }
  let later = 0
  app.get('/later/:seconds', (c) => {
    later += Number(c.req.param('seconds'))
    return c.json({ later })
  })
  for (const [name, url] of Object.entries(discovered)) {
    const api = createResourceServer({
      issuer: url,
      audience,
      [allowInsecureRequests]: true,
      [clock]: () => Date.now() / 1000 + later,
    })
    app.get(`/discovered/${name}`, protect(api), answer)
    app.get(`/status/${name}`, (c) => c.json(api.status()))
  }
  app.get('/kit', async (c) => c.json(await exerciseKit()))
  app.get('/token-endpoint', async (c) => c.json(await exerciseTokenEndpoint()))
  app.get('/crypto', (c) => c.json({ webCryptoVerifications }))
  return app
}
