import { Refusal } from '../errors.ts'
import { isText, type JSONObject } from '../internal/json.ts'
import type { Trust } from '../issuer/trust.ts'

/** Seconds; the tolerances of a resource server. */
export interface TimeRules {
  /** How long after `exp` a token is still accepted. */
  readonly clockTolerance: number
  /** How far `nbf` and `iat` may lie ahead: issuers set `nbf` to the moment of issue, by their own clock. */
  readonly aheadTolerance: number
  /** How far `exp` may lie after `iat`. */
  readonly maxTokenLifetime: number
}

/** What one rule says of a set of claims. */
type Rule = (claims: JSONObject, trust: Trust, times: TimeRules, now: number) => Refusal | undefined

/** The claims whose rules are about the time: their verdict changes while the token stays the same. */
type TimeClaims = Readonly<Partial<Record<'exp' | 'nbf' | 'iat', unknown>>>

const missing = (claim: string): Refusal => new Refusal('claim_missing', { claim })
const wrong = (claim: string): Refusal => new Refusal('claim_invalid', { claim })

/** A NumericDate, RFC 7519 §2: a finite JSON number, fractions allowed; the JSON reader lets no other number through. */
const isDate = (value: unknown): value is number => typeof value === 'number'

/** A claim with text: required unless the issuer's deviations say otherwise; present, it must be right. */
function text(claims: JSONObject, claim: string, name: string, trust: Trust): Refusal | undefined {
  const value = claims[claim]
  if (value === undefined) return trust.deviations.optionalClaims.has(name) ? undefined : missing(claim)
  return isText(value) ? undefined : wrong(claim)
}

/**
 * The claims which RFC 9068 §2.2 requires, and `nbf`, each with its rule. Unparsable is never absent: a claim of the
 * wrong type is refused also where the claim is optional.
 *
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)
 */
const RULES = {
  /** RFC 9068 §4: the token must name an audience which this resource server expects for itself. */
  aud(claims, trust) {
    const { aud } = claims
    if (aud === undefined) return missing('aud')
    if (typeof aud === 'string') return trust.audience.has(aud) ? undefined : new Refusal('audience_mismatch')
    if (!Array.isArray(aud) || !aud.every((value) => typeof value === 'string')) return wrong('aud')
    return aud.some((value) => trust.audience.has(value)) ? undefined : new Refusal('audience_mismatch')
  },
  /** RFC 7519 §4.1.4: now must be before `exp`; at the very second the token is dead. */
  exp({ exp }: TimeClaims, _trust: Trust, { clockTolerance }: TimeRules, now: number) {
    if (exp === undefined) return missing('exp')
    if (!isDate(exp)) return wrong('exp')
    return now < exp + clockTolerance ? undefined : new Refusal('token_expired')
  },
  /** RFC 7519 §4.1.5. RFC 9068 does not mention it; a token which says that it is not valid yet is not. */
  nbf({ nbf }: TimeClaims, _trust: Trust, { aheadTolerance }: TimeRules, now: number) {
    if (nbf === undefined) return undefined
    if (!isDate(nbf)) return wrong('nbf')
    return nbf <= now + aheadTolerance ? undefined : new Refusal('token_not_yet_valid')
  },
  iat(claims: TimeClaims, trust: Trust, { aheadTolerance, maxTokenLifetime }: TimeRules, now: number) {
    const { iat } = claims
    const exp = claims.exp as number
    if (iat === undefined) {
      if (!trust.deviations.optionalClaims.has('iat')) return missing('iat')
      return exp - now <= maxTokenLifetime ? undefined : new Refusal('token_lifetime_exceeded')
    }
    if (!isDate(iat)) return wrong('iat')
    if (iat > now + aheadTolerance) return new Refusal('token_not_yet_valid', { claim: 'iat' })
    return exp - iat <= maxTokenLifetime ? undefined : new Refusal('token_lifetime_exceeded')
  },
  sub(claims, trust) {
    return text(claims, 'sub', 'sub', trust)
  },
  client_id(claims, trust) {
    return text(claims, trust.deviations.client_id, 'client_id', trust)
  },
  jti(claims, trust) {
    return text(claims, trust.deviations.jti, 'jti', trust)
  },
} satisfies Record<string, Rule>

/** Every claim of RFC 9068 §2.2 but `iss`, which picked the issuer; the type makes a forgotten one an error. */
const ORDER: readonly Rule[] = Object.values(
  RULES satisfies Record<'aud' | 'exp' | 'iat' | 'sub' | 'client_id' | 'jti' | 'nbf', Rule>,
)

/** Judges the claims at `now`. */
export function validateClaims(
  claims: JSONObject,
  trust: Trust,
  times: TimeRules,
  now: number,
): Refusal | undefined {
  for (const rule of ORDER) {
    const refusal = rule(claims, trust, times, now)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** Judges again, at another `now`, claims which {@link validateClaims} accepted by the same trust and the same rules. */
export function validateTimes(
  claims: TimeClaims,
  trust: Trust,
  times: TimeRules,
  now: number,
): Refusal | undefined {
  return (
    RULES.exp(claims, trust, times, now) ??
    RULES.nbf(claims, trust, times, now) ??
    RULES.iat(claims, trust, times, now)
  )
}

/** Members which only other kinds of token have: an ID token's, a logout token's. */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'] as const

/**
 * A token which does not call itself an access token must not look like another kind: with `typ` relaxed an ID token
 * of the same issuer, for a client which shares its name with this API, would pass (RFC 8725 §3.12).
 *
 * `token_use` (Amazon Cognito) and a `typ` claim (Keycloak) say it in words.
 */
export function looksForeign(claims: JSONObject): boolean {
  if (FOREIGN_CLAIMS.some((claim) => claims[claim] !== undefined)) return true
  const use = claims['token_use']
  if (use !== undefined && use !== 'access') return true
  const type = claims['typ']
  return type !== undefined && !(typeof type === 'string' && /^(?:bearer|dpop|at\+jwt)$/i.test(type))
}
