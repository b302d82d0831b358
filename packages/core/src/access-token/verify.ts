import { decodeText, digest } from '#crypto'
import type { StandardSchemaV1 } from '@standard-schema/spec'

import { Refusal } from '../errors.ts'
import { isObject, type JSONObject, parseJSONObject } from '../internal/json.ts'
import type { Issuers } from '../issuer/issuers.ts'
import type { Trust } from '../issuer/trust.ts'
import type { ResourceRequest } from '../request.ts'
import { VerifiedAccessToken, type Verifier } from './access-token.ts'
import type { TokenCache } from './cache.ts'
import { parseCompact } from '../jws/compact.ts'
import type { Header } from '../jws/header.ts'
import { ACCESS_TOKEN_TYPE, readHeader } from './header.ts'
import { signerOf } from '../jws/signature.ts'
import { looksForeign, type TimeRules, validateClaims } from './validators.ts'

/** Characters; an issuer identifier is not longer, and a longer `iss` picks nothing. */
const MAX_ISS_LENGTH = 512

/** What the verification of a resource server reads: its configuration and its memory. */
export interface VerificationContext {
  readonly verifier: Verifier
  readonly issuers: Issuers
  readonly times: TimeRules
  /** Seconds since the epoch. */
  readonly clock: () => number
  /** Characters. */
  readonly maxTokenLength: number
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined
  readonly cache: TokenCache | undefined
}

/**
 * Verifies an access token. One that was verified before is judged at once, without a promise; RFC 9068 §4 in full is
 * {@link verifyAnew}.
 *
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)
 */
export function verifyAccessToken(
  token: string,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): VerifiedAccessToken | Refusal | Promise<VerifiedAccessToken | Refusal> {
  if (token.length > context.maxTokenLength) return new Refusal('token_too_large')
  if (context.cache === undefined) return verifyAnew(token, undefined, context, now, request)
  const id = digest(token) as string | Promise<string>
  return typeof id === 'string'
    ? recallOrVerify(token, id, context, now, request)
    : id.then((hashed) => recallOrVerify(token, hashed, context, now, request))
}

function recallOrVerify(
  token: string,
  id: string,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): VerifiedAccessToken | Refusal | Promise<VerifiedAccessToken | Refusal> {
  const known = context.cache?.get(id)
  const again = known === undefined ? undefined : judgeAgain(known, context, now, request)
  if (again instanceof Promise) {
    return again.then((verdict) => verdict ?? verifyAnew(token, id, context, now, request))
  }
  return again ?? verifyAnew(token, id, context, now, request)
}

/**
 * RFC 9068 §4 in an order in which what costs little comes first, and nothing that the token says causes a request
 * before its `iss` has picked an issuer which is trusted.
 *
 * @param id the digest of the token, under which it is remembered
 */
async function verifyAnew(
  token: string,
  id: string | undefined,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): Promise<VerifiedAccessToken | Refusal> {
  const { cache } = context
  const compact = parseCompact(token)
  if (compact instanceof Refusal) return compact
  const header = cache?.header(compact.header) ?? readHeader(compact.header)
  if (header instanceof Refusal) return header
  const gate = context.issuers.admits(header)
  if (gate !== undefined) return gate

  const text = decodeText(compact.payload)
  const claims = text === undefined ? undefined : parseJSONObject(text)
  if (claims === undefined) return new Refusal('claims_malformed')
  const picked = pickIssuer(claims, context, request)
  const trust = picked instanceof Promise ? await picked : picked
  if (trust instanceof Refusal) return trust
  const typeRefusal = validateType(header, claims, trust)
  if (typeRefusal !== undefined) return typeRefusal

  const found = trust.keys.find(header.kid, header.alg, now, () =>
    validateClaims(claims, trust, context.times, now),
  )
  const keys = found instanceof Promise ? await found : found
  if (keys instanceof Refusal) return keys
  // Waiting for keys takes up to seconds, in which a token may have expired.
  const at = found instanceof Promise ? context.clock() : now

  const signer = signerOf(token, compact.signature, header.alg, keys)
  const key = signer instanceof Promise ? await signer : signer
  if (key === undefined) {
    if (validateClaims(claims, trust, context.times, at) === undefined) trust.keys.suspect(at)
    return new Refusal('signature_invalid')
  }

  const claimsRefusal = validateClaims(claims, trust, context.times, at)
  if (claimsRefusal !== undefined) return claimsRefusal
  const shaped = context.schema === undefined ? claims : applySchema(context.schema, claims)
  const shown = shaped instanceof Promise ? await shaped : shaped
  if (shown instanceof Refusal) return shown

  const { verifier } = context
  const verified = new VerifiedAccessToken({ verifier, header: header.header, claims, trust, key }, shown)
  // The key may have gone while a schema or a runtime's cryptography took its time.
  if (key.retired) return new Refusal('key_retired')
  if (id !== undefined) cache?.remember(id, token.length, compact.header, header, verified)
  return verified
}

