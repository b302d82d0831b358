import type { Server as HTTPServer } from 'node:http'

import type { RateLimiter, TokenRequestEvent } from '@atjwt/core/assertion'
import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { csrf } from 'hono/csrf'
import type { JSONWebKeySet } from 'jose'
import { RateLimiterMemory } from 'rate-limiter-flexible'

import { Listener, type Listening, listeningOf } from '../listen.ts'
import { ALGORITHM, checkOptions, FUNCTION, POSITIVE_INTEGER, type Rule, type Rules } from '../options.ts'
import type { TestClaims, TestHeader } from '../test-issuer.ts'
import {
  checkAuthorizationRequest,
  grantCode,
  isPasswordOf,
  readAuthorizationRequest,
  redirection,
} from './authorize.ts'
import { configOf, ConfigProblem, type DevelopmentConfig, isRecord } from './config.ts'
import { frontPage, type MintForm, type Outcome } from './front-page.ts'
import { answerTokenRequest } from './grants.ts'
import { introspect, revoke } from './introspect.ts'
import { judgeToken } from './judge-token.ts'
import { loginPage, problemPage } from './login-page.ts'
import { metadataOf } from './metadata.ts'
import { OAuthProblem } from './oauth-error.ts'
import { required } from './request-parameters.ts'
import { RequestLog } from './request-log.ts'
import { locate, type Tenant, Tenants } from './tenant.ts'
import {
  createJudges,
  createJudging,
  INTROSPECTION,
  judgeRequest,
  type Judged,
  type Judges,
  Refused,
  REVOCATION,
} from './token-endpoint.ts'

/** Octets of a request. */
const MAX_BODY = 64 * 1024

/** Options of {@link createDevelopmentServer}. */
export interface DevelopmentServerOptions {
  /**
   * Clients, users and trusted issuers. A function is asked for each request; while its answer is wrong, requests which
   * need it are answered `server_error`, and stderr says why.
   */
  config?: DevelopmentConfig | (() => DevelopmentConfig)
  /** The origin of all issuers; the listening address by default, before that `http://127.0.0.1:9000`. */
  origin?: string
  /** The signature algorithm: `ES256`. */
  alg?: string
  /** Issuers that are remembered: 64. */
  maxTenants?: number
  /** Limits of the token endpoint: 20,000 requests a second per address, and none on failures. */
  limits?: { address?: RateLimiter; failures?: RateLimiter }
  /** Sees every verdict of the token endpoint. */
  onAudit?: (event: TokenRequestEvent) => void
  /** Seconds since the epoch. */
  clock?: () => number
}

const CREATE = 'create a development server'

const LIMITER: Rule = {
  passes: (value) => typeof (value as Partial<RateLimiter> | null)?.consume === 'function',
  problem: 'must have a function consume',
}

const RULES: Rules<DevelopmentServerOptions> = {
  config: {
    passes: (value) => typeof value === 'function' || isRecord(value),
    problem: 'must be an object, or a function which gives one',
  },
  // A path would be lost: issuers stand below the origin itself, and an API which trusts another one gets no keys.
  origin: { passes: isOrigin, problem: 'must be an http or https URL without a path' },
  alg: ALGORITHM,
  maxTenants: POSITIVE_INTEGER,
  limits: { passes: isRecord, problem: 'must be an object' },
  onAudit: FUNCTION,
  clock: FUNCTION,
}

/**
 * An authorization server for development and tests. Every first part of a path is an issuer of its own, with its own
 * keys: `http://127.0.0.1:9000`, `http://127.0.0.1:9000/any-tenant`. Keys are made when an issuer is first asked for,
 * and end with the process.
 */
export interface DevelopmentServer extends AsyncDisposable {
  readonly origin: string
  /** Answers a request without any network. */
  readonly fetch: (request: Request) => Promise<Response>
  /** The public keys of the issuer at the origin. */
  jwks(): Promise<JSONWebKeySet>
  /** A token of the issuer at the origin, with any claims and header members; `undefined` leaves one out. */
  issue(claims?: TestClaims, header?: TestHeader): Promise<string>
  /**
   * Serves on 127.0.0.1, and nowhere else.
   *
   * @throws {Error} when it listens already
   */
  listen(port?: number): Promise<URL>
  close(): Promise<void>
}

