import { type AccessTokenClaims, allowInsecureRequests, clock as clockOption, customFetch } from '@atjwt/core'
import type { JSONWebKeySet } from 'jose'

import { createTestClock, type TestClock } from './clock.ts'
import { type Fault, type FaultName, faultOf } from './faults.ts'
import { makeForgeries } from './forgeries/forgeries.ts'
import { type Forgery, Workshop } from './forgeries/forgery.ts'
import { jsonOf, makeKey, signCompact, type SigningKey } from './jws.ts'
import { type Answerer, Listener, serve } from './listen.ts'
import { ALGORITHM, checkOptions, FLAG, FUNCTION, ISSUER_IDENTIFIER, type Rules, TEXT } from './options.ts'
import { bear, type RequestParts } from './with-token.ts'

/** Options of {@link createTestIssuer}. */
export interface TestIssuerOptions {
  /** The issuer identifier; `https://issuer.test` by default, the listening address after `listen()`. */
  issuer?: string
  /** The `aud` of tokens by default; `https://api.example`. */
  audience?: string
  /** The signature algorithm; `ES256` by default. */
  alg?: string
  /** Seconds since the epoch; the real time by default. `clock.advance()` is added to it. */
  clock?: () => number
}

const RULES: Rules<TestIssuerOptions> = {
  issuer: ISSUER_IDENTIFIER,
  audience: TEXT,
  alg: ALGORITHM,
  clock: FUNCTION,
}

/** Claims which a test may set, to anything: wrong ones are what a test is for. */
export type TestClaims = { readonly [Claim in keyof AccessTokenClaims]?: unknown } & {
  readonly [claim: string]: unknown
}

/** Header members which a test may set. The key signs with its own algorithm, whatever `alg` says. */
export interface TestHeader {
  typ?: unknown
  kid?: unknown
  alg?: unknown
  [member: string]: unknown
}

/** What an outage looks like: one of four plain ones, or a fault by its name. */
export type Outage = 'network' | 'timeout' | 'status' | 'malformed' | FaultName

const PLAIN: Readonly<Record<string, FaultName>> = {
  network: 'connection reset',
  timeout: 'hang before the header',
  status: 'status 503',
  malformed: 'HTML with 200',
}

/** How often an issuer was asked for its documents. */
export interface FetchCounts {
  readonly metadata: number
  readonly jwks: number
  /** Addresses at which the issuer has nothing. */
  readonly other: number
}

/** What {@link TestIssuer.options} has. */
export interface ResourceServerOptionsOfIssuer {
  readonly issuer: string
  readonly audience: string
  readonly [customFetch]: typeof globalThis.fetch
  readonly [clockOption]: () => number
  readonly [allowInsecureRequests]: true
}

/**
 * An issuer for tests: real keys, made at run time, real metadata, real tokens. It needs no port: give its `fetch` to
 * the resource server as `[customFetch]`.
 */
export interface TestIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly audience: string
  readonly fetch: typeof globalThis.fetch
  /** Options of a resource server which trusts this issuer alone, by its `fetch` and its clock. */
  readonly options: ResourceServerOptionsOfIssuer
  /** The time of the issuer; give `clock.now` to the resource server as `[clock]`, and both move together. */
  readonly clock: TestClock
  /** The public keys. */
  readonly jwks: JSONWebKeySet
  /** URLs which were asked for, in order. */
  readonly fetched: readonly string[]
  /** How often each document was asked for. */
  fetches(): FetchCounts
  /** A token which keeps RFC 9068; claims and header members given as `undefined` are left out. */
  issue(claims?: TestClaims, header?: TestHeader): Promise<string>
  /** `request` with a real token in its `Authorization` field; a plain object keeps its other members. */
  withToken(request: Request, claims?: TestClaims, header?: TestHeader): Promise<Request>
  withToken<Init extends RequestParts>(
    init: Init,
    claims?: TestClaims,
    header?: TestHeader,
  ): Promise<Omit<Init, 'headers'> & { headers: Record<string, string> }>
  /**
   * Every way in which a token can be wrong, to be sent to your own API: each is valid but for one thing, and says how
   * a resource server with default options refuses it. Send them in order: the first two ask for unknown keys, which
   * a resource server does twice at most within a minute.
   *
   * @param claims what your API needs, such as `scope`
   */
  forgeries(claims?: TestClaims): AsyncIterable<Forgery>
  /** Adds a key which signs from now on; with `retire` the earlier ones are withdrawn. */
  rotate(options?: { retire?: boolean }): Promise<JSONWebKeySet>
  /** Withdraws a key from the published set; it can sign on. */
  withdraw(kid: string): void
  /** Fails every fetch from now on, until `recover()`. */
  outage(kind?: Outage): void
  recover(): void
  /**
   * Serves metadata and keys on 127.0.0.1; the issuer is this address from now on.
   *
   * @throws {Error} when it listens already
   */
  listen(port?: number): Promise<URL>
  close(): Promise<void>
}

