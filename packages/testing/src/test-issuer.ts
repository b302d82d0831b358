import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  calculateJwkThumbprint,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWK,
  SignJWT,
} from 'jose'
import type { AccessTokenClaims } from '@atjwt/core'

/** Options of {@link createTestIssuer}. */
export interface TestIssuerOptions {
  /** The issuer identifier; `https://issuer.test` by default, the listening address after `listen()`. */
  issuer?: string
  /** The `aud` of tokens by default; `https://api.example`. */
  audience?: string
  /** The signature algorithm; `ES256` by default. */
  alg?: string
  /** Seconds since the epoch, for `iat` and `exp`. */
  clock?: () => number
}

/** Claims which a test may set, to anything: wrong ones are what a test is for. */
export type TestClaims = { readonly [Claim in keyof AccessTokenClaims]?: unknown } & {
  readonly [claim: string]: unknown
}

/** Header members which a test may set. */
export interface TestHeader {
  typ?: string | undefined
  kid?: string | undefined
  alg?: string | undefined
  [member: string]: unknown
}

/** What an outage looks like. */
export type Outage = 'network' | 'timeout' | 'status' | 'malformed'

/**
 * An issuer for tests: real keys, made at run time, real metadata, real tokens. It needs no port: give its `fetch` to
 * the resource server as `[customFetch]`.
 */
export interface TestIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly audience: string
  readonly fetch: typeof globalThis.fetch
  /** The public keys. */
  readonly jwks: JSONWebKeySet
  /** URLs which were asked for, in order. */
  readonly fetched: readonly string[]
  /** A token which keeps RFC 9068; claims and header members given as `undefined` are left out. */
  issue(claims?: TestClaims, header?: TestHeader): Promise<string>
  /** Adds a key which signs from now on; with `retire` the earlier ones are withdrawn. */
  rotate(options?: { retire?: boolean }): Promise<JSONWebKeySet>
  /** Withdraws a key from the published set; it can sign on. */
  withdraw(kid: string): void
  /** Fails every fetch from now on, until `recover()`. */
  outage(kind?: Outage): void
  recover(): void
  /** Serves metadata and keys on 127.0.0.1; the issuer is this address from now on. */
  listen(port?: number): Promise<URL>
  close(): Promise<void>
}

interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicJwk: JWK
}

/** Creates a {@link TestIssuer}. Its keys live in this process and nowhere else. */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const alg = options.alg ?? 'ES256'
  const audience = options.audience ?? 'https://api.example'
  const now = options.clock ?? (() => Math.floor(Date.now() / 1000))
  let issuer = options.issuer ?? 'https://issuer.test'
  let keys: SigningKey[] = [await makeKey(alg)]
  let published = [...keys]
  let outage: Outage | undefined
  let server: Server | undefined
  const fetched: string[] = []

  const jwks = (): JSONWebKeySet => ({ keys: published.map(({ publicJwk }) => publicJwk) })
  const respond = (path: string): Response => {
    const base = new URL(issuer)
    const tenant = base.pathname.replace(/\/$/, '')
    const metadata = [
      `/.well-known/oauth-authorization-server${tenant}`,
      `/.well-known/openid-configuration${tenant}`,
      `${tenant}/.well-known/openid-configuration`,
    ]
    if (outage === 'status') return new Response('unavailable', { status: 503 })
    if (outage === 'malformed') return new Response('<html>', { headers: { 'content-type': 'text/html' } })
    if (path === `${tenant}/jwks`) return Response.json(jwks())
    if (metadata.includes(path)) {
      return Response.json({
        issuer,
        jwks_uri: new URL(`${tenant}/jwks`, base).href,
        token_endpoint: `${issuer}/token`,
      })
    }
    return new Response('not found', { status: 404 })
  }

  const self: TestIssuer = {
    get issuer() {
      return issuer
    },
    audience,
    get jwks() {
      return jwks()
    },
    fetched,
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input)
      fetched.push(url.href)
      if (outage === 'network' || url.origin !== new URL(issuer).origin) throw new TypeError('fetch failed')
      if (outage === 'timeout') {
        return new Promise((_resolve, reject) => {
          init?.signal?.addEventListener('abort', () => {
            reject(init.signal?.reason as Error)
          })
        })
      }
      return respond(url.pathname)
    },
    async issue(claims = {}, header = {}) {
      const key = keys.at(-1) as SigningKey
      const iat = now()
      const payload: Record<string, unknown> = {
        iss: issuer,
        sub: 'user-1',
        aud: audience,
        client_id: 'client-1',
        iat,
        exp: iat + 300,
        jti: crypto.randomUUID(),
        ...claims,
      }
      for (const [name, value] of Object.entries(payload)) if (value === undefined) delete payload[name]
      const signer = keys.find(({ kid }) => kid === header.kid) ?? key
      const protectedHeader: Record<string, unknown> = { alg, typ: 'at+jwt', kid: key.kid, ...header }
      for (const [name, value] of Object.entries(protectedHeader))
        if (value === undefined) delete protectedHeader[name]
      return new SignJWT(payload)
        .setProtectedHeader(protectedHeader as { alg: string })
        .sign(signer.privateKey)
    },
    async rotate({ retire = false } = {}) {
      const key = await makeKey(alg)
      keys.push(key)
      published = retire ? [key] : [...published, key]
      return jwks()
    },
    withdraw(kid) {
      published = published.filter((key) => key.kid !== kid)
    },
    outage(kind = 'network') {
      outage = kind
    },
    recover() {
      outage = undefined
    },
    async listen(port = 0) {
      server = createServer((req, res) => {
        fetched.push(req.url ?? '')
        if (outage === 'network') {
          res.destroy()
          return
        }
        if (outage === 'timeout') return
        void (async () => {
          const response = respond(new URL(req.url ?? '/', issuer).pathname)
          res.writeHead(response.status, Object.fromEntries(response.headers))
          res.end(await response.text())
        })()
      })
      const listening = server
      await new Promise<void>((resolve, reject) => {
        listening.once('error', reject)
        listening.listen(port, '127.0.0.1', resolve)
      })
      issuer = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
      return new URL(issuer)
    },
    async close() {
      const listening = server
      server = undefined
      if (listening === undefined) return
      listening.closeAllConnections()
      await new Promise<void>((resolve) => {
        listening.close(() => resolve())
      })
    },
    async [Symbol.asyncDispose]() {
      await self.close()
    },
  }
  return self
}

async function makeKey(alg: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  const kid = (await calculateJwkThumbprint({ ...jwk, alg })).slice(0, 8)
  return { kid, privateKey: privateKey, publicJwk: { ...jwk, kid, alg, use: 'sig' } }
}
