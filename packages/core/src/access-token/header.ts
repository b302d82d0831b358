import { Refusal } from '../errors.ts'
import { type Header, readJOSEHeader } from '../jws/header.ts'

/** The media type of a JWT access token, RFC 9068 §2.1. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'

/** Explicit types of other JWTs. None of them is ever an access token, whatever is relaxed (RFC 8725 §3.11). */
export const OTHER_TYPES: ReadonlySet<string> = new Set([
  'id_token+jwt',
  'logout+jwt',
  'dpop+jwt',
  'token-introspection+jwt',
  'txntoken+jwt',
  'oauth-id-jag+jwt',
  'client-authentication+jwt',
  'authorization-grant+jwt',
  'oauth-client-attestation+jwt',
  'oauth-client-attestation-pop+jwt',
  'oauth-authz-req+jwt',
  'statuslist+jwt',
  'secevent+jwt',
  'entity-statement+jwt',
  'kb+jwt',
  'jwe',
  'jose',
  'jose+json',
])

/** The header of a token that may be an access token: {@link readJOSEHeader} without the types of other JWTs. */
export function readHeader(encoded: string): Header | Refusal {
  const header = readJOSEHeader(encoded)
  if (header instanceof Refusal || header.typ === null || !OTHER_TYPES.has(header.typ)) return header
  return new Refusal('type_mismatch')
}
