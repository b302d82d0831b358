import { importKey } from '#crypto'

import { ALGORITHMS, canonicalAlgorithm, type Algorithm } from '../crypto/algorithms.ts'
import type { KeyHandle, PublicJWK } from '../crypto/crypto.ts'
import { decodeBase64url, decodedLength } from '../internal/base64url.ts'
import { chain } from '../internal/chain.ts'
import { isBase64url } from '../internal/canonical.ts'
import { isObject, type JSONObject } from '../internal/json.ts'
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
const MIN_RSA_BITS = 2048
const MAX_RSA_OCTETS = 1024
/** Of an exponent below 2^32. */
const MAX_EXPONENT_OCTETS = 4
const MAX_KID_LENGTH = 1024
/** The members that make a key beside `kty`: RFC 7518 §6, RFC 8037 §2, RFC 9964 §4. */
const MEMBERS = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'], AKP: ['alg', 'pub'] }
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
    // What is undefined is no member.
    return JSON.parse(
      JSON.stringify({ ...this.#jwk, kid: this.kid, alg: this.#alg, use: 'sig' }),
    ) as JSONObject
  }

  /** The key, imported once per algorithm; `undefined` when the runtime refuses it. */
  handle(alg: string): KeyHandle | undefined | Promise<KeyHandle | undefined> {
    if (this.#handles.has(alg)) return this.#handles.get(alg)
    // Only the value is kept: on workerd a promise belongs to the request which made it.
    return chain(importKey(this.#jwk, alg), (handle) => {
      this.#handles.set(alg, handle)
      return handle
    })
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
  const { kty, crv, use, key_ops, alg, kid } = jwk
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) return 'kid_malformed'
  // A private or symmetric member in a published set: the key is compromised or no signature key at all.
  if (PRIVATE_MEMBERS.some((member) => jwk[member] !== undefined)) return 'private_key'
  if (use !== undefined && use !== 'sig') return 'use_not_sig'
  if (key_ops !== undefined && !(Array.isArray(key_ops) && key_ops.includes('verify')))
    return 'key_ops_without_verify'
  if (alg !== undefined && (typeof alg !== 'string' || !ALGORITHMS.has(canonicalAlgorithm(alg))))
    return 'alg_unknown'

  // The algorithms for such keys; a curve has one.
  const forms = [...ALGORITHMS].filter(([, form]) => form.kty === kty && (form.crv ?? crv) === crv)
  const form = forms[0]?.[1]
  if (form === undefined) return 'kty_unknown'
  const names = MEMBERS[form.kty]
  const octets = names.filter((name) => name !== 'crv' && name !== 'alg').map((name) => jwk[name])
  if (!octets.every(isOctets)) return 'member_malformed'
  const unusable = form.kty === 'RSA' ? checkRSA(...(octets as [string, string])) : checkCurve(octets, form)
  if (unusable !== undefined) return unusable

  const canonical = alg === undefined ? undefined : canonicalAlgorithm(alg)
  const fitting = forms.filter(
    ([name, { keyLength }]) =>
      (canonical ?? name) === name &&
      (keyLength === undefined || keyLength === decodedLength(octets[0] as string)),
  )
  // RFC 9964 §4: an AKP key without `alg` says nothing of its algorithm.
  if (fitting.length === 0 || (kty === 'AKP' && alg === undefined)) return 'alg_mismatch'
  // Every other member is left behind.
  const material = Object.fromEntries(['kty', ...names].map((name) => [name, jwk[name] as string]))
  return new VerificationKey(material, kid, canonical, new Set(fitting.map(([name]) => name)))
}

function isOctets(value: unknown): value is string {
  return typeof value === 'string' && isBase64url(value)
}

/** A coordinate has half the octets of a signature; leading zeros are part of it (RFC 7518 §6.2.1.2). */
function checkCurve(
  coordinates: readonly string[],
  { crv, signatureLength }: Algorithm,
): UnusableKey | undefined {
  const right = coordinates.every((octets) => 2 * decodedLength(octets) === signatureLength)
  return crv === undefined || right ? undefined : 'size_not_accepted'
}

function checkRSA(n: string, e: string): UnusableKey | undefined {
  // Refused by length before anything is computed with it.
  if (decodedLength(n) > MAX_RSA_OCTETS || decodedLength(e) > MAX_EXPONENT_OCTETS) return 'size_not_accepted'
  const modulus = decodeBase64url(n)
  const exponent = decodeBase64url(e)
  const first = modulus[0] as number
  // RFC 7518 §2 (Base64urlUInt): no leading zero octets; they would make two spellings of one key.
  if (first === 0 || exponent[0] === 0) return 'member_malformed'
  const bits = modulus.length * 8 - Math.clz32(first) + 24
  const power = exponent.reduce((sum, octet) => sum * 256 + octet)
  if (bits < MIN_RSA_BITS || power < 3 || power % 2 === 0) return 'size_not_accepted'
  return (modulus.at(-1) as number) % 2 === 0 || isROCA(modulus) ? 'weak_key' : undefined
}
