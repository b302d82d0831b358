/**
 * RFC 9068 access tokens for Express: one verb, `protect(api, policy?)`, and all of `@atjwt/core`.
 *
 * @module
 */
import type { AccessToken, ResourceServer } from '@atjwt/core'
import { authOf as authOfRequest, findAuth as findAuthOfRequest } from '@atjwt/core/adapter'
import type { Request } from 'express'

export * from '@atjwt/core'
export type { ProtectOptions } from '@atjwt/core/adapter'
export { protect, type RouteGuard } from './protect.ts'

/** The verified token of this request; throws when no `protect(api)` ran before, or the request is anonymous. */
export function authOf<C>(api: ResourceServer<C>, req: Request): AccessToken<C> {
  return authOfRequest(api, req)
}

/** Likewise, `undefined` when anonymous. */
export function findAuth<C>(api: ResourceServer<C>, req: Request): AccessToken<C> | undefined {
  return findAuthOfRequest(api, req)
}
