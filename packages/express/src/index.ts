/**
 * RFC 9068 access tokens for Express: one verb, `protect(api, policy?)`, and all of `@atjwt/core`.
 *
 * @module
 */
export * from '@atjwt/core'
export { authOf, findAuth, type ProtectOptions } from '@atjwt/core/adapter'
export { protect } from './protect.ts'
