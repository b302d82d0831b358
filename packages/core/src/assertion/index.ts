/**
 * Assertions of RFC 7523 for authorization servers: clients which authenticate by a JWT, JWTs as authorization grants,
 * and the token endpoint at which the two meet.
 *
 * @module
 */
export { createAssertionVerifier } from './verifier.ts'
export type { Client, ClientContext, ClientResult, ClientVerifier, ClientVerifierOptions } from './clients.ts'
export type {
  AssertionIssuerResolver,
  GrantContext,
  GrantResult,
  GrantVerifier,
  GrantVerifierOptions,
  TrustedAssertionIssuer,
} from './grants.ts'
export {
  type AuthenticatedClient,
  createTokenEndpoint,
  JWT_BEARER,
  type TokenEndpoint,
  type TokenEndpointOptions,
  type TokenRequestEvent,
  type TokenRequestResult,
} from './endpoint.ts'
export type { ClientAuthenticationMethod } from './credentials.ts'
export { memoryReplayStore, type MemoryReplayStoreOptions, type ReplayStore } from './replay.ts'
export { clientSecretJwt, type ClientSecret, type ClientSecretOptions } from './secret.ts'
export type { RateLimiter } from './limits.ts'
export type { AssertionClaims, AssertionHeader } from './claims.ts'
export { allowTokenEndpointAudience, type AssertionVerifierOptions } from './options.ts'
export {
  ASSERTION_ERRORS,
  type AssertionError,
  type AssertionErrorCode,
  type AssertionErrorResponse,
  type AssertionErrorRow,
  type AssertionErrorStatus,
  type OAuthError,
} from './errors.ts'
export { allowInsecureRequests, clock, customFetch, waitUntil } from '../options.ts'
