import { importKey } from '#crypto'

import { ALGORITHMS, canonicalAlgorithm, type Algorithm } from '../crypto/algorithms.ts'
import type { KeyHandle, PublicJWK } from '../crypto/crypto.ts'
import { decodeBase64url, decodedLength } from '../internal/base64url.ts'
import { isBase64url } from '../internal/canonical.ts'
import { isObject, type JSONObject } from '../internal/json.ts'
import { isPromise } from '../internal/promise.ts'
import { isROCA } from './roca.ts'

/** Why a member of a JWK Set is not used. One unusable key never spoils a set, RFC 7517 §5. */
export type UnusableKey =
  | 'not_an_object'
  | 'kty_unknown'
  | 'private_key'
  | 'use_not_sig'
  | 'key_ops_without_verify'
  | 'alg_unknown'
  | 'alg_mismatch'
  | 'kid_malformed'
  | 'member_malformed'
  | 'size_not_accepted'
  | 'weak_key'

/** RFC 7518 §3.3 asks for 2048 bits at least; beyond 8192 a verification is dear enough to be an attack. */
const RSA_BITS = { min: 2048, max: 8192 } as const
const MAX_KID_LENGTH = 1024
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** A public key of an issuer, with the algorithms it serves. */
export class VerificationKey {
  readonly kid: string | undefined
  /** Canonical names. One key, one algorithm where the JWK has `alg` (RFC 8725 §3.1); else all that fit its form. */
  readonly algorithms: ReadonlySet<string>
  /** Equal for two entries of sets which are the same: material, `kid` and `alg`. */
  readonly identity: string
  /** Equal for two keys which verify the same signatures, however a set names them. */
  readonly material: string
  /** Set when a newer set lacks this key, or it was revoked: what it verified dies with it. */
  retired = false
  readonly #jwk: PublicJWK
  readonly #alg: string | undefined
  readonly #modulusLength: number | undefined
  readonly #handles = new Map<string, KeyHandle | undefined>()

  constructor(
    jwk: PublicJWK,
    kid: string | undefined,
    alg: string | undefined,
    algorithms: ReadonlySet<string>,
  ) {
    this.kid = kid
    this.algorithms = algorithms
    this.material = JSON.stringify(jwk)
    this.identity = JSON.stringify([jwk, kid, alg])
    this.#jwk = jwk
    this.#alg = alg
    this.#modulusLength = jwk['kty'] === 'RSA' ? decodedLength(jwk['n'] as string) : undefined
  }

  /** The octets of every signature of this key by an algorithm it serves; one of another length is none of it. */
  signatureLength(alg: string): number {
    return this.#modulusLength ?? ALGORITHMS.get(alg)?.signatureLength ?? 0
  }

