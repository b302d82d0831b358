import { type AccessToken, VerifiedAccessToken } from './access-token/access-token.ts'
import { TokenCache } from './access-token/cache.ts'
import {
  type AuthorizationContext,
  authorizeRequest,
  demandOf,
  type Verdict,
  verifyToken,
} from './authorize.ts'
import { type AnyAuthorizationError, type ErrorCode, Refusal } from './errors.ts'
import { fail, knownMembers } from './internal/check.ts'
import { Issuers, KeyRegistry } from './issuer/issuers.ts'
import type { IssuerStatus, KeySnapshot } from './issuer/key-source.ts'
import {
  readAudience,
  readRealm,
  type ResolvedOptions,
  resolveOptions,
  type ResourceServerOptions,
} from './options.ts'
import {
  type AnyPolicy,
  type ContextOf,
  type OptionalPolicy,
  type Policy,
  readPolicy,
  type Root,
} from './policy/policy.ts'
import type { ResourceRequest } from './request.ts'
import type { HeaderList } from './response/challenge.ts'
import { type ErrorResponse, toError } from './response/respond.ts'

/** The verdict on a request. */
export type AuthorizeResult<Auth> =
  | {
      readonly ok: true
      readonly auth: Auth
      /** To be added to the answer. The result is a `ResponseInit`. */
      readonly headers: HeaderList
    }
  | { readonly ok: false; readonly error: AnyAuthorizationError; readonly response: ErrorResponse }

/**
 * A protected resource of OAuth 2.0: which issuers it trusts, what it is called in `aud`, and what it remembers.
 *
 * @see [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)
 */
export interface ResourceServer<Claims = {}> extends AsyncDisposable {
  /**
   * Answers every request with a result: the verified token, or the refusal as an error and as a complete HTTP answer.
   *
   * Rejects only on misuse (a policy that is none) and with what a `check` throws. Reads nothing but the
   * `Authorization` header field.
   */
  authorize(request: ResourceRequest): Promise<AuthorizeResult<AccessToken<Claims>>>
  authorize<X>(
    request: ResourceRequest,
    policy: OptionalPolicy<Claims, X>,
    ...context: ContextOf<X>
  ): Promise<AuthorizeResult<AccessToken<Claims> | undefined>>
  authorize<X>(
    request: ResourceRequest,
    policy: Policy<Claims, X>,
    ...context: ContextOf<X>
  ): Promise<AuthorizeResult<AccessToken<Claims>>>
  authorize<X>(
    request: ResourceRequest,
    policy: AnyPolicy<Claims, X>,
    ...context: ContextOf<X>
  ): Promise<AuthorizeResult<AccessToken<Claims> | undefined>>
  /**
   * Verifies a bare string, without a request: sender-constrained tokens are refused.
   *
   * @throws {AuthorizationError} the refusal
   */
  verify(token: string): Promise<AccessToken<Claims>>
  /**
   * Grants or throws, in a handler, a resolver, for a socket message: judges the policy, and whether the token still is
   * valid and not revoked, and its key and issuer still trusted, as for a new request. Only for tokens which this
   * resource server verified; another one's is a `TypeError`.
   *
   * @throws {AuthorizationError} the refusal, which every framework answers rightly
   */
  demand<X>(
    auth: AccessToken<Claims> | undefined,
    policy: Policy<Claims, X>,
    ...context: ContextOf<X>
  ): Promise<AccessToken<Claims>>
  /**
   * Another resource on the same issuers and keys: own audience, own verified-token cache. The audience replaces that
   * of every issuer, also one which an issuer has for itself.
   */
  with(options: { audience: ResourceServerOptions['audience']; realm?: string }): ResourceServer<Claims>
  /**
   * Loads the keys of every configured issuer, before the first request needs them. Issuers of a resolver are not
   * known in advance.
   *
   * @throws {AuthorizationError} when the keys of an issuer cannot be had; the reason stands in `status()`
   */
  ready(signal?: AbortSignal): Promise<void>
  /** The state of each issuer's keys: JSON for a readiness route. */
  status(): readonly IssuerStatus[]
  /** The public keys as they are known now, for the `keys` option of another instance. */
  snapshot(): readonly KeySnapshot[]
  /** Distrusts a key at once and for good, with everything it verified, also while the issuer still publishes it. */
  revokeKey(issuer: string, kid: string): void
  /** Forgets all keys of one issuer, or of all, with everything they verified; they are fetched anew when needed. */
  purge(issuer?: string): void
  /** Ends all background work. Keys which are known serve on until they are stale; nothing is fetched any more. */
  close(): Promise<void>
}

/**
 * Creates a resource server: checks every option, does no I/O.
 *
 * @throws {TypeError} on a misconfiguration; the message names the option
 */
export function createResourceServer<Claims = {}>(
  options: ResourceServerOptions<Claims>,
): ResourceServer<Claims> {
  const resolved = resolveOptions(options as unknown as ResourceServerOptions)
  return new Server(resolved, new KeyRegistry(resolved)) as unknown as ResourceServer<Claims>
}

class Server implements ResourceServer {
  readonly #options: ResolvedOptions
  readonly #registry: KeyRegistry
  readonly #context: AuthorizationContext
  readonly #cache: TokenCache | undefined

