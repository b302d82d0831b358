import { decodeText } from '#crypto'

import { type Compact, parseCompact } from '../jws/compact.ts'
import { type Header, readJOSEHeader } from '../jws/header.ts'
import { Refusal } from '../errors.ts'
import { type JSONObject, parseJSONObject } from '../internal/json.ts'
import { Denial, denialOf, type Purpose } from './errors.ts'

/** Characters; a signature of ML-DSA-87 leaves more than half for claims. */
const MAX_ASSERTION_LENGTH = 16_384
/** Characters of `iss` and `sub`; a longer one names nobody who is known. */
const MAX_NAME_LENGTH = 512
/** Characters; longer ones would only fill a store. */
const MAX_JTI_LENGTH = 512

/** An assertion as it was presented: read, and believed by nobody yet. */
export interface Presented {
  readonly assertion: string
  readonly compact: Compact
  readonly header: Header
  readonly claims: JSONObject
  readonly iss: string
  readonly sub: string
  readonly exp: number
  readonly jti: string | undefined
}

/** What is judged of every assertion alike, before anybody is asked who issued it. */
export interface ReadingRules {
  readonly purpose: Purpose
  readonly algorithms: { has(alg: string): boolean }
  readonly types: ReadonlySet<string | null>
  readonly clockTolerance: number
  readonly aheadTolerance: number
}

/**
 * Reads an assertion and judges what needs no key: size, form, `typ` and `alg`, then the claims of RFC 7523 §3 which
 * mean the same whoever issued it. All of it costs less than one signature, which is why it comes first.
 */
export function readAssertion(assertion: string, rules: ReadingRules, now: number): Presented | Denial {
  if (assertion.length > MAX_ASSERTION_LENGTH) return new Denial('assertion_too_large')
  const compact = parseCompact(assertion)
  if (compact instanceof Refusal) return denialOf(compact, rules.purpose)
  const header = readJOSEHeader(compact.header, rules.algorithms)
  if (header instanceof Refusal) return denialOf(header, rules.purpose)
  if (!rules.types.has(header.typ)) return new Denial('type_mismatch')
  const text = decodeText(compact.payload)
  const claims = text === undefined ? undefined : parseJSONObject(text)
  if (claims === undefined) return new Denial('claims_malformed')

  const { iss, sub, jti, exp } = claims
  for (const [name, value] of [
    ['iss', iss],
    ['sub', sub],
  ] as const) {
    if (value === undefined) return new Denial('claim_missing', { name })
    if (typeof value !== 'string' || value === '' || value.length > MAX_NAME_LENGTH)
      return new Denial('claim_invalid', { name })
  }
  if (jti !== undefined && (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH))
    return new Denial('claim_invalid', { name: 'jti' })
  const late = judgeTimes(claims, rules, now)
  if (late !== undefined) return late
  return {
    assertion,
    compact,
    header,
    claims,
    iss: iss as string,
    sub: sub as string,
    exp: exp as number,
    jti,
  }
}

/**
 * RFC 7523 §3 (4) to (6). Unparsable is never absent. Each comparison says what is in time, so that by a clock which says
 * `NaN` nothing is.
 */
export function judgeTimes(
  { exp, nbf, iat }: JSONObject,
  { clockTolerance, aheadTolerance }: Pick<ReadingRules, 'clockTolerance' | 'aheadTolerance'>,
  now: number,
): Denial | undefined {
  if (exp === undefined) return new Denial('claim_missing', { name: 'exp' })
  if (typeof exp !== 'number') return new Denial('claim_invalid', { name: 'exp' })
  if (!(now < exp + clockTolerance)) return new Denial('assertion_expired')
  for (const [name, value] of [
    ['nbf', nbf],
    ['iat', iat],
  ] as const) {
    if (value === undefined) continue
    if (typeof value !== 'number') return new Denial('claim_invalid', { name })
    if (!(value <= now + aheadTolerance)) return new Denial('assertion_not_yet_valid', { name })
  }
  return undefined
}

/**
 * Whether an assertion lives no longer than is accepted: from `iat` where it says when it was made, else from now, by
 * a clock which may be ahead of ours. An `iat` cannot buy more than that, because it may not lie further ahead either.
 */
export function livesWithin(
  { exp, iat }: JSONObject,
  maxLifetime: number,
  { aheadTolerance }: Pick<ReadingRules, 'aheadTolerance'>,
  now: number,
): boolean {
  if (typeof iat === 'number') return (exp as number) - iat <= maxLifetime
  return (exp as number) - now <= maxLifetime + aheadTolerance
}

/** The audiences of an assertion; a denial when `aud` has a form which RFC 7519 §4.1.3 does not know. */
export function audiencesOf({ aud }: JSONObject): readonly string[] | Denial {
  if (aud === undefined) return new Denial('claim_missing', { name: 'aud' })
  if (typeof aud === 'string') return [aud]
  if (Array.isArray(aud) && aud.length > 0 && aud.every((value) => typeof value === 'string')) return aud
  return new Denial('claim_invalid', { name: 'aud' })
}
