/**
 * A test issuer for resource servers: real keys, real tokens, no network.
 *
 * @module
 */
export {
  createTestIssuer,
  type FetchCounts,
  type Outage,
  type ResourceServerOptionsOfIssuer,
  type TestClaims,
  type TestHeader,
  type TestIssuer,
  type TestIssuerOptions,
} from './test-issuer.ts'
export { accessToken } from './access-token.ts'
export type { TestClock } from './clock.ts'
export { type Fault, type FaultContext, type FaultName, FAULTS } from './faults.ts'
export type { Forgery } from './forgeries/forgery.ts'
export type { RequestParts } from './with-token.ts'