/**
 * Creates a {@link TestIssuer}. Its keys live in this process and nowhere else.
 *
 * @throws {TypeError} on an option which is wrong or unknown; the message names it
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  checkOptions('create a test issuer', options, RULES)
  const alg = options.alg ?? 'ES256'
  const audience = options.audience ?? 'https://api.example'
  const clock = createTestClock(options.clock)
  let issuer = options.issuer ?? 'https://issuer.test'
  let keys: SigningKey[] = [await makeKey(alg)]
  let published = [...keys]
  let stranger: Promise<SigningKey> | undefined
  let fault: Fault | undefined
  const listener = new Listener()
  const fetched: string[] = []

  const jwks = (): JSONWebKeySet => ({ keys: published.map(({ publicJwk }) => publicJwk) })
  const makeStranger = (): Promise<SigningKey> => (stranger ??= makeKey(alg))
  const tenant = (): string => new URL(issuer).pathname.replace(/\/$/, '')
  const documentAt = (path: string): 'metadata' | 'jwks' | undefined => {
    if (path === `${tenant()}/jwks`) return 'jwks'
    const places = [
      `/.well-known/oauth-authorization-server${tenant()}`,
      `/.well-known/openid-configuration${tenant()}`,
      `${tenant()}/.well-known/openid-configuration`,
    ]
    return places.includes(path) ? 'metadata' : undefined
  }
  const jwksUri = (): string => new URL(`${tenant()}/jwks`, issuer).href
  const healthy = (document: 'metadata' | 'jwks'): Response =>
    document === 'jwks'
      ? Response.json(jwks())
      : Response.json({ issuer, jwks_uri: jwksUri(), token_endpoint: `${issuer}/token` })
  const respond = async (
    path: string,
    signal: AbortSignal | undefined,
    overHTTP: boolean,
  ): Promise<Response> => {
    const document = documentAt(path)
    const failing = fault
    if (failing !== undefined && (failing.document ?? document) === document) {
      if (overHTTP && failing.fetchOnly === true) throw new TypeError('fetch failed')
      return failing.answer({
        document: document ?? 'metadata',
        issuer,
        jwks_uri: jwksUri(),
        keys: jwks().keys,
        stranger: (await makeStranger()).publicJwk,
        signal,
        healthy: () =>
          document === undefined ? new Response('not found', { status: 404 }) : healthy(document),
      })
    }
    return document === undefined ? new Response('not found', { status: 404 }) : healthy(document)
  }
  const claimsOf = (claims: TestClaims): Record<string, unknown> => {
    const iat = clock.now()
    return {
      iss: issuer,
      sub: 'user-1',
      aud: audience,
      client_id: 'client-1',
      iat,
      exp: iat + 300,
      jti: crypto.randomUUID(),
      ...claims,
    }
  }

  const self: TestIssuer = {
    get issuer() {
      return issuer
    },
    audience,
    get options() {
      return {
        issuer,
        audience,
        [customFetch]: self.fetch,
        [clockOption]: clock.now,
        [allowInsecureRequests]: true as const,
      }
    },
    clock,
    get jwks() {
      return jwks()
    },
    fetched,
    fetch: async (input, init) => {
      const url = new URL(typeof input === 'object' && 'url' in input ? input.url : input)
      fetched.push(url.href)
      if (url.origin !== new URL(issuer).origin) throw new TypeError('fetch failed')
      return respond(url.pathname, init?.signal ?? undefined, false)
    },
    fetches() {
      const counts = { metadata: 0, jwks: 0, other: 0 }
      for (const url of fetched) counts[documentAt(new URL(url, issuer).pathname) ?? 'other'] += 1
      return counts
    },
    async issue(claims = {}, header = {}) {
      const key = keys.at(-1) as SigningKey
      const signer = keys.find(({ kid }) => kid === header.kid) ?? key
      const members = { alg, typ: 'at+jwt', kid: key.kid, ...header }
      return signCompact(signer, jsonOf(members), jsonOf(claimsOf(claims)))
    },
    async withToken(
      request: Request | RequestParts,
      claims?: TestClaims,
      header?: TestHeader,
    ): Promise<never> {
      return bear(request, await self.issue(claims, header)) as never
    },
    async *forgeries(claims = {}) {
      const key = keys.at(-1) as SigningKey
      const other = await makeKey(alg.startsWith('RS') ? 'ES256' : 'RS256')
      yield* makeForgeries(
        new Workshop({
          issuer,
          audience,
          now: clock.now(),
          key,
          stranger: await makeStranger(),
          other,
          claims: claimsOf(claims),
        }),
      )
    },
    async rotate(how = {}) {
      checkOptions('rotate the keys', how, { retire: FLAG })
      const { retire = false } = how
      const key = await makeKey(alg)
      keys = [...keys, key]
      published = retire ? [key] : [...published, key]
      return jwks()
    },
    withdraw(kid) {
      published = published.filter((key) => key.kid !== kid)
    },
    outage(kind = 'network') {
      fault = faultOf(PLAIN[kind] ?? (kind as FaultName))
    },
    recover() {
      fault = undefined
    },
    async listen(port = 0) {
      const answer: Answerer = ({ path, signal }) => {
        fetched.push(path)
        return respond(new URL(path, issuer).pathname, signal, true)
      }
      const listening = await listener.listen(() => serve(answer, port))
      issuer = `http://127.0.0.1:${listening.port}`
      return new URL(issuer)
    },
    close: () => listener.close(),
    async [Symbol.asyncDispose]() {
      await self.close()
    },
  }
  return self
}
