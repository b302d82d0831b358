import { servesLong } from '#runtime'

import { type AccessToken, type Verification, VerifiedAccessToken } from './access-token/access-token.ts'
import { TokenCache } from './access-token/cache.ts'
import { isPending, type Verified } from './access-token/verify.ts'
import {
  type AuthorizationContext,
  authorizeRequest,
  demandOf,
  isVerified,
  type Verdict,
  verifyToken,
} from './authorize.ts'
import { type AnyAuthorizationError, type ErrorCode, Refusal } from './errors.ts'
import { chain, later, rejection } from './internal/chain.ts'
import { knownMembers } from './internal/check.ts'
import { dismiss } from './internal/promise.ts'
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
  readNode,
  readPolicy,
} from './policy/policy.ts'
import { rehearse } from './rehearse.ts'
import { fromNode, type ResourceRequest } from './request.ts'
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
   * Rejects only on misuse (a policy that is none, also one given as `undefined`) and with what a `check` throws. Reads
   * nothing but the `Authorization` header field.
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
   * Returns the token as its issuer is trusted now: `auth` itself, unless a resolver answers otherwise than it did. When
   * by its answer the keys are elsewhere, or are others, the token is refused: only a new request finds its key there.
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
   * Loads the keys of every configured issuer, before the first request needs them, and on Node, Bun and Deno verifies a
   * made-up token which nobody sees, so that the first real one finds everything compiled. Issuers of a resolver are
   * not known in advance.
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
  /**
   * Ends all background work. Keys which are known serve on until they are stale; nothing is fetched any more. What
   * `with` made has nothing of its own to end.
   */
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
  const state = makeState(resolved, new KeyRegistry(resolved))
  return new Server(state, true) as unknown as ResourceServer<Claims>
}

/**
 * {@link ResourceServer.authorize} for adapters: a promise only where something has to be waited for. Throws what that
 * rejects with.
 */
export function authorizeAtOnce<C>(
  api: ResourceServer<C>,
  request: ResourceRequest,
  policy: AnyPolicy<C> | undefined,
  context: unknown,
): AuthorizeResult<AccessToken<C> | undefined> | Promise<AuthorizeResult<AccessToken<C> | undefined>> {
  const state = Server.stateOf(api)
  if (state !== undefined) return authorize(state, request, policy, context)
  // Somebody stands between: a proxy, a server which a test made.
  return policy === undefined ? api.authorize(request) : api.authorize(request, policy, context as object)
}

/** What a resource server is made of. */
interface State {
  readonly options: ResolvedOptions
  readonly registry: KeyRegistry
  readonly context: AuthorizationContext
}

/** @param audience replaces every other, also that of an issuer */
function makeState(options: ResolvedOptions, registry: KeyRegistry, audience?: ReadonlySet<string>): State {
  const context: AuthorizationContext = {
    ...options,
    verifier: {},
    issuers: new Issuers(options, registry, audience),
    cache: options.cache && new TokenCache(options.cache),
  }
  return { options, registry, context }
}

function authorize(
  state: State,
  request: ResourceRequest,
  policy: AnyPolicy | undefined,
  policyContext: unknown,
): AuthorizeResult<never> | Promise<AuthorizeResult<never>> {
  const since = startOf(state)
  const root = policy === undefined ? undefined : readPolicy(policy)
  const judged = authorizeRequest(request, root, policyContext, state.context)
  const varies = root?.op === 'optional'
  return isPending(judged)
    ? later(judged, resultOf, state, since, request, varies)
    : resultOf(judged, state, since, request, varies)
}

function resultOf(
  verdict: Verdict,
  state: State,
  since: number,
  request: ResourceRequest,
  varies: boolean,
): AuthorizeResult<never> {
  // Anonymous only where the policy is optional.
  if ((verdict === undefined && varies) || isVerified(verdict)) {
    report(verdict, state, since)
    return { ok: true, auth: verdict?.token as never, headers: varies ? [['Vary', 'Authorization']] : [] }
  }
  report(verdict, state, since)
  const error = toError(verdict as Refusal, state.options, request, varies)
  return { ok: false, error, response: { status: error.status, ...error.answer } }
}

function verify(state: State, token: string): AccessToken<never> | Promise<AccessToken<never>> {
  if (typeof token !== 'string') throw new TypeError('Cannot verify: the token must be a string')
  const since = startOf(state)
  const verdict = verifyToken(token, state.context)
  return isPending(verdict)
    ? later(verdict, tokenOrRejection, state, since)
    : tokenOrRejection(verdict, state, since)
}

function demand(
  state: State,
  auth: AccessToken | undefined,
  policy: AnyPolicy,
  policyContext: unknown,
): AccessToken<never> | Promise<AccessToken<never>> {
  const since = startOf(state)
  const root = readNode(policy)
  if (auth === undefined) return tokenOrRejection(new Refusal('no_credentials'), state, since)
  const verification: Verification | undefined = VerifiedAccessToken.verificationOf(auth)
  // A token for another audience, or an object somebody made, grants nothing here.
  if (verification?.verifier !== state.context.verifier) {
    throw new TypeError('Cannot demand the policy: the token was not verified by this resource server')
  }
  return chain(demandOf(verification, root, policyContext, state.context), tokenOrRejection, state, since)
}

/** Rejects instead of throwing: an engine looks for whoever catches, frame by frame, and notes the place. */
function tokenOrRejection(
  verdict: Verified,
  state: State,
  since: number,
): AccessToken<never> | Promise<never> {
  if (isVerified(verdict)) {
    report(verdict, state, since)
    return verdict.token as unknown as AccessToken<never>
  }
  report(verdict, state, since)
  return rejection(toError(verdict, state.options, undefined, false))
}

