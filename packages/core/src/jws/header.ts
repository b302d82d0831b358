import { decodeText } from '#crypto'

import { ALGORITHMS, canonicalAlgorithm } from '../crypto/algorithms.ts'
import { Refusal } from '../errors.ts'
import { type JSONObject, parseJSONObject } from '../internal/json.ts'

/** The JOSE header of a JWS, read and judged as far as neither issuer nor key is needed for it. */
export interface Header {
  readonly header: JSONObject
  /** Lower case, without `application/`; `null` when the header has none. */
  readonly typ: string | null
  /** Canonical name of an algorithm this library knows. */
  readonly alg: string
  readonly kid: string | undefined
}

/** A tenth of what claims may cost to read: a header has few members, whatever chain of certificates stands in it. */
const MAX_HEADER_COST = 1000

/**
 * `typ` is a media type: case is ignored, and a value without a slash reads as if `application/` stood before it.
 *
 * @see [RFC 8725 §3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)
 */
export function canonicalType(typ: string): string {
  const lower = typ.toLowerCase()
  return lower.startsWith('application/') ? lower.slice(12) : lower
}

/**
 * Reads the header of a compact JWS: strict JSON, an algorithm among those given, no extension this library knows not.
 * `jwk`, `jku`, `x5u`, `x5c` and the like are data without effect: no key comes from a token (RFC 8725 §3.10).
 *
 * @see [RFC 7515 §4](https://www.rfc-editor.org/rfc/rfc7515#section-4)
 */
export function readJOSEHeader(
  encoded: string,
  algorithms: { has(alg: string): boolean } = ALGORITHMS,
): Header | Refusal {
  const header = parseJSONObject(decodeText(encoded) ?? '', MAX_HEADER_COST)
  if (header === undefined) return new Refusal('header_malformed')
  const { typ, alg, kid, crit, b64 } = header

  // No extension is understood here, so every `crit` names something that is not (RFC 7515 §4.1.11); an empty or
  // malformed list may be refused, and is. `b64: false` never occurs in a JWT (RFC 7797 §7).
  if (crit !== undefined) return new Refusal('critical_header_unknown')
  if (b64 !== undefined && b64 !== true) return new Refusal('critical_header_unknown')
  // Compression is a matter of JWE; a signed token which claims it is read differently by somebody.
  if (header['zip'] !== undefined) return new Refusal('header_malformed')

  const algorithm = typeof alg === 'string' ? canonicalAlgorithm(alg) : 'none'
  if (!algorithms.has(algorithm)) return new Refusal('algorithm_not_allowed')
  if (kid !== undefined && typeof kid !== 'string') return new Refusal('header_malformed')
  if (typ !== undefined && typeof typ !== 'string') return new Refusal('type_mismatch')
  return { header, typ: typ === undefined ? null : canonicalType(typ), alg: algorithm, kid }
}
