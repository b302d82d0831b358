/** What RFC 7518, RFC 9864 and RFC 9964 say of a signature algorithm. */
export interface Algorithm {
  /** `kty` of the keys which serve it. */
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'AKP'
  /** `crv` of those keys. */
  readonly crv?: 'P-256' | 'P-384' | 'P-521' | 'Ed25519'
  /** The digest, as `node:crypto` names it; absent where the algorithm has its own. */
  readonly hash?: 'sha256' | 'sha384' | 'sha512'
  /** Octets of a signature; an RSA signature is as long as its modulus. */
  readonly signatureLength?: number
  /** Octets of `pub` of an AKP key. */
  readonly keyLength?: number
  /** Only used when named in `algorithms`. */
  readonly optIn?: true
}

/**
 * Every algorithm this library can verify: asymmetric ones alone, by their exact names. There is no `none` and no
 * HMAC to confuse a public key with.
 *
 * `EdDSA` is the older name of `Ed25519` (RFC 9864 §2.2); tokens and keys of either name are read as `Ed25519`.
 */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['RS256', { kty: 'RSA', hash: 'sha256' }],
  ['RS384', { kty: 'RSA', hash: 'sha384' }],
  ['RS512', { kty: 'RSA', hash: 'sha512' }],
  ['PS256', { kty: 'RSA', hash: 'sha256' }],
  ['PS384', { kty: 'RSA', hash: 'sha384' }],
  ['PS512', { kty: 'RSA', hash: 'sha512' }],
  ['ES256', { kty: 'EC', crv: 'P-256', hash: 'sha256', signatureLength: 64 }],
  ['ES384', { kty: 'EC', crv: 'P-384', hash: 'sha384', signatureLength: 96 }],
  ['ES512', { kty: 'EC', crv: 'P-521', hash: 'sha512', signatureLength: 132 }],
  ['Ed25519', { kty: 'OKP', crv: 'Ed25519', signatureLength: 64 }],
  ['ML-DSA-44', { kty: 'AKP', signatureLength: 2420, keyLength: 1312, optIn: true }],
  ['ML-DSA-65', { kty: 'AKP', signatureLength: 3309, keyLength: 1952, optIn: true }],
  ['ML-DSA-87', { kty: 'AKP', signatureLength: 4627, keyLength: 2592, optIn: true }],
])

/** The name under which an algorithm is known here, RFC 9864 §2.2; other names are returned as they are. */
export function canonicalAlgorithm(alg: string): string {
  return alg === 'EdDSA' ? 'Ed25519' : alg
}