  /** The public key as a JWK. */
  toJWK(): JSONObject {
    return {
      ...this.#jwk,
      ...(this.kid === undefined ? {} : { kid: this.kid }),
      ...(this.#alg === undefined ? {} : { alg: this.#alg }),
      use: 'sig',
    }
  }

  /** The key, imported once per algorithm; `undefined` when the runtime refuses it. */
  handle(alg: string): KeyHandle | undefined | Promise<KeyHandle | undefined> {
    if (this.#handles.has(alg)) return this.#handles.get(alg)
    const handle = importKey(this.#jwk, alg)
    // Only the value is kept: on workerd a promise belongs to the request which made it.
    if (isPromise(handle)) return handle.then((value) => this.#keep(alg, value))
    return this.#keep(alg, handle)
  }

  #keep(alg: string, handle: KeyHandle | undefined): KeyHandle | undefined {
    this.#handles.set(alg, handle)
    return handle
  }
}

/**
 * Reads one member of a JWK Set; a reason when it is no key to verify signatures with.
 *
 * @see [RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4)
 * @see [RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6)
 */
export function readJWK(jwk: unknown): VerificationKey | UnusableKey {
  if (!isObject(jwk)) return 'not_an_object'
  const { kty, use, key_ops, alg, kid } = jwk
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) return 'kid_malformed'
  // A private or symmetric member in a published set: the key is compromised or no signature key at all.
  if (PRIVATE_MEMBERS.some((member) => jwk[member] !== undefined)) return 'private_key'
  if (use !== undefined && use !== 'sig') return 'use_not_sig'
  if (key_ops !== undefined && !(Array.isArray(key_ops) && key_ops.includes('verify')))
    return 'key_ops_without_verify'
  if (alg !== undefined && (typeof alg !== 'string' || !ALGORITHMS.has(canonicalAlgorithm(alg))))
    return 'alg_unknown'

  const material = readMaterial(jwk)
  if (typeof material === 'string') return material
  const fitting = new Set<string>()
  for (const [name, algorithm] of ALGORITHMS) {
    if (fits(algorithm, kty, material)) fitting.add(name)
  }
  if (alg === undefined) {
    // RFC 9964 §4: an AKP key without `alg` says nothing of its algorithm.
    if (kty === 'AKP') return 'alg_mismatch'
    return new VerificationKey(material, kid, undefined, fitting)
  }
  const canonical = canonicalAlgorithm(alg)
  if (!fitting.has(canonical)) return 'alg_mismatch'
  return new VerificationKey(material, kid, canonical, new Set([canonical]))
}

function fits(algorithm: Algorithm, kty: unknown, material: PublicJWK): boolean {
  if (algorithm.kty !== kty) return false
  if (kty === 'AKP') return decodedLength(material['pub'] as string) === algorithm.publicKeyLength
  return algorithm.crv === material['crv']
}

/** The members that make the key, checked; every other member is left behind. */
function readMaterial(jwk: Readonly<Record<string, unknown>>): PublicJWK | UnusableKey {
  switch (jwk['kty']) {
    case 'RSA': {
      const { n, e } = jwk
      if (!isOctets(n) || !isOctets(e)) return 'member_malformed'
      return checkRSA(n, e) ?? { kty: 'RSA', n, e }
    }
    case 'EC': {
      const { crv, x, y } = jwk
      const size = crv === 'P-256' ? 32 : crv === 'P-384' ? 48 : crv === 'P-521' ? 66 : 0
      if (size === 0) return 'kty_unknown'
      if (!isOctets(x) || !isOctets(y)) return 'member_malformed'
      // RFC 7518 §6.2.1.2: leading zeros are part of a coordinate.
      if (decodedLength(x) !== size || decodedLength(y) !== size) return 'size_not_accepted'
      return { kty: 'EC', crv: crv as string, x, y }
    }
    case 'OKP': {
      const { crv, x } = jwk
      if (crv !== 'Ed25519') return 'kty_unknown'
      if (!isOctets(x)) return 'member_malformed'
      return decodedLength(x) === 32 ? { kty: 'OKP', crv, x } : 'size_not_accepted'
    }
    case 'AKP': {
      const { alg, pub } = jwk
      if (!isOctets(pub)) return 'member_malformed'
      return { kty: 'AKP', alg: String(alg), pub }
    }
    default:
      return 'kty_unknown'
  }
}

function isOctets(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && isBase64url(value)
}

function checkRSA(n: string, e: string): UnusableKey | undefined {
  // Refused by length before anything is computed with it.
  if (n.length > RSA_BITS.max / 6 + 4 || e.length > 8) return 'size_not_accepted'
  const modulus = decodeBase64url(n)
  const first = modulus[0] as number
  // RFC 7518 §2 (Base64urlUInt): no leading zero octets; they would make two spellings of one key.
  if (first === 0) return 'member_malformed'
  const bits = modulus.length * 8 - Math.clz32(first) + 24
  if (bits < RSA_BITS.min || bits > RSA_BITS.max) return 'size_not_accepted'
  const octets = decodeBase64url(e)
  if (octets[0] === 0) return 'member_malformed'
  let exponent = 0
  for (const octet of octets) exponent = exponent * 256 + octet
  if (exponent < 3 || exponent >= 2 ** 32 || exponent % 2 === 0) return 'size_not_accepted'
  if (((modulus.at(-1) as number) & 1) === 0 || isROCA(modulus)) return 'weak_key'
  return undefined
}