  constructor(options: ResolvedOptions, registry: KeyRegistry, audience?: ReadonlySet<string>) {
    this.#options = options
    this.#registry = registry
    this.#cache = options.cache === undefined ? undefined : new TokenCache(options.cache)
    this.#context = {
      verifier: this,
      issuers: new Issuers(options, registry, audience),
      times: options.times,
      maxTokenLength: options.maxTokenLength,
      schema: options.schema,
      cache: this.#cache,
      clock: options.clock,
      revoked: options.revoked,
    }
    Object.freeze(this)
  }

  async authorize(
    request: ResourceRequest,
    policy?: AnyPolicy,
    context?: unknown,
  ): Promise<AuthorizeResult<never>> {
    const started = this.#started()
    const root = policy === undefined ? undefined : readPolicy(policy)
    const judged = authorizeRequest(request, root, context, this.#context)
    const verdict = judged instanceof Promise ? await judged : judged
    this.#decided(verdict, started)
    const varies = root?.op === 'optional'
    if (verdict instanceof Refusal) {
      const error = toError(verdict, this.#options, request, varies)
      return { ok: false, error, response: { status: error.status, ...error.answer } }
    }
    const headers: HeaderList = varies ? [['Vary', 'Authorization']] : []
    return { ok: true, auth: verdict as never, headers }
  }

  async verify(token: string): Promise<AccessToken<never>> {
    if (typeof token !== 'string') throw new TypeError('Cannot verify the token: it is not a string')
    const started = this.#started()
    const judged = verifyToken(token, this.#context)
    const verdict = judged instanceof Promise ? await judged : judged
    this.#decided(verdict, started)
    if (verdict instanceof Refusal) throw toError(verdict, this.#options, undefined, false)
    return verdict as unknown as AccessToken<never>
  }

  async demand(
    auth: AccessToken | undefined,
    policy: AnyPolicy,
    ...context: unknown[]
  ): Promise<AccessToken<never>> {
    const started = this.#started()
    const root = readPolicy(policy)
    if (root.op === 'optional')
      throw new TypeError('Cannot demand the policy: optional stands at the top of a guard only')
    const verdict = await this.#demand(auth, root, context[0])
    this.#decided(verdict, started)
    if (verdict instanceof Refusal) throw toError(verdict, this.#options, undefined, false)
    return verdict as unknown as AccessToken<never>
  }

  async #demand(
    auth: AccessToken | undefined,
    policy: Root,
    context: unknown,
  ): Promise<VerifiedAccessToken | Refusal> {
    if (auth === undefined) return new Refusal('no_credentials')
    // A token for another audience, or an object somebody made, grants nothing here.
    if (VerifiedAccessToken.originOf(auth)?.verifier !== this) {
      throw new TypeError('Cannot demand the policy: the token was not verified by this resource server')
    }
    return demandOf(auth as VerifiedAccessToken, policy, context, this.#context)
  }

  with(options: { audience: ResourceServerOptions['audience']; realm?: string }): ResourceServer<never> {
    if (typeof options !== 'object' || options === null) fail('with()', 'needs options')
    knownMembers('with()', options, ['audience', 'realm'])
    const audience = readAudience('audience', options.audience)
    const realm = readRealm(options.realm, audience)
    return new Server(
      { ...this.#options, audience, realm },
      this.#registry,
      audience,
    ) as ResourceServer<never>
  }

  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const now = this.#context.clock()
    const loading = Promise.all(
      [...this.#registry.all()].map(async (keys) => {
        const refusal = await keys.load(now)
        if (refusal === undefined) return
        const { failure } = keys.status(now)
        const cause = new Error(`Cannot load the keys of ${keys.issuer}: ${failure ?? 'unknown'}`)
        throw toError(
          new Refusal(refusal.code, { ...refusal.details, cause }),
          this.#options,
          undefined,
          false,
        )
      }),
    )
    if (signal === undefined) {
      await loading
      return
    }
    // Whoever stops waiting stops nothing else: others may wait for the same fetch.
    loading.catch(() => {})
    let stop: (() => void) | undefined
    const aborted = new Promise<never>((_resolve, reject) => {
      stop = () => {
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', stop, { once: true })
    })
    try {
      await Promise.race([loading, aborted])
    } finally {
      if (stop !== undefined) signal.removeEventListener('abort', stop)
    }
  }

  status(): readonly IssuerStatus[] {
    return this.#registry.status()
  }

  snapshot(): readonly KeySnapshot[] {
    return [...this.#registry.all()]
      .map((keys) => keys.snapshot())
      .filter((snapshot) => snapshot !== undefined)
  }

  revokeKey(issuer: string, kid: string): void {
    this.#registry.revoke(issuer, kid)
  }

  purge(issuer?: string): void {
    for (const keys of this.#registry.all()) if (issuer === undefined || keys.issuer === issuer) keys.purge()
    if (issuer === undefined) this.#cache?.clear()
  }

  async close(): Promise<void> {
    for (const keys of this.#registry.all()) keys.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The clock is read only when somebody wants to know. */
  #started(): number {
    return this.#options.onDecision === undefined ? 0 : performance.now()
  }

  #decided(verdict: Verdict, started: number): void {
    const { onDecision } = this.#options
    if (onDecision === undefined) return
    const code: ErrorCode | 'authorized' | 'anonymous' =
      verdict instanceof Refusal ? verdict.code : verdict === undefined ? 'anonymous' : 'authorized'
    const issuer = verdict instanceof Refusal ? undefined : verdict?.issuer
    try {
      const observed: unknown = onDecision({ code, issuer, ms: performance.now() - started })
      // An observer which fails must not cost a request its verdict, nor the process its life.
      if (observed instanceof Promise) observed.catch(() => {})
    } catch {}
  }
}
