/** The public members of a JWK that passed the checks of `issuer/jwk.ts`. */
export type PublicJWK = Readonly<Record<string, string>>

/** A key ready to verify with; what it is belongs to the implementation. */
export type KeyHandle = object

/**
 * The one seam to cryptography: `#crypto` resolves to `node.ts` or `web.ts` by the runtime's condition.
 * What is synchronous in one may be a promise in the other.
 */
export interface CryptoImplementation {
  readonly implementation: 'node' | 'web'
  /** Whether this runtime can verify with `alg`. Does no I/O. */
  supports(alg: string): boolean
  /** `undefined` when the runtime refuses the key, for example a point which is not on its curve. */
  importKey(jwk: PublicJWK, alg: string): KeyHandle | undefined | Promise<KeyHandle | undefined>
  /**
   * Whether `key` signed `token`, a compact JWS of which `signature` is the last part. Never throws and never rejects:
   * a failure is `false`.
   */
  verifySignature(alg: string, key: KeyHandle, token: string, signature: string): boolean | Promise<boolean>
  /** SHA-256 of a text, each octet as a letter of the same number: the shortest there is to keep and to compare. */
  digest(token: string): string | Promise<string>
  /** Whether a text has letters which {@link isInBase64url} would take for others. Asked once for what it is a part of. */
  misleads(text: string): boolean
  /** Whether a text is of the letters of base64url alone (RFC 4648 §5), and of a length which some octets have. */
  isInBase64url(text: string): boolean
  /** Canonical base64url of UTF-8 text; `undefined` for malformed UTF-8 (RFC 8725 §3.7). */
  decodeText(base64url: string): string | undefined
}
