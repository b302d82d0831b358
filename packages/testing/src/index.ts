/**
 * A test issuer for resource servers: real keys, real tokens, no network.
 *
 * @module
 */
export {
  createTestIssuer,
  type Outage,
  type TestClaims,
  type TestHeader,
  type TestIssuer,
  type TestIssuerOptions,
} from './test-issuer.ts'