type Env = {
  Bindings: { incoming?: { socket?: { remoteAddress?: string | undefined } } }
  Variables: { tenant: Tenant; what: string }
}

/**
 * Creates a {@link DevelopmentServer}.
 *
 * @throws {Error} where `NODE_ENV` is `production`: it gives tokens to anybody
 * @throws {TypeError} on an option which is wrong or unknown, and a wrong configuration; the message names the member
 */
export function createDevelopmentServer(options: DevelopmentServerOptions = {}): DevelopmentServer {
  if (globalThis.process?.env['NODE_ENV'] === 'production')
    throw new Error('Cannot create a development server: NODE_ENV is production')
  return new Server(options)
}

class Server implements DevelopmentServer {
  readonly #tenants: Tenants
  readonly #config: () => DevelopmentConfig
  readonly #now: () => number
  readonly #app: Hono<Env>
  readonly #fixedOrigin: boolean
  readonly #listener = new Listener()

  constructor(options: DevelopmentServerOptions) {
    checkOptions(CREATE, options, RULES)
    const { config = {}, origin, alg = 'ES256', maxTenants = 64, limits = {}, onAudit, clock } = options
    checkOptions(CREATE, limits, { address: LIMITER, failures: LIMITER }, 'limits')
    this.#config = configOf(config)
    this.#now = clock ?? (() => Math.floor(Date.now() / 1000))
    this.#fixedOrigin = origin !== undefined
    this.#tenants = new Tenants({
      origin: new URL(origin ?? 'http://127.0.0.1:9000').origin,
      alg,
      max: maxTenants,
      now: this.#now,
    })
    this.#app = this.#route(limits, onAudit)
  }

  get origin(): string {
    return this.#tenants.origin
  }

  readonly fetch = async (request: Request): Promise<Response> => this.#app.fetch(request)

  async jwks(): Promise<JSONWebKeySet> {
    return (await this.#tenants.get('')).jwks
  }

  async issue(claims: TestClaims = {}, header: TestHeader = {}): Promise<string> {
    return this.#mint(await this.#tenants.get(''), this.#emptyForm(), claims, header)
  }

  async listen(port = 0): Promise<URL> {
    const listening = await this.#listener.listen(() => this.#serve(port))
    const url = `http://127.0.0.1:${listening.port}`
    if (!this.#fixedOrigin) this.#tenants.origin = url
    return new URL(url)
  }

  #serve(port: number): Promise<Listening> {
    const options = {
      fetch: (request: Request, env: Env['Bindings']) => this.#app.fetch(standard(request), env),
      port,
      hostname: '127.0.0.1',
      // The test which starts it keeps its own `Request` and `Response`.
      overrideGlobalObjects: false,
    }
    return new Promise((resolve, reject) => {
      const server = serve(options, () => {
        resolve(listeningOf(server))
      }) as HTTPServer
      server.once('error', reject)
    })
  }

  close(): Promise<void> {
    return this.#listener.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #route(
    limits: NonNullable<DevelopmentServerOptions['limits']>,
    onAudit: DevelopmentServerOptions['onAudit'],
  ): Hono<Env> {
    const config = this.#config
    const now = this.#now
    const log = new RequestLog(50)
    const judging = createJudging({
      config,
      now,
      limits: { address: new RateLimiterMemory({ points: 20_000, duration: 1 }), ...limits },
      onAudit: (event) => onAudit?.(event),
    })
    const judgesOf = new WeakMap<Tenant, Judges>()
    const judge = async (c: Context<Env>, endpoint?: string): Promise<Judged | Refused> => {
      const tenant = c.var.tenant
      const judges = judgesOf.get(tenant) ?? createJudges(tenant, judging)
      judgesOf.set(tenant, judges)
      const body = new Uint8Array(await c.req.raw.arrayBuffer())
      const address = c.env?.incoming?.socket?.remoteAddress ?? 'in-process'
      const judged = await judgeRequest(judges, c.req.raw, body, address, config(), endpoint)
      c.set('what', judged instanceof Refused ? judged.code : judged.grant_type)
      return judged
    }

    const app = new Hono<Env>({ getPath: (request) => locate(new URL(request.url).pathname).path })
    app.onError((error, c) => {
      if (error instanceof OAuthProblem) {
        c.set('what', error.error)
        return error.toResponse()
      }
      if ('getResponse' in error) return (error as unknown as { getResponse: () => Response }).getResponse()
      // Of any other error the name only: its message may hold what the request did.
      const reason = error instanceof ConfigProblem ? error.message : error.name
      console.error(`Cannot answer ${c.req.method} ${c.req.path}: ${reason}`)
      return Response.json({ error: 'server_error' }, { status: 500 })
    })
    app.use(async (c, next) => {
      const { hostname, pathname } = new URL(c.req.url)
      // A name that somebody made point to 127.0.0.1 would let its page read tokens.
      if (![new URL(this.origin).hostname, '127.0.0.1', 'localhost', '[::1]'].includes(hostname))
        return c.text('This server answers by its own name only.\n', 421)
      c.set('tenant', await this.#tenants.get(locate(pathname).tenant))
      await next()
      if (c.req.path !== '/') {
        log.add(c.var.tenant.issuer, {
          time: new Date(now() * 1000).toISOString().slice(11, 19),
          method: c.req.method,
          path: pathname,
          status: c.res.status,
          what: c.var.what ?? '',
        })
      }
      return undefined
    })
    app.use(
      bodyLimit({
        maxSize: MAX_BODY,
        onError: () =>
          Response.json(
            { error: 'invalid_request', error_description: 'The request is too large' },
            { status: 413, headers: { 'cache-control': 'no-store' } },
          ),
      }),
    )

    const everywhere = cors({ origin: '*', allowMethods: ['GET'] })
    app.get('/metadata', everywhere, (c) => c.json(metadataOf(c.var.tenant)))
    app.get('/jwks', everywhere, (c) => c.json(c.var.tenant.jwks))

    const fromClients = cors({
      // Browsers send credentials to wherever a client of theirs may run, and nowhere else.
      origin: (asking) =>
        (config().clients ?? [])
          .flatMap(({ redirect_uris }) => redirect_uris ?? [])
          .some((uri) => isSameOrigin(uri, asking))
          ? asking
          : null,
      allowMethods: ['POST'],
      allowHeaders: ['authorization', 'content-type', 'dpop'],
      maxAge: 600,
    })
    app.use('/token', fromClients)
    app.use('/revoke', fromClients)
    app.all('/token', async (c) => {
      const judged = await judge(c)
      if (judged instanceof Refused) return judged.response
      return answerTokenRequest(judged, { tenant: c.var.tenant, config: config(), now: now() })
    })
    app.all('/introspect', async (c) => {
      const judged = await judge(c, INTROSPECTION)
      return judged instanceof Refused
        ? judged.response
        : introspect(c.var.tenant, required(judged.params, 'token'))
    })
    app.all('/revoke', async (c) => {
      const judged = await judge(c, REVOCATION)
      if (judged instanceof Refused) return judged.response
      return revoke(c.var.tenant, required(judged.params, 'token'), judged.client?.client_id ?? '', now())
    })

    app.on(['GET', 'POST'], '/authorize', csrf(), async (c) => {
      const form = c.req.method === 'POST' ? new URLSearchParams(await c.req.text()) : undefined
      return this.#authorize(c.var.tenant, form ?? new URL(c.req.url).searchParams, form)
    })

    app.get('/', (c) => frontPage(c.var.tenant, this.#emptyForm(), log.of(c.var.tenant.issuer)))
    app.post('/', csrf(), async (c) => {
      const { form, outcome } = await this.#act(c.var.tenant, new URLSearchParams(await c.req.text()))
      return frontPage(c.var.tenant, form, log.of(c.var.tenant.issuer), outcome)
    })
    return app
  }

  async #authorize(
    tenant: Tenant,
    params: URLSearchParams,
    form: URLSearchParams | undefined,
  ): Promise<Response> {
    const config = this.#config()
    let request
    try {
      request = readAuthorizationRequest(params, config)
    } catch (error) {
      if (error instanceof OAuthProblem) return problemPage(error.message)
      throw error
    }
    const back = (answer: Record<string, string>): Response =>
      redirect(redirection(tenant, request.redirect_uri, params, answer))
    const problem = checkAuthorizationRequest(request, config)
    if (problem !== undefined) return back({ error: problem.error, error_description: problem.message })
    const users = config.users ?? []
    if (form === undefined) return loginPage(request, users)
    if (form.get('decision') === 'cancel') return back({ error: 'access_denied' })
    const user = users.find(({ sub }) => sub === form.get('user'))
    if (user === undefined || !(await isPasswordOf(user, form.get('password') ?? '')))
      return loginPage(request, users, 'The user or the password is wrong.')
    return redirect(grantCode(tenant, request, user, config, this.#now()))
  }

  #emptyForm(): MintForm {
    const { audience = 'https://api.example', users = [], clients = [] } = this.#config()
    return {
      sub: users[0]?.sub ?? 'user-1',
      client_id: clients[0]?.client_id ?? 'client-1',
      audience,
      scope: '',
      typ: 'at+jwt',
      claims: '{}',
    }
  }

  async #act(tenant: Tenant, given: URLSearchParams): Promise<{ form: MintForm; outcome: Outcome }> {
    const empty = this.#emptyForm()
    if (given.get('action') === 'judge') {
      // Terminals and mails break a long line. Other white space is a mistake, of which the verdict tells.
      const token = (given.get('token') ?? '').trim().replaceAll(/[\t ]*[\r\n]\s*/g, '')
      const audience = given.get('for') || empty.audience
      const judgement = await judgeToken(token, audience, this.#tenants, this.#now)
      return { form: empty, outcome: { judged: { token, audience, judgement } } }
    }
    const form: MintForm = {
      sub: given.get('sub') ?? empty.sub,
      client_id: given.get('client_id') ?? empty.client_id,
      audience: given.get('audience') ?? empty.audience,
      scope: given.get('scope') ?? '',
      typ: given.get('typ') ?? empty.typ,
      claims: given.get('claims') || '{}',
    }
    let claims: unknown
    try {
      claims = JSON.parse(form.claims)
    } catch {
      claims = undefined
    }
    if (!isRecord(claims)) return { form, outcome: { problem: 'The claims are no JSON object.' } }
    return { form, outcome: { minted: await this.#mint(tenant, form, claims) } }
  }

  async #mint(
    tenant: Tenant,
    { sub, client_id, audience, scope, typ }: MintForm,
    claims: Readonly<Record<string, unknown>>,
    header: TestHeader = {},
  ): Promise<string> {
    const now = this.#now()
    const { tokenLifetime = 300 } = this.#config()
    const all = {
      iss: tenant.issuer,
      sub,
      aud: audience,
      client_id,
      iat: now,
      exp: now + tokenLifetime,
      jti: crypto.randomUUID(),
      scope: scope === '' ? undefined : scope,
      ...claims,
    }
    return tenant.sign(typ, all, header)
  }
}

/** What the server hands over is no `Request` for the global one, of which the limit for bodies makes another. */
function standard(request: Request): Request {
  const { url, method, headers, body, signal } = request
  return body === null ? request : new Request(url, { method, headers, body, signal, duplex: 'half' })
}

function isOrigin(value: unknown): boolean {
  const url = typeof value === 'string' ? URL.parse(value) : null
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
}

function redirect(location: string): Response {
  return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store' } })
}

function isSameOrigin(uri: string, origin: string): boolean {
  const known = new URL(uri).origin
  // That of every URI of an app's own scheme, and of every sandboxed frame and file: pages of anybody.
  if (known === 'null') return false
  // The port of a loopback redirect is free, and so is that of the page which uses it.
  const loopback = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/
  return (
    known === origin ||
    (loopback.test(known) && loopback.test(origin) && new URL(known).hostname === new URL(origin).hostname)
  )
}