/** The clock is read only when somebody wants to know. */
function startOf({ options }: State): number {
  return options.onDecision === undefined ? 0 : performance.now()
}

function report(verdict: Verdict, { options: { onDecision } }: State, since: number): void {
  if (onDecision === undefined) return
  const code: ErrorCode | 'authorized' | 'anonymous' =
    verdict instanceof Refusal ? verdict.code : verdict === undefined ? 'anonymous' : 'authorized'
  const issuer = verdict instanceof Refusal ? undefined : verdict?.trust.issuer
  try {
    const observed: unknown = onDecision({ code, issuer, ms: performance.now() - since })
    // An observer which fails must not cost a request its verdict, nor the process its life.
    dismiss(observed)
  } catch {}
}

/** The ways of a request and of a token up to their answers, by a server without the observers of the application. */
async function rehearseFor({ options, registry, context }: State, now: number): Promise<void> {
  const silent = { ...options, onDecision: undefined, refusal: undefined }
  const issuers = registry.trusted.map(({ issuer }) => issuer)
  await rehearse(context, issuers, now, {
    async refuse(token, policy, stage) {
      const server = new Server({ options: silent, registry, context: stage }, false)
      const rawHeaders = ['Authorization', `Bearer ${token}`]
      const request = fromNode({ headers: { authorization: rawHeaders[1] }, rawHeaders })
      await server.authorize(request, policy)
      await server.verify(token).catch(() => {})
    },
    async grant({ token }, policy, stage) {
      const state: State = { options: silent, registry, context: stage }
      const server = new Server(state, false)
      const demanded = await server.demand(token, policy)
      resultOf(
        VerifiedAccessToken.verificationOf(demanded),
        state,
        startOf(state),
        fromNode({ headers: {} }),
        true,
      )
    },
  })
}

class Server implements ResourceServer {
  readonly #state: State
  /** Made by the application; one that was derived lives on its keys. */
  readonly #isRoot: boolean
  #rehearsed = false

  constructor(state: State, isRoot: boolean) {
    this.#state = state
    this.#isRoot = isRoot
    Object.freeze(this)
  }

  static stateOf(api: object): State | undefined {
    return #state in api ? api.#state : undefined
  }

  authorize(
    request: ResourceRequest,
    policy?: AnyPolicy,
    context?: unknown,
  ): Promise<AuthorizeResult<never>> {
    // Without an async function, which engines do not inline, on the way of every request.
    try {
      // A variable that was never set must not become "any token will do".
      if (policy === undefined && arguments.length > 1)
        throw new TypeError('Cannot authorize: the policy is undefined')
      if (typeof (request as Partial<ResourceRequest> | undefined)?.headers?.get !== 'function')
        throw new TypeError('Cannot authorize: the request has no headers: use fromNode()')
      return Promise.resolve(authorize(this.#state, request, policy, context))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  verify(token: string): Promise<AccessToken<never>> {
    // As in `authorize`.
    try {
      return Promise.resolve(verify(this.#state, token))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async demand(
    auth: AccessToken | undefined,
    policy: AnyPolicy,
    context?: unknown,
  ): Promise<AccessToken<never>> {
    return demand(this.#state, auth, policy, context)
  }

  with(options: { audience: ResourceServerOptions['audience']; realm?: string }): ResourceServer<never> {
    knownMembers('options of with()', options, ['audience', 'realm'])
    const audience = readAudience('audience', options.audience)
    const realm = readRealm(options.realm, audience)
    const { options: others, registry } = this.#state
    return new Server(
      makeState({ ...others, audience, realm }, registry, audience),
      false,
    ) as ResourceServer<never>
  }

  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    return new Promise((resolve, reject) => {
      // Whoever stops waiting stops nothing else: others may wait for the same fetch.
      const stop = (): void => {
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', stop)
      void this.#prepare()
        .then(resolve, reject)
        .then(() => {
          signal?.removeEventListener('abort', stop)
        })
    })
  }

  async #prepare(): Promise<void> {
    const { registry, context, options } = this.#state
    const now = context.clock()
    await Promise.all(
      registry.trusted.map(async ({ issuer, keys }) => {
        const refusal = await keys.load(now)
        if (refusal === undefined) return
        const cause = new Error(`Cannot load the keys of ${issuer}: ${keys.status(now).failure ?? 'unknown'}`)
        throw toError(new Refusal(refusal.code, { ...refusal.details, cause }), options, undefined, false)
      }),
    )
    if (!servesLong || this.#rehearsed) return
    this.#rehearsed = true
    // The keys are there, which is all that was promised.
    await rehearseFor(this.#state, context.clock()).catch(() => {})
  }

  status(): readonly IssuerStatus[] {
    const now = this.#state.context.clock()
    return this.#state.registry.all().map((keys) => keys.status(now))
  }

  snapshot(): readonly KeySnapshot[] {
    return this.#state.registry.all().flatMap((keys) => keys.snapshot() ?? [])
  }

  revokeKey(issuer: string, kid: string): void {
    this.#state.registry.revoke(issuer, kid)
  }

  purge(issuer?: string): void {
    this.#state.registry.purge(issuer)
    if (issuer === undefined) this.#state.context.cache?.clear()
  }

  async close(): Promise<void> {
    if (this.#isRoot) this.#state.registry.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
