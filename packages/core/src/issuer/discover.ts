import { parseJSONObject } from '../internal/json.ts'
import type { OriginRule } from './origin.ts'
import { failed, type Failure, type FetchedText, MAX_DOCUMENT_COST } from './fetch.ts'

/** Why a document is no usable metadata of the issuer. */
export type MetadataFailure = 'content_type' | 'not_json' | 'issuer_mismatch' | 'jwks_uri_unusable'

/**
 * The places where the metadata of an issuer may stand, in the order in which they are asked: RFC 8414 by insertion,
 * OpenID Connect by insertion, OpenID Connect appended. A slash that ends the path is dropped first.
 *
 * @see [RFC 8414 §3.1, §5](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)
 * @see [OpenID Connect Discovery §4.1](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationRequest)
 */
export function wellKnownLocations(issuer: string): string[] {
  // The identifier is cut as text: URL normalisation would change the tenant whose document is asked for.
  const [origin] = /^[^/]+\/\/[^/]+/.exec(issuer) as unknown as [string]
  const tenant = issuer.slice(origin.length).replace(/\/$/, '')
  return [
    ...new Set([
      `${origin}/.well-known/oauth-authorization-server${tenant}`,
      `${origin}/.well-known/openid-configuration${tenant}`,
      `${origin}${tenant}/.well-known/openid-configuration`,
    ]),
  ]
}

/**
 * Reads the `jwks_uri` of the metadata of `issuer` (RFC 8414 §2): all that a resource server needs of it. Its `issuer` member must be identical, code point by code point; otherwise nothing
 * of the document is used (RFC 8414 §3.3): it may be another issuer's.
 */
export function readMetadata(
  fetched: FetchedText,
  { issuer, origins }: { readonly issuer: string; readonly origins: Pick<OriginRule, 'allows'> },
): string | Failure {
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(fetched.contentType)) return failed('content_type')
  const document = parseJSONObject(fetched.text ?? '', MAX_DOCUMENT_COST)
  if (document === undefined) return failed('not_json')
  if (document['issuer'] !== issuer) return failed('issuer_mismatch')
  const { jwks_uri } = document
  const usable = typeof jwks_uri === 'string' && jwks_uri.length <= 2048 && origins.allows(jwks_uri)
  return usable ? jwks_uri : failed('jwks_uri_unusable')
}
