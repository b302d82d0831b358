/** The claims of a verified assertion by their wire names. Those which RFC 7523 does not require may be absent. */
export interface AssertionClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  /** Seconds since the epoch. */
  readonly exp: number
  /** Seconds since the epoch. */
  readonly iat?: number
  /** Seconds since the epoch. */
  readonly nbf?: number
  readonly jti?: string
  readonly [claim: string]: unknown
}

/** The JOSE header of a verified assertion. No key and no trust comes from it. */
export type AssertionHeader = Readonly<Record<string, unknown>>

/** Members which only other kinds of JWT have: an ID token's, a logout token's, an access token's, and so on. */
const FOREIGN_CLAIMS = [
  // OpenID Connect: ID token, logout token, session.
  'nonce',
  'at_hash',
  'c_hash',
  's_hash',
  'azp',
  'sid',
  'events',
  'auth_time',
  'acr',
  'amr',
  // Access tokens, by the names which issuers have for the client, the scope and the id; `token_use` and `typ` say it
  // in words. Not `scope`: some servers have a grant say what is asked for.
  'client_id',
  'cid',
  'appid',
  'appidacr',
  'scp',
  'uti',
  'token_use',
  'typ',
  // Verifiable credentials and presentations.
  'vc',
  'vp',
  // DPoP proofs, request objects, authorization responses, introspection answers, transaction tokens, status lists.
  'htm',
  'htu',
  'ath',
  'response_type',
  'redirect_uri',
  'code',
  'state',
  'token_introspection',
  'tctx',
  'rctx',
  'status_list',
] as const

/**
 * A JWT whose header does not say what it is must not look like another kind (RFC 8725 §3.12): the keys of one issuer
 * sign many, and an ID token for a client that shares its name with this server would pass.
 */
export function looksForeign(claims: Readonly<Record<string, unknown>>): boolean {
  return FOREIGN_CLAIMS.some((claim) => claims[claim] !== undefined)
}
