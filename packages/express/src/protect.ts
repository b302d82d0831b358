import { type AccessToken, fromNode, type OptionalPolicy, type Policy, type ResourceServer } from '@atjwt/core'
import {
  addVary,
  attachAuth,
  checkGuard,
  isPreflight,
  type ProtectOptions,
  REPRESENTATION_HEADERS,
} from '@atjwt/core/adapter'
import type { Request, RequestHandler, Response } from 'express'

/**
 * Lets requests pass whose access token `api` accepts and `policy` grants; answers the others.
 *
 * Sets `res.locals.auth`, typed for the handlers of the same route, and `req.auth`, typed by importing
 * `@atjwt/express/augment`. Without a policy any valid token passes. CORS middleware stands before it.
 *
 * @throws {TypeError} when the route is set up, on a policy that is none
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Request>,
  options?: ProtectOptions,
): RequestHandler<Request['params'], any, any, Request['query'], { auth: AccessToken<C> }>
export function protect<C>(
  api: ResourceServer<C>,
  policy: OptionalPolicy<C, Request>,
  options?: ProtectOptions,
): RequestHandler<Request['params'], any, any, Request['query'], { auth: AccessToken<C> | undefined }>
export function protect<C>(
  api: ResourceServer<C>,
  policy?: Policy<C, Request> | OptionalPolicy<C, Request>,
  options?: ProtectOptions,
): RequestHandler<Request['params'], any, any, Request['query'], any> {
  const { refusals, preflight } = checkGuard(api, policy, options, arguments.length)
  return (req, res, next) => {
    const request = fromNode(req)
    if (preflight === 'answer' && isPreflight(request)) {
      res.statusCode = 204
      res.end()
      return
    }
    const authorized =
      policy === undefined ? api.authorize(request) : api.authorize(request, policy as Policy<C, Request>, req)
    authorized.then((result) => {
      if (!result.ok) {
        if (refusals === 'throw') next(result.error)
        else answer(res, result.response)
        return
      }
      for (const [name, value] of result.headers) set(res, name, value)
      attachAuth(api, req, result.auth)
      res.locals['auth'] = result.auth
      ;(req as { auth?: unknown }).auth = result.auth
      next()
    }, next)
  }
}

/** Written to the Node response: what `res.send` would add (ETag, charset) is not part of a refusal. */
function answer(res: Response, { status, headers, body }: { status: number; headers: [string, string][]; body: string }): void {
  // Somebody else has answered meanwhile, a timeout for example; there is nothing to say any more.
  if (res.headersSent) return
  for (const name of REPRESENTATION_HEADERS) res.removeHeader(name)
  res.statusCode = status
  for (const [name, value] of headers) set(res, name, value)
  res.setHeader('Content-Length', Buffer.byteLength(body))
  res.end(body)
}

function set(res: Response, name: string, value: string): void {
  if (name === 'WWW-Authenticate') res.appendHeader(name, value)
  else if (name === 'Vary') res.setHeader(name, addVary(String(res.getHeader(name) ?? ''), value))
  else res.setHeader(name, value)
}
