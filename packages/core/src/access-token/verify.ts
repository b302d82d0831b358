import { decodeText, digest } from '#crypto'
import type { StandardSchemaV1 } from '@standard-schema/spec'

import { canonicalAlgorithm } from '../crypto/algorithms.ts'
import { Refusal } from '../errors.ts'
import { chain, later } from '../internal/chain.ts'
import { isObject, type JSONObject, parseJSONObject } from '../internal/json.ts'
import { isPromise } from '../internal/promise.ts'
import type { Issuers } from '../issuer/issuers.ts'
import { VerificationKey } from '../issuer/jwk.ts'
import type { Trust } from '../issuer/trust.ts'
import type { ResourceRequest } from '../request.ts'
import { Verification, type Verifier } from './access-token.ts'
import type { TokenCache } from './cache.ts'
import { type Compact, parseCompact } from '../jws/compact.ts'
import { canonicalType, type Header } from '../jws/header.ts'
import { ACCESS_TOKEN_TYPE, readHeader } from './header.ts'
import { signerOf } from '../jws/signature.ts'
import { looksForeign, type TimeRules, validateClaims, validateTimes } from './validators.ts'

/** Characters; an issuer identifier is not longer, and a longer `iss` picks nothing. */
const MAX_ISS_LENGTH = 512

/** What the verification of a resource server reads: its configuration and its memory. */
export interface VerificationContext {
  readonly verifier: Verifier
  readonly issuers: Pick<Issuers, 'admits' | 'pick'>
  readonly times: TimeRules
  /** Seconds since the epoch. */
  readonly clock: () => number
  /** Characters. */
  readonly maxTokenLength: number
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined
  readonly cache: TokenCache | undefined
}

/** The verdict on a token: what was verified, or why it is refused. */
export type Verified = Verification | Refusal

/** {@link isPromise} of a verdict, which most often is there, and good. */
export function isPending(
  verdict: Verified | undefined | Promise<Verified | undefined>,
): verdict is Promise<Verified | undefined> {
  return !(verdict instanceof Verification) && isPromise(verdict)
}

/**
 * Verifies an access token; a promise only where something has to be waited for. One that was verified before is
 * judged again, RFC 9068 §4 in full is {@link verifyAnew}.
 *
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)
 */
export function verifyAccessToken(
  token: string,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): Verified | Promise<Verified> {
  if (token.length > context.maxTokenLength) return new Refusal('token_too_large')
  const recalled = recall(token, context, now, request)
  return isPending(recalled)
    ? later(recalled, orVerify, token, context, now, request)
    : orVerify(recalled, token, context, now, request)
}

function orVerify(
  recalled: Verified | undefined,
  token: string,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): Verified | Promise<Verified> {
  return recalled ?? verifyAnew(token, context, now, request)
}

/** The verdict on a token which is remembered, `undefined` where it takes the whole verification to find one. */
function recall(
  token: string,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): Verified | undefined | Promise<Verified | undefined> {
  const known = context.cache?.alike(token)
  if (known === undefined) return undefined
  const id = digest(token)
  return typeof id === 'string'
    ? judgeIfSame(id, known, context, now, request)
    : later(id, judgeIfSame, known, context, now, request)
}

function judgeIfSame(
  id: string,
  known: Verification,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): Verified | undefined | Promise<Verified | undefined> {
  return id === known.id ? judgeAgain(known, context, now, request) : undefined
}

/** A token on its way through verification, with what was read of it so far. */
interface Candidate {
  readonly token: string
  readonly compact: Compact
  readonly header: Header
  readonly claims: JSONObject
}

/**
 * RFC 9068 §4 in an order in which what costs little comes first, and nothing that the token says causes a request
 * before its `iss` has picked an issuer which is trusted.
 */
function verifyAnew(
  token: string,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): Verified | Promise<Verified> {
  const compact = parseCompact(token)
  if (compact instanceof Refusal) return compact
  const header = context.cache?.header(compact.header) ?? readHeader(compact.header)
  if (header instanceof Refusal) return header
  const gate = context.issuers.admits(header)
  if (gate !== undefined) return gate

  const claims = parseJSONObject(decodeText(compact.payload) ?? '')
  if (claims === undefined) return new Refusal('claims_malformed')
  const candidate = { token, compact, header, claims }
  const trust = pickIssuer(claims, context, request)
  return chain(trust, verifyUnder, candidate, context, now)
}

/** By the rules and the keys of the issuer which the token names. */
function verifyUnder(
  trust: Trust | Refusal,
  candidate: Candidate,
  context: VerificationContext,
  now: number,
): Verified | Promise<Verified> {
  if (trust instanceof Refusal) return trust
  const { header, claims } = candidate
  const refusal = validateType(header, claims, trust)
  if (refusal !== undefined) return refusal
  const found = trust.keys.find(header.kid, header.alg, now, () =>
    validateClaims(claims, trust, context.times, now),
  )
  // Waiting for keys takes up to seconds, in which a token may have expired.
  return chain(found, verifyBy, trust, candidate, context, isPromise(found) ? undefined : now)
}

