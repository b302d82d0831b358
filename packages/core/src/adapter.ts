/**
 * What adapters of frameworks share. For people who write one; applications use the adapter.
 *
 * @module
 */
import { type AccessToken, VerifiedAccessToken } from './access-token/access-token.ts'
import { type AnyPolicy, readPolicy } from './policy/policy.ts'
import { attach, attached } from './request-memory.ts'
import { authorizeAtOnce, type AuthorizeResult, type ResourceServer } from './resource-server.ts'
import type { ResourceRequest } from './request.ts'
import type { HeaderList } from './response/challenge.ts'

/** Options of every `protect`. */
export interface ProtectOptions {
  /** `answer` (default): the guard answers a refusal. `throw`: the framework's own error handler does. */
  refusals?: 'answer' | 'throw'
  /** `answer` (default): a CORS preflight that reaches the guard is answered 204. `next`: it is judged as any request. */
  preflight?: 'answer' | 'next'
}

/** An answer which a guard gives itself; a preflight has no body. */
export interface GuardAnswer {
  readonly status: 204 | 400 | 401 | 403 | 503
  readonly headers: HeaderList
  readonly body: string | null
}

/** What a guard says of a request: it goes on, with a token or anonymous, or it is answered. */
export type GuardResult<C> =
  | Extract<AuthorizeResult<AccessToken<C> | undefined>, { ok: true }>
  | { readonly ok: false; readonly response: GuardAnswer }

/**
 * Judges a request; a promise only where something has to be waited for, which for a token that was verified before is
 * seldom. `carrier` is the framework's object for the request: checks read it, {@link authOf} takes it.
 */
export type Guard<C> = (request: ResourceRequest, carrier: object) => GuardResult<C> | Promise<GuardResult<C>>

const PREFLIGHT: { readonly ok: false; readonly response: GuardAnswer } = {
  ok: false,
  response: { status: 204, headers: [], body: null },
}

/**
 * The part of `protect` in which no framework occurs. It throws, or rejects with, an `Error` always: a refusal under
 * `refusals: 'throw'`, what a `check` threw, or a mistake in an option that is a function.
 *
 * @param policyOrOptions options alone stand in the place of the policy: then any valid token passes
 * @param given how many arguments `protect` got: a policy that is undefined differs from none
 * @throws {TypeError} when the route is set up, rather than when it is called
 */
export function createGuard<C>(
  api: ResourceServer<C>,
  policyOrOptions: AnyPolicy<C> | ProtectOptions | undefined,
  furtherOptions: ProtectOptions | undefined,
  given: number,
): Guard<C> {
  if (!isServer(api)) fail('the first argument must be a resource server')
  if (given === 2 && isOptions(policyOrOptions)) return createGuard(api, undefined, policyOrOptions, 1)
  const policy = policyOrOptions as AnyPolicy<C> | undefined
  if (given > 1 || policy !== undefined) checkPolicy(policy)
  const { refusals, preflight } = readOptions(furtherOptions)

  const finish = (result: AuthorizeResult<AccessToken<C> | undefined>, carrier: object): GuardResult<C> => {
    if (result.ok) attach(carrier, api, result.auth as unknown as VerifiedAccessToken | undefined)
    else if (refusals === 'throw') throw result.error
    return result
  }
  return (request, carrier) => {
    if (preflight === 'answer' && isPreflight(request)) return PREFLIGHT
    try {
      const result = authorizeAtOnce(api, request, policy, carrier)
      if ('ok' in result) return finish(result, carrier)
      const finished = result.then((settled) => finish(settled, carrier), throwError)
      // An instance of the global `Promise`, by which adapters know it, whatever took the place of the engine's.
      return Promise.resolve(finished)
    } catch (reason) {
      return throwError(reason)
    }
  }
}

/**
 * Frameworks take `undefined` for "go on" (Express), answer it never (Koa), and read orders from some strings: what a
 * check threw must not open the door, nor leave the client waiting.
 */
function throwError(reason: unknown): never {
  throw reason instanceof Error
    ? reason
    : new Error('Cannot authorize: what was thrown is no error', { cause: reason })
}

function fail(problem: string): never {
  throw new TypeError(`Cannot protect: ${problem}`)
}

