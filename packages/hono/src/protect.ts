import type { AccessToken, HeaderList, OptionalPolicy, Policy, ResourceServer } from '@atjwt/core'
import {
  addHeaders,
  createGuard,
  type GuardAnswer,
  type GuardResult,
  type ProtectOptions,
  replaceHeaders,
} from '@atjwt/core/adapter'
import type { Context, MiddlewareHandler, Next } from 'hono'

/**
 * Lets requests pass whose access token `api` accepts and `policy` grants; answers the others.
 *
 * Sets `c.var.auth`. Without a policy any valid token passes; options alone stand in its
 * place. CORS middleware stands before it.
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
  options: ProtectOptions,
): MiddlewareHandler<{ Variables: { auth: AccessToken<C> } }>
export function protect<C>(
  api: ResourceServer<C>,
  policy: OptionalPolicy<C, Context>,
  options?: ProtectOptions,
): MiddlewareHandler<{ Variables: { auth: AccessToken<C> | undefined } }>
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Context> | OptionalPolicy<C, Context> | ProtectOptions,
  options?: ProtectOptions,
): MiddlewareHandler<any> {
  const guard = createGuard(api, policy, options, arguments.length)
  const enter = (result: GuardResult<C>, c: Context, next: Next): Promise<void> => {
    if (!result.ok) {
      answer(c, result.response)
      return Promise.resolve()
    }
    c.set('auth', result.auth)
    const { headers } = result
    // Afterwards, because fields set before would be copied over those of the handler's response.
    return headers.length === 0 ? next() : next().then(() => add(c, headers))
  }
  return (c, next) => {
    const result = guard(c.req.raw, c)
    return result instanceof Promise
      ? result.then((settled) => enter(settled, c, next))
      : enter(result, c, next)
  }
}

/** By way of `c.header`, because the fields of a response which was fetched cannot be changed. */
function add(c: Context, headers: HeaderList): void {
  const fields = new Headers(c.res.headers)
  addHeaders(fields, headers)
  for (const [name] of headers) c.header(name, fields.get(name) as string)
}

function answer(c: Context, { status, headers, body }: GuardAnswer): void {
  const fields = new Headers(c.res.headers)
  replaceHeaders(fields, headers)
  // Hono copies the earlier fields over a response that takes the place of another, and drops one which comes
  // when another stands already: a refusal replaces whatever stands.
  c.res = undefined
  c.res = new Response(body, { status, headers: fields })
}
