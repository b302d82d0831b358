import type { Tenant } from './tenant.ts'
import { GRANT_TYPES } from './token-endpoint.ts'

/** The metadata of RFC 8414 §2, which is also that of OpenID Connect Discovery §3. */
export function metadataOf({ issuer, key }: Tenant): Readonly<Record<string, unknown>> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: GRANT_TYPES,
    token_endpoint_auth_methods_supported: [
      'none',
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
    ],
    token_endpoint_auth_signing_alg_values_supported: [
      'ES256',
      'RS256',
      'PS256',
      'Ed25519',
      'EdDSA',
      'HS256',
    ],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [key.alg],
  }
}
