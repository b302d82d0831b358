/**
 * Validation of RFC 9068 JWT access tokens, and policies over them, for OAuth 2.0 resource servers.
 *
 * @module
 */
export { check, client, entitlement, group, issuer, role, scope } from './policy/atoms.ts'
export { all, any, not, optional } from './policy/combine.ts'
export { evaluate, type Decision } from './policy/evaluate.ts'
export type { AnyPolicy, Atom, ContextOf, Names, OptionalPolicy, Policy, Test } from './policy/policy.ts'
export { createResourceServer, type AuthorizeResult, type ResourceServer } from './resource-server.ts'
export {
  allowInsecureRequests,
  clock,
  customFetch,
  waitUntil,
  type DecisionEvent,
  type ResourceServerOptions,
} from './options.ts'
export { fromNode, type NodeRequest, type ResourceRequest } from './request.ts'
export { tokenOf } from './token-of.ts'
export { AuthorizationError, ERRORS, type AnyAuthorizationError, type ErrorCode } from './errors.ts'
export type { HeaderList } from './response/challenge.ts'
export type { ErrorResponse } from './response/respond.ts'
export type { AccessToken, AccessTokenClaims, ClaimsOf } from './access-token/access-token.ts'
export type { Authorities, Authority } from './access-token/authorities.ts'
export type { Deviations, IssuerResolver, OneOrMore, TrustedIssuer } from './issuer/trust.ts'
export type { IssuerStatus, KeySnapshot } from './issuer/key-source.ts'
export { ISSUER_CHANNEL, type IssuerEvent, type KeyFailure } from './issuer/events.ts'