/**
 * What is remembered is the fact that this key of this issuer signed this very token. Whether that still counts is
 * judged each time: the issuer must still be trusted by the same rules, the key must still be its key, and the claims
 * must hold now. `undefined` sends the token through the whole verification, which finds the right refusal.
 */
function judgeAgain(
  known: VerifiedAccessToken,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): VerifiedAccessToken | Refusal | undefined | Promise<VerifiedAccessToken | Refusal | undefined> {
  const { trust, key, claims } = VerifiedAccessToken.originOf(known)
  const judge = (current: Trust | Refusal): VerifiedAccessToken | Refusal | undefined => {
    if (current instanceof Refusal) return current
    if (current !== trust || key.retired || !trust.keys.usable(now)) return undefined
    return validateClaims(claims, trust, context.times, now) ?? known
  }
  const picked = context.issuers.pick(trust.issuer, request)
  return picked instanceof Promise ? picked.then(judge) : judge(picked)
}

function pickIssuer(
  claims: JSONObject,
  context: VerificationContext,
  request: ResourceRequest | undefined,
): Trust | Refusal | Promise<Trust | Refusal> {
  const { iss } = claims
  if (iss === undefined) return new Refusal('claim_missing', { claim: 'iss' })
  if (typeof iss !== 'string') return new Refusal('claim_invalid', { claim: 'iss' })
  if (iss.length > MAX_ISS_LENGTH) return new Refusal('issuer_not_trusted')
  return context.issuers.pick(iss, request)
}

/** `typ` and `alg` by the rules of the issuer itself, RFC 9068 §4 step 1 and RFC 8725 §3.1. */
function validateType(header: Header, claims: JSONObject, trust: Trust): Refusal | undefined {
  if (!trust.algorithms.has(header.alg)) return new Refusal('algorithm_not_allowed')
  if (header.typ === ACCESS_TOKEN_TYPE) return undefined
  if (!trust.otherTypes.has(header.typ)) return new Refusal('type_mismatch')
  return looksForeign(claims) ? new Refusal('not_an_access_token') : undefined
}

/** Runs the schema of the application. What it returns is shown to handlers; the registered claims stay the signed ones. */
function applySchema(
  schema: StandardSchemaV1<unknown, unknown>,
  claims: JSONObject,
): JSONObject | Refusal | Promise<JSONObject | Refusal> {
  const finish = (result: StandardSchemaV1.Result<unknown>): JSONObject | Refusal => {
    if (result.issues !== undefined) return new Refusal('claims_schema_mismatch')
    if (!isObject(result.value)) throw new TypeError('Cannot use claims: the schema returned no object')
    const shown: Record<string, unknown> = Object.create(null)
    for (const name of Object.keys(result.value)) shown[name] = freeze(result.value[name])
    for (const name of REGISTERED) if (claims[name] !== undefined) shown[name] = claims[name]
    return Object.freeze(shown)
  }
  const result = schema['~standard'].validate(claims)
  return result instanceof Promise ? result.then(finish) : finish(result)
}

/** Claims which verification judged: a schema may type them, not change them. */
const REGISTERED = ['iss', 'sub', 'aud', 'client_id', 'exp', 'nbf', 'iat', 'jti', 'cnf', 'scope'] as const

/** Freezes what a schema made, as far as it is plain data. What is frozen already may hold what is not. */
function freeze(value: unknown, seen: Set<object> = new Set()): unknown {
  if (typeof value !== 'object' || value === null || seen.has(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && !Array.isArray(value)) return value
  seen.add(value)
  for (const member of Object.values(value)) freeze(member, seen)
  return Object.freeze(value)
}
