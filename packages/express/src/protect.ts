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
import type { NextFunction, Request, Response } from 'express'
import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Middleware which types `res.locals.auth` for the handlers behind it. It asks for no more than a Node request, so that
 * those handlers have the parameters of their path typed as without it.
 */
export interface RouteGuard<Auth> {
  // So that a guard also goes where any `RequestHandler` does; inference reads the last signature.
  (req: IncomingMessage, res: ServerResponse, next: NextFunction): void
  (req: IncomingMessage, res: Response<any, { auth: Auth } & Record<string, any>>, next: NextFunction): void
}

/**
 * Lets requests pass whose access token `api` accepts and `policy` grants; answers the others.
 *
 * Sets `res.locals.auth`, typed for the handlers of the same route, and `req.auth`, typed by importing
 * `@atjwt/express/augment`. Without a policy any valid token passes; options alone stand in its
 * place. CORS middleware stands before it.
 *
 * @throws {TypeError} when the route is set up, on a policy that is none
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Request>,
  options?: ProtectOptions,
): RouteGuard<AccessToken<C>>
export function protect<C>(api: ResourceServer<C>, options: ProtectOptions): RouteGuard<AccessToken<C>>
export function protect<C>(
  api: ResourceServer<C>,
  policy: OptionalPolicy<C, Request>,
  options?: ProtectOptions,
): RouteGuard<AccessToken<C> | undefined>
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Request> | OptionalPolicy<C, Request> | ProtectOptions,
  options?: ProtectOptions,
): RouteGuard<any> {
  const guard = createGuard(api, policy, options, arguments.length)
  /**
   * Whether the request goes on.
   *
   * @param begun whether headers which are sent were sent before the guard was asked
   */
  const enter = (result: GuardResult<C>, req: IncomingMessage, res: Response, begun: boolean): boolean => {
    if (!result.ok) {
      if (!res.headersSent) answer(res, result.response)
      // Nobody comes who could end it. What was begun while the guard waited is somebody's who ends it.
      else if (begun && !res.writableEnded) res.destroy()
      return false
    }
    // When somebody else has answered meanwhile, a timeout for example, headers can no longer be set.
    if (result.headers.length > 0 && !res.headersSent) addHeaders(headersOf(res), result.headers)
    res.locals['auth'] = result.auth
    ;(req as { auth?: unknown }).auth = result.auth
    return true
  }
  const handle = (req: IncomingMessage, res: Response, next: NextFunction): void => {
    let passes: boolean | Promise<boolean>
    try {
      const result = guard(fromNode(req), req)
      if (result instanceof Promise) {
        const begun = res.headersSent
        passes = result.then((settled) => enter(settled, req, res, begun))
      } else passes = enter(result, req, res, true)
    } catch (error) {
      next(error)
      return
    }
    // Apart from the work above: what a handler throws into `next()` must not come back as a second `next()`.
    if (passes instanceof Promise) {
      passes.then((goesOn) => {
        if (goesOn) next()
      }, next)
    } else if (passes) next()
  }
  // Express never calls it with anything less than its own response.
  return handle as RouteGuard<any>
}

/** Written to the Node response: what `res.send` would add (ETag, charset) is not part of a refusal. */
function answer(res: ServerResponse, { status, headers, body }: GuardAnswer): void {
  replaceHeaders(headersOf(res), headers)
  res.statusCode = status
  if (body !== null) res.setHeader('Content-Length', Buffer.byteLength(body))
  res.end(body ?? undefined)
}

function headersOf(res: ServerResponse): AnswerHeaders {
  return {
    keys: () => res.getHeaderNames(),
    get: (name) => res.getHeader(name)?.toString() ?? null,
    set: (name, value) => res.setHeader(name, value),
    append: (name, value) => res.appendHeader(name, value),
    delete: (name) => {
      res.removeHeader(name)
    },
  }
}
