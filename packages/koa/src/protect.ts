import {
  type AccessToken,
  fromNode,
  type OptionalPolicy,
  type Policy,
  type ResourceServer,
} from '@atjwt/core'
import {
  addHeaders,
  type AnswerHeaders,
  createGuard,
  type GuardAnswer,
  type GuardResult,
  type ProtectOptions,
  replaceHeaders,
} from '@atjwt/core/adapter'
import type { Context, Middleware } from 'koa'

/**
 * Lets requests pass whose access token `api` accepts and `policy` grants; answers the others.
 *
 * Sets `ctx.state.auth`. Without a policy any valid token passes; options alone stand in its
 * place. CORS middleware stands before it.
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
  options: ProtectOptions,
): Middleware<{ auth: AccessToken<C> }>
export function protect<C>(
  api: ResourceServer<C>,
  policy: OptionalPolicy<C, Context>,
  options?: ProtectOptions,
): Middleware<{ auth: AccessToken<C> | undefined }>
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Context> | OptionalPolicy<C, Context> | ProtectOptions,
  options?: ProtectOptions,
): Middleware<any> {
  const guard = createGuard(api, policy, options, arguments.length)
  /** @param begun whether headers which are sent were sent before the guard was asked */
  const enter = (
    result: GuardResult<C>,
    ctx: Context,
    next: () => Promise<unknown>,
    begun: boolean,
  ): Promise<unknown> => {
    if (!result.ok) {
      if (ctx.headerSent) abandon(ctx, begun)
      else answer(ctx, result.response)
      return Promise.resolve()
    }
    if (result.headers.length > 0) addHeaders(headersOf(ctx), result.headers)
    ctx.state['auth'] = result.auth
    return next()
  }
  return (ctx, next) => {
    const result = guard(fromNode(ctx.req), ctx)
    if (!(result instanceof Promise)) return enter(result, ctx, next, true)
    const begun = ctx.headerSent
    return result.then((settled) => enter(settled, ctx, next, begun))
  }
}

/** Koa would end the answer of somebody else with a body of its own, in the middle of theirs. */
function abandon(ctx: Context, begun: boolean): void {
  ctx.respond = false
  // Nobody comes who could end it. What was begun while the guard waited is somebody's who ends it.
  if (begun && !ctx.res.writableEnded) ctx.res.destroy()
}

function answer(ctx: Context, { status, headers, body }: GuardAnswer): void {
  // Koa derives the length and a type of its own from the body, so the body comes first.
  ctx.body = body
  ctx.status = status
  const { length } = ctx
  replaceHeaders(headersOf(ctx), headers)
  if (body !== null) ctx.length = length
}

function headersOf(ctx: Context): AnswerHeaders {
  return {
    keys: () => ctx.res.getHeaderNames(),
    // Koa 2 says '' of a field which is not set, Koa 3 undefined, both give a list where there are several.
    get: (name) => (ctx.response.get(name) as string | string[] | undefined)?.toString() ?? null,
    set: (name, value) => ctx.set(name, value),
    append: (name, value) => ctx.append(name, value),
    delete: (name) => ctx.remove(name),
  }
}
