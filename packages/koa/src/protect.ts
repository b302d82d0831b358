import { type AccessToken, fromNode, type OptionalPolicy, type Policy, type ResourceServer } from '@atjwt/core'
import {
  addVary,
  attachAuth,
  checkGuard,
  isPreflight,
  type ProtectOptions,
  REPRESENTATION_HEADERS,
} from '@atjwt/core/adapter'
import type { Context, Middleware } from 'koa'

/**
 * Lets requests pass whose access token `api` accepts and `policy` grants; answers the others.
 *
 * Sets `ctx.state.auth`. Without a policy any valid token passes. CORS middleware stands before it.
 *
 * @throws {TypeError} when the route is set up, on a policy that is none
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Context>,
  options?: ProtectOptions,
): Middleware<{ auth: AccessToken<C> }>
export function protect<C>(
  api: ResourceServer<C>,
  policy: OptionalPolicy<C, Context>,
  options?: ProtectOptions,
): Middleware<{ auth: AccessToken<C> | undefined }>
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Context> | OptionalPolicy<C, Context>,
  options?: ProtectOptions,
): Middleware<any> {
  const { refusals, preflight } = checkGuard(api, policy, options, arguments.length)
  return async (ctx, next) => {
    const request = fromNode(ctx.req)
    if (preflight === 'answer' && isPreflight(request)) {
      ctx.status = 204
      return
    }
    const result = await (policy === undefined
      ? api.authorize(request)
      : api.authorize(request, policy as Policy<C, Context>, ctx))
    if (!result.ok) {
      if (refusals === 'throw') throw result.error
      const { status, headers, body } = result.response
      for (const name of REPRESENTATION_HEADERS) ctx.remove(name)
      ctx.status = status
      ctx.body = body
      for (const [name, value] of headers) set(ctx, name, value)
      return
    }
    for (const [name, value] of result.headers) set(ctx, name, value)
    attachAuth(api, ctx.req, result.auth)
    ctx.state.auth = result.auth
    await next()
  }
}

function set(ctx: Context, name: string, value: string): void {
  if (name === 'WWW-Authenticate') ctx.append(name, value)
  else if (name === 'Vary') ctx.set(name, addVary(ctx.response.get(name), value))
  else ctx.set(name, value)
}
