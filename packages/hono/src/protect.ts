import type { AccessToken, OptionalPolicy, Policy, ResourceServer } from '@atjwt/core'
import {
  addVary,
  attachAuth,
  checkGuard,
  isPreflight,
  type ProtectOptions,
  REPRESENTATION_HEADERS,
} from '@atjwt/core/adapter'
import type { Context, MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/**
 * Lets requests pass whose access token `api` accepts and `policy` grants; answers the others.
 *
 * Sets `c.var.auth`. Without a policy any valid token passes. CORS middleware stands before it.
 *
 * @throws {TypeError} when the route is set up, on a policy that is none
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Context>,
  options?: ProtectOptions,
): MiddlewareHandler<{ Variables: { auth: AccessToken<C> } }>
export function protect<C>(
  api: ResourceServer<C>,
  policy: OptionalPolicy<C, Context>,
  options?: ProtectOptions,
): MiddlewareHandler<{ Variables: { auth: AccessToken<C> | undefined } }>
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Context> | OptionalPolicy<C, Context>,
  options?: ProtectOptions,
): MiddlewareHandler<any> {
  const { refusals, preflight } = checkGuard(api, policy, options, arguments.length)
  return async (c, next) => {
    const request = c.req.raw
    if (preflight === 'answer' && isPreflight(request)) return c.body(null, 204)
    const result = await (policy === undefined
      ? api.authorize(request)
      : api.authorize(request, policy as Policy<C, Context>, c))
    if (!result.ok) {
      if (refusals === 'throw') throw result.error
      const { status, headers, body } = result.response
      // Hono copies what earlier middleware set over a response of ours: it is changed there.
      for (const name of REPRESENTATION_HEADERS) c.header(name)
      for (const [name, value] of headers) set(c, name, value)
      return c.body(body, status as ContentfulStatusCode)
    }
    for (const [name, value] of result.headers) set(c, name, value)
    attachAuth(api, request, result.auth)
    c.set('auth', result.auth)
    await next()
    return undefined
  }
}

function set(c: Context, name: string, value: string): void {
  if (name === 'WWW-Authenticate') c.header(name, value, { append: true })
  else if (name === 'Vary') c.header(name, addVary(c.res.headers.get(name), value))
  else c.header(name, value)
}
