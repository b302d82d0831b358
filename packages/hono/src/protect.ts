import type { AccessToken, OptionalPolicy, Policy, ResourceServer } from '@atjwt/core'
import {
  addHeaders,
  type AnswerHeaders,
  createGuard,
  type ProtectOptions,
  replaceHeaders,
} from '@atjwt/core/adapter'
import type { Context, MiddlewareHandler } from 'hono'

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
  const guard = createGuard(api, policy, options, arguments.length)
  return async (c, next) => {
    const result = await guard(c.req.raw, c)
    if (!result.ok) {
      const { status, headers, body } = result.response
      const fields = new Headers(c.res.headers)
      replaceHeaders(fields, headers)
      // Hono copies the earlier fields over a response that takes the place of another, and drops one which comes
      // when another stands already: a refusal replaces whatever stands.
      c.res = undefined
      c.res = new Response(body, { status, headers: fields })
      return
    }
    c.set('auth', result.auth)
    await next()
    // Afterwards, because fields set before would be copied over those of the handler's response.
    if (result.headers.length > 0) addHeaders(headersOf(c), result.headers)
  }
}

function headersOf(c: Context): AnswerHeaders {
  return {
    get: (name) => c.res.headers.get(name),
    set: (name, value) => c.header(name, value),
    append: (name, value) => c.header(name, value, { append: true }),
    delete: (name) => c.header(name),
  }
}