/** @param now `undefined` when time has passed meanwhile */
function verifyBy(
  keys: readonly VerificationKey[] | Refusal,
  trust: Trust,
  candidate: Candidate,
  context: VerificationContext,
  now: number | undefined,
): Verified | Promise<Verified> {
  if (keys instanceof Refusal) return keys
  const { token, compact, header } = candidate
  const signer = signerOf(token, compact.signature, header.alg, keys)
  // Nor is it known how long others keep the threads that compute with some keys.
  return chain(signer, acceptFrom, trust, candidate, context, isPromise(signer) ? undefined : now)
}

/**
 * @param key the one which signed the token, if any did
 * @param now as for {@link verifyBy}
 */
export function acceptFrom(
  key: VerificationKey | undefined,
  trust: Trust,
  candidate: Candidate,
  context: VerificationContext,
  now: number = context.clock(),
): Verified | Promise<Verified> {
  const { claims } = candidate
  const refusal = validateClaims(claims, trust, context.times, now)
  // Nothing but a key has signed anything.
  if (!(key instanceof VerificationKey)) {
    if (refusal === undefined) trust.keys.suspect(now)
    return new Refusal('signature_invalid')
  }
  if (refusal !== undefined) return refusal
  if (context.schema === undefined) return showAs(claims, key, trust, candidate, context)
  const shaped = applySchema(context.schema, claims)
  return chain(shaped, showAs, key, trust, candidate, context)
}

/** @param shown the claims as handlers see them */
function showAs(
  shown: JSONObject | Refusal,
  key: VerificationKey,
  trust: Trust,
  candidate: Candidate,
  context: VerificationContext,
): Verified | Promise<Verified> {
  if (shown instanceof Refusal) return shown
  const { token } = candidate
  // Made for what is verified and can be kept, so that garbage and forgeries cost none.
  const id = context.cache?.takes(token.length) === true ? digest(token) : undefined
  return chain(id, keepAs, shown, key, trust, candidate, context)
}

/** @param id the digest of a token which is remembered */
function keepAs(
  id: string | undefined,
  shown: JSONObject,
  key: VerificationKey,
  trust: Trust,
  candidate: Candidate,
  context: VerificationContext,
): Verified {
  const { token, compact, header, claims } = candidate
  const verification = new Verification(id, context.verifier, header.header, claims, trust, key, shown)
  // The key may have gone while a schema or a runtime's cryptography took its time.
  if (key.retired) return new Refusal('key_retired')
  if (id !== undefined) context.cache?.remember(token, verification, compact.header, header)
  return verification
}

/**
 * What is remembered is the fact that this key of this issuer signed this very token. Whether that still counts is
 * judged each time: the issuer must still be trusted by the same rules, the key must still be its key, and the token's
 * times must hold now; no other verdict on its claims can change. `undefined` sends the token through the whole
 * verification, which finds the right refusal.
 */
function judgeAgain(
  known: Verification,
  context: VerificationContext,
  now: number,
  request: ResourceRequest | undefined,
): Verified | undefined | Promise<Verified | undefined> {
  const current = context.issuers.pick(known.trust.issuer, request)
  // Most often it is what it was.
  if (current === known.trust) return judgeUnder(current, known, context, now)
  return chain(current, judgeUnder, known, context, now)
}

/** @param current what the issuer is trusted for now */
function judgeUnder(
  current: Trust | Refusal,
  known: Verification,
  context: VerificationContext,
  now: number,
): Verified | undefined {
  const { trust, key } = known
  if (current instanceof Refusal) return current
  if (current !== trust || key.retired || !trust.keys.usable(now)) return undefined
  return validateTimes(known, trust, context.times, now) ?? known
}

/**
 * The verdict on a token that was verified before, by the rules which hold for its issuer now. Under other rules than
 * those by which it was verified the same claims may say something else: what is returned is then the token as they
 * show it.
 */
export function judgeByRules(
  known: Verification,
  trust: Trust,
  context: VerificationContext,
  now: number,
): Verified {
  const { token, claims, key, verifier } = known
  if (trust === known.trust) return validateTimes(known, trust, context.times, now) ?? known
  const { alg, typ } = token.header
  const header = { alg: canonicalAlgorithm(alg), typ: typ === undefined ? null : canonicalType(typ) }
  const refusal = validateType(header, claims, trust) ?? validateClaims(claims, trust, context.times, now)
  if (refusal !== undefined) return refusal
  return new Verification(undefined, verifier, token.header, claims, trust, key, token.claims)
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
function validateType(
  header: Pick<Header, 'alg' | 'typ'>,
  claims: JSONObject,
  trust: Trust,
): Refusal | undefined {
  if (!trust.algorithms.has(header.alg)) return new Refusal('algorithm_not_allowed')
  if (header.typ === ACCESS_TOKEN_TYPE) return undefined
  if (!trust.deviations.typ.has(header.typ)) return new Refusal('type_mismatch')
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
  return isPromise(result) ? result.then(finish) : finish(result)
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
