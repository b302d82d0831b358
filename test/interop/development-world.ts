import { randomBytes } from 'node:crypto'

import { allowInsecureRequests, createResourceServer, scope } from '@atjwt/core'
import {
  createDevelopmentServer,
  type DevelopmentConfig,
  type DevelopmentServer,
  type DevelopmentServerOptions,
} from '@atjwt/testing/server'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

import { type RunningServer, type Seen, SERVERS } from '../helpers/servers.ts'
import type { Authentication } from './oauth-clients.ts'

export const AUDIENCE = 'https://api.example'
export const REDIRECT_URI = 'http://127.0.0.1:49152/callback'
export const IDENTITY_PROVIDER = 'https://idp.example'

const secret = (): string => randomBytes(32).toString('base64url')

interface Keys {
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

async function makeKeys(kid: string): Promise<Keys> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } }
}

/** The development server with clients of every kind, and an API behind each adapter. */
export interface DevelopmentWorld extends AsyncDisposable {
  readonly server: DevelopmentServer
  readonly issuer: string
  readonly authentications: Readonly<Record<string, Authentication>>
  readonly config: DevelopmentConfig
  readonly clientKey: CryptoKey
  /** A JWT grant of the identity provider about somebody. */
  grantFor(sub: string, claims?: Readonly<Record<string, unknown>>): Promise<string>
  /** What each API answers to the token: its status, or who its handler saw. */
  callAll(token: string): Promise<Readonly<Record<string, Seen | number>>>
}

export async function startDevelopmentWorld(
  options: Omit<DevelopmentServerOptions, 'config'> & Pick<DevelopmentConfig, 'clientAuthentication'> = {},
): Promise<DevelopmentWorld> {
  const { clientAuthentication, ...rest } = options
  const cleanup = new AsyncDisposableStack()
  const client = await makeKeys('client')
  const provider = await makeKeys('provider')
  const secrets = { basic: secret(), post: secret(), mac: secret() }
  const config: DevelopmentConfig = {
    audience: AUDIENCE,
    ...(clientAuthentication === undefined ? {} : { clientAuthentication }),
    clients: [
      { client_id: 'basic', client_secret: secrets.basic },
      { client_id: 'post', client_secret: secrets.post, token_endpoint_auth_method: 'client_secret_post' },
      { client_id: 'mac', client_secret: secrets.mac, token_endpoint_auth_method: 'client_secret_jwt' },
      {
        client_id: 'keyed',
        jwks: { keys: [client.jwk] },
        redirect_uris: ['https://client.example/callback'],
      },
      {
        client_id: 'web',
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
    users: [
      { sub: 'alice', name: 'Alice', claims: { roles: ['admin'] } },
      { sub: 'bob', name: 'Bob <b>"&', password: 'correct horse' },
    ],
    trusted: [{ issuer: IDENTITY_PROVIDER, jwks: { keys: [provider.jwk] } }],
  }
  const server = cleanup.use(createDevelopmentServer({ ...rest, config }))
  await server.listen()
  const api = cleanup.use(
    createResourceServer({ issuer: server.origin, audience: AUDIENCE, [allowInsecureRequests]: true }),
  )
  const apis = new Map<string, RunningServer>()
  for (const each of SERVERS.filter(({ name }) => ['express5', 'koa3', 'hono'].includes(name))) {
    const running = await each.start(api, { routes: [{ path: '/orders', policy: scope('orders:read') }] })
    cleanup.defer(() => running.close())
    apis.set(each.name, running)
  }
  return {
    server,
    issuer: server.origin,
    config,
    clientKey: client.privateKey,
    authentications: {
      basic: { method: 'client_secret_basic', secret: secrets.basic },
      post: { method: 'client_secret_post', secret: secrets.post },
      mac: { method: 'client_secret_jwt', secret: secrets.mac },
      keyed: { method: 'private_key_jwt', key: client.privateKey, kid: 'client' },
      web: { method: 'none' },
    },
    grantFor: (sub, claims = {}) =>
      new SignJWT({ jti: secret(), ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'provider' })
        .setIssuer(IDENTITY_PROVIDER)
        .setSubject(sub)
        .setAudience(server.origin)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(provider.privateKey),
    async callAll(token) {
      const answers: Record<string, Seen | number> = {}
      for (const [name, { url }] of apis) {
        const answer = await fetch(`${url}/orders`, { headers: { authorization: `Bearer ${token}` } })
        answers[name] = answer.ok ? ((await answer.json()) as Seen) : answer.status
        if (!answer.ok) await answer.body?.cancel()
      }
      return answers
    },
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  }
}

/** The same of every API. */
export const all = (answer: Seen | number): Readonly<Record<string, Seen | number>> => ({
  express5: answer,
  koa3: answer,
  hono: answer,
})

/** The way of a browser through the login page; where it is sent in the end. */
export async function logIn(url: URL, form: Readonly<Record<string, string>>): Promise<URL> {
  const page = await fetch(url, { redirect: 'manual' })
  const location = page.headers.get('location')
  if (location !== null) return new URL(location)
  const text = await page.text()
  const fields = [...text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name, value]): [string, string] => [name as string, unescape(value as string)],
  )
  const answer = await fetch(url.origin + url.pathname, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: url.origin },
    body: new URLSearchParams([...fields, ...Object.entries({ decision: 'login', ...form })]),
  })
  const target = answer.headers.get('location')
  if (target === null)
    throw new Error(`no redirect: ${answer.status} ${/role="alert">([^<]*)/.exec(await answer.text())?.[1]}`)
  return new URL(target)
}

function unescape(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' }
  return text.replaceAll(/&(?:#(\d+)|(\w+));/g, (_, code?: string, name?: string) =>
    code === undefined ? (named[name as string] as string) : String.fromCodePoint(Number(code)),
  )
}
