/**
 * What adapters of frameworks share. For people who write one; applications use the adapter.
 *
 * @module
 */
import { type AccessToken, VerifiedAccessToken } from './access-token/access-token.ts'
import { type AnyPolicy, readPolicy } from './policy/policy.ts'
import { attach, attached } from './request-memory.ts'
import type { ResourceServer } from './resource-server.ts'
import type { ResourceRequest } from './request.ts'

/** Options of every `protect`. */
export interface ProtectOptions {
  /** `answer` (default): the guard answers a refusal. `throw`: the framework's own error handler does. */
  refusals?: 'answer' | 'throw'
  /** `answer` (default): a CORS preflight that reaches the guard is answered 204. `next`: it goes on. */
  preflight?: 'answer' | 'next'
}

/** Checks the arguments of `protect`, when a route is set up rather than when it is called. */
export function checkGuard(
  api: unknown,
  policy: AnyPolicy | undefined,
  options: ProtectOptions | undefined,
  given: number,
): Required<ProtectOptions> {
  if (typeof (api as Partial<ResourceServer> | undefined)?.authorize !== 'function') {
    throw new TypeError('Cannot protect: the first argument must be a resource server')
  }
  // A variable that was never set must not become "any token will do".
  if (policy === undefined && given === 2) throw new TypeError('Cannot protect: the policy is undefined')
  if (policy !== undefined) readPolicy(policy)
  const { refusals = 'answer', preflight = 'answer' } = options ?? {}
  for (const name of Object.keys(options ?? {})) {
    if (name !== 'refusals' && name !== 'preflight')
      throw new TypeError(`Cannot protect: the option '${name.slice(0, 40)}' is unknown`)
  }
  if (refusals !== 'answer' && refusals !== 'throw')
    throw new TypeError(`Cannot protect: refusals must be 'answer' or 'throw'`)
  if (preflight !== 'answer' && preflight !== 'next')
    throw new TypeError(`Cannot protect: preflight must be 'answer' or 'next'`)
  return { refusals, preflight }
}

/**
 * Whether a request is a CORS preflight. A browser sends it without credentials, so a guard cannot judge it, and CORS
 * middleware before the guard has answered it; one that arrives here all the same must not reach a handler.
 *
 * @see [Fetch, CORS-preflight request](https://fetch.spec.whatwg.org/#cors-preflight-request)
 */
export function isPreflight(request: ResourceRequest): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.headers.get('origin') !== null &&
    request.headers.get('access-control-request-method') !== null
  )
}

/** Header fields about a representation, which earlier middleware may have set and which a refusal does not have. */
export const REPRESENTATION_HEADERS: readonly string[] = [
  'Age',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Language',
  'Content-Length',
  'Content-Location',
  'Content-Range',
  'ETag',
  'Expires',
  'Last-Modified',
  'Location',
  'Pragma',
  'Surrogate-Control',
  'CDN-Cache-Control',
  'Transfer-Encoding',
]

/** Whether a field of a refusal is added to what earlier middleware set; the others replace it. */
export function isAppended(name: string): boolean {
  return name === 'WWW-Authenticate' || name === 'Vary'
}

/** `Vary` with one more name, unless it has it or is `*` already. */
export function addVary(earlier: string | null | undefined, name: string): string {
  if (earlier === null || earlier === undefined || earlier === '') return name
  const names = earlier.split(',').map((entry) => entry.trim().toLowerCase())
  return names.includes('*') || names.includes(name.toLowerCase()) ? earlier : `${earlier}, ${name}`
}

/** Keeps what a guard found for a framework's request, for {@link authOf} and {@link findAuth}. */
export function attachAuth<C>(
  api: ResourceServer<C>,
  request: object,
  auth: AccessToken<C> | undefined,
): void {
  attach(request, api, auth as unknown as VerifiedAccessToken | undefined)
}

/** The verified token of a framework's request; throws when no guard of `api` ran, or the request is anonymous. */
export function authOf<C>(api: ResourceServer<C>, request: object): AccessToken<C> {
  const auth = findAuth(api, request)
  if (auth === undefined) throw new TypeError('Cannot read the access token: the request is anonymous')
  return auth
}

/** Likewise, `undefined` when the request is anonymous. */
export function findAuth<C>(api: ResourceServer<C>, request: object): AccessToken<C> | undefined {
  const auth = attached(request, api)
  if (auth === null)
    throw new TypeError('Cannot read the access token: no protect() of this resource server ran')
  return auth as unknown as AccessToken<C> | undefined
}