function checkPolicy(policy: AnyPolicy | undefined): void {
  // A variable that was never set must not become "any token will do".
  if (policy === undefined) fail('the policy is undefined')
  if (Array.isArray(policy)) fail('the policy is a list: join them by all() or any()')
  if (isOptions(policy)) fail('the options stand behind the policy')
  readPolicy(policy)
}

function readOptions(options: ProtectOptions | undefined): Required<ProtectOptions> {
  const { refusals = 'answer', preflight = 'answer', ...others } = options ?? {}
  const [unknown] = Object.keys(others)
  if (unknown === 'op') fail('one policy is taken: join them by all() or any()')
  if (unknown !== undefined) fail(`the option '${unknown.slice(0, 40)}' is unknown`)
  if (refusals !== 'answer' && refusals !== 'throw') fail("refusals must be 'answer' or 'throw'")
  if (preflight !== 'answer' && preflight !== 'next') fail("preflight must be 'answer' or 'next'")
  return { refusals, preflight }
}

function isServer(api: { readonly authorize?: unknown } | undefined): boolean {
  return typeof api?.authorize === 'function'
}

function isOptions(value: unknown): value is ProtectOptions {
  return typeof value === 'object' && value !== null && ('refusals' in value || 'preflight' in value)
}

/**
 * Whether a request is a CORS preflight. A browser sends it without credentials, so a guard cannot judge it, and CORS
 * middleware before the guard has answered it; one that arrives here all the same must not reach a handler.
 *
 * @see [Fetch, CORS-preflight request](https://fetch.spec.whatwg.org/#cors-preflight-request)
 */
function isPreflight(request: ResourceRequest): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.headers.get('origin') !== null &&
    request.headers.get('access-control-request-method') !== null
  )
}

/** The header fields of an answer which is being made, in a framework's own way; a WHATWG `Headers` is one. */
export interface AnswerHeaders {
  /** The names of those which are set. */
  keys(): Iterable<string>
  get(name: string): string | null
  set(name: string, value: string): void
  append(name: string, value: string): void
  delete(name: string): void
}

/** Adds fields to what earlier middleware set: challenges and `Vary` are lists, the others replace. */
export function addHeaders(answer: Omit<AnswerHeaders, 'keys' | 'delete'>, headers: HeaderList): void {
  for (const [name, value] of headers) {
    if (name === 'WWW-Authenticate') answer.append(name, value)
    else answer.set(name, name === 'Vary' ? withName(answer.get(name) ?? '', value) : value)
  }
}

/** Likewise for a guard's own answer: what earlier middleware said about a representation is not true of it. */
export function replaceHeaders(answer: AnswerHeaders, headers: HeaderList): void {
  // All at once, because one that is deleted moves those behind it.
  const names = [...answer.keys()]
  for (const name of names) if (OF_REPRESENTATION.test(name)) answer.delete(name)
  addHeaders(answer, headers)
}

/**
 * Fields that describe a representation, as all of `Content-` do but `Content-Security-Policy`, and those by which a cache
 * keeps it whatever `Cache-Control` says.
 */
const OF_REPRESENTATION =
  /^(?:content-(?!security-).+|.*cdn-cache-control|(?:edge|surrogate)-control|(?:repr-)?digest|etag|last-modified|location|(?:x-accel-)?expires|pragma|age|accept-ranges|trailer|transfer-encoding)$/i

/** `Vary` with one more name, unless it has it or is `*` already. */
function withName(earlier: string, name: string): string {
  if (earlier === '') return name
  const names = earlier.toLowerCase().split(/[\s,]+/)
  return names.includes('*') || names.includes(name.toLowerCase()) ? earlier : `${earlier}, ${name}`
}

/** The verified token of a framework's request; throws when no guard of `api` ran, or the request is anonymous. */
export function authOf<C>(api: ResourceServer<C>, request: object): AccessToken<C> {
  const auth = findAuth(api, request)
  if (auth === undefined) throw new TypeError('Cannot read the access token: the request is anonymous')
  return auth
}

/** Likewise, `undefined` when the request is anonymous. */
export function findAuth<C>(api: ResourceServer<C>, request: object): AccessToken<C> | undefined {
  if (!isServer(api))
    throw new TypeError('Cannot read the access token: the first argument must be a resource server')
  const auth = attached(request, api)
  if (auth === null)
    throw new TypeError('Cannot read the access token: no protect() of this resource server ran')
  return auth as unknown as AccessToken<C> | undefined
}
