/**
 * RFC 9068 access tokens for Hono: one verb, `protect(api, policy?)`, and all of `@atjwt/core`.
 *
 * @module
 */
import type { AccessToken, ResourceServer } from '@atjwt/core'
import { authOf as authOfContext, findAuth as findAuthOfContext } from '@atjwt/core/adapter'
import type { Context } from 'hono'

export * from '@atjwt/core'
export type { ProtectOptions } from '@atjwt/core/adapter'
export { protect } from './protect.ts'

/** The verified token of this request; throws when no `protect(api)` ran before, or the request is anonymous. */
export function authOf<C>(api: ResourceServer<C>, c: Context): AccessToken<C> {
  return authOfContext(api, c)
}

/** Likewise, `undefined` when anonymous. */
export function findAuth<C>(api: ResourceServer<C>, c: Context): AccessToken<C> | undefined {
  return findAuthOfContext(api, c)
}
