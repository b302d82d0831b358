import { type JSONObject, parseJSONObject } from '../internal/json.ts'
import type { FetchedText } from './fetch.ts'

/** What of an issuer's metadata a resource server needs, RFC 8414 §2. */
export interface IssuerMetadata {
  readonly jwks_uri: string
}

/** Why a document is no usable metadata of the issuer. */
export type MetadataFailure = 'content_type' | 'not_json' | 'issuer_mismatch' | 'jwks_uri_unusable'

/**
 * The places where the metadata of an issuer may stand, in the order in which they are asked: RFC 8414 by insertion,
 * OpenID Connect by insertion, OpenID Connect appended. A slash that ends the path is dropped first.
 *
 * @see [RFC 8414 §3.1, §5](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)
 * @see [OpenID Connect Discovery §4.1](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationRequest)
 */
export function wellKnownLocations(issuer: string): readonly string[] {
  // The identifier is cut as text: URL normalisation would change the tenant whose document is asked for.
  const [, origin, path] = /^([a-z]+:\/\/[^/]+)(.*)$/is.exec(issuer) as unknown as [string, string, string]
  const tenant = path.replace(/\/$/, '')
  return [
    ...new Set([
      `${origin}/.well-known/oauth-authorization-server${tenant}`,
      `${origin}/.well-known/openid-configuration${tenant}`,
      `${origin}${tenant}/.well-known/openid-configuration`,
    ]),
  ]
}

/**
 * Reads the metadata of `issuer`. Its `issuer` member must be identical, code point by code point; otherwise nothing
 * of the document is used (RFC 8414 §3.3): it may be another issuer's.
 */
export function readMetadata(
  fetched: FetchedText,
  issuer: string,
  mayFetch: (url: string) => boolean,
): IssuerMetadata | MetadataFailure {
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(fetched.contentType)) return 'content_type'
  const document: JSONObject | undefined = parseJSONObject(fetched.text ?? '')
  if (document === undefined) return 'not_json'
  if (document['issuer'] !== issuer) return 'issuer_mismatch'
  const { jwks_uri } = document
  if (typeof jwks_uri !== 'string' || jwks_uri.length > 2048 || !mayFetch(jwks_uri))
    return 'jwks_uri_unusable'
  return { jwks_uri }
}
