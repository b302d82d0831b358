import { type AccessToken, Verification } from './access-token/access-token.ts'
import {
  isPending,
  judgeByRules,
  type VerificationContext,
  type Verified,
  verifyAccessToken,
} from './access-token/verify.ts'
import { bind } from './binding/bind.ts'
import { isB64Token, splitCredentials } from './credentials/parse.ts'
import { type ErrorCode, Refusal } from './errors.ts'
import { chain, later } from './internal/chain.ts'
import { withDeadline } from './internal/deadline.ts'
import { isPromise } from './internal/promise.ts'
import type { Trust } from './issuer/trust.ts'
import { decide, type Decision } from './policy/evaluate.ts'
import type { Root } from './policy/policy.ts'
import { recall, remember } from './request-memory.ts'
import type { ResourceRequest } from './request.ts'

/** Seconds the application's `revoked` may take. */
const REVOCATION_DEADLINE = 1

/** What the request path of a resource server reads. */
export interface AuthorizationContext extends VerificationContext {
  readonly revoked: ((token: AccessToken<never>) => boolean | Promise<boolean>) | undefined
}

/** The verdict on a request; nothing verified only where the policy is optional. */
export type Verdict = Verified | undefined

/**
 * The way of a request: credentials, verification, policy. A refusal is a value; what is thrown is misuse, or comes
 * from a `check`. A promise only where something has to be waited for: a known token is judged at once.
 */
export function authorizeRequest(
  request: ResourceRequest,
  policy: Root | undefined,
  policyContext: unknown,
  context: AuthorizationContext,
): Verdict | Promise<Verdict> {
  const field = request.headers.get('authorization')
  const credentials = splitCredentials(field)
  if (credentials.kind === 'absent')
    return policy?.op === 'optional' ? undefined : new Refusal('no_credentials')
  if (credentials.kind === 'malformed') return new Refusal('credentials_malformed')

  const admitted = verifyOnce(request, field as string, credentials.token, context)
  return isPending(admitted)
    ? later(admitted, judge, policy, policyContext)
    : judge(admitted, policy, policyContext)
}

/** The way of a bare token: everything but credentials and policy. */
export function verifyToken(
  token: string,
  context: AuthorizationContext,
  request?: ResourceRequest,
): Verified | Promise<Verified> {
  const verified = verifyAccessToken(token, context, context.clock(), request)
  return isPending(verified)
    ? later(verified, admitToken, context, token, request)
    : admitToken(verified, context, token, request)
}

function admitToken(
  verified: Verified,
  context: AuthorizationContext,
  token: string,
  request: ResourceRequest | undefined,
): Verified | Promise<Verified> {
  // In a header field it is the request which is malformed then, RFC 6750 §3.1.
  if (request !== undefined && verified instanceof Refusal && UNREAD.has(verified.code) && !isB64Token(token))
    return new Refusal('credentials_malformed')
  return admit(verified, context)
}

/** What is said of a token before anything in it is read: what is no `b64token` gets no further, since every JWS is one. */
const UNREAD: ReadonlySet<ErrorCode> = new Set([
  'token_too_large',
  'token_malformed',
  'token_encrypted',
  'token_opaque',
])

/** The way of a token which was verified before: everything that can have changed since, and the policy. */
export function demandOf(
  verification: Verification,
  policy: Root,
  policyContext: unknown,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  const admitted = chain(stillStands(verification, context), admit, context)
  return chain(admitted, judge, policy, policyContext)
}

/** What may have changed since a token was verified: its key, the trust in its issuer, whether keys can be had, time. */
function stillStands(
  verification: Verification,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  if (verification.key.retired) return new Refusal('key_retired')
  const current = context.issuers.pick(verification.trust.issuer, undefined)
  return chain(current, standsUnder, verification, context)
}

/** @param current what the issuer is trusted for now */
function standsUnder(
  current: Trust | Refusal,
  verification: Verification,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  if (current instanceof Refusal) return current
  // The issuer's keys are to be had elsewhere now. Whether this one is among them only the signature could tell, which
  // was not kept.
  if (current.keys !== verification.trust.keys) return new Refusal('key_retired')
  // Asked after the resolver, which may take seconds.
  const now = context.clock()
  if (current.keys.usable(now)) return judgeUnder(undefined, current, verification, context)
  return later(current.keys.load(now), judgeUnder, current, verification, context)
}

/** @param unusable why the keys of the issuer cannot be had */
function judgeUnder(
  unusable: Refusal | undefined,
  current: Trust,
  verification: Verification,
  context: AuthorizationContext,
): Verified {
  if (unusable !== undefined) return unusable
  if (verification.key.retired) return new Refusal('key_retired')
  // Waiting for keys takes up to seconds, in which a token may have expired.
  return judgeByRules(verification, current, context, context.clock())
}

/** One verification per request and resource server, however many guards stand on its way. */
function verifyOnce(
  request: ResourceRequest,
  field: string,
  token: string,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  const known = recall(request, context.verifier, field)
  return known === undefined
    ? verifyForRequest(request, field, token, context)
    : chain(known, unlessLapsed, request, field, token, context)
}

/** A request may last as long as the connection of a socket, and be judged once more for each message. */
function unlessLapsed(
  known: Verified,
  request: ResourceRequest,
  field: string,
  token: string,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  if (known instanceof Refusal) return known
  const stands = !known.key.retired && judgeByRules(known, known.trust, context, context.clock()) === known
  return stands ? known : verifyForRequest(request, field, token, context)
}

function verifyForRequest(
  request: ResourceRequest,
  field: string,
  token: string,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  const verified = verifyToken(token, context, request)
  // What the cache knows now it answers again, for less than it costs to remember it here too.
  const cached =
    verified instanceof Verification && verified.id !== undefined && context.revoked === undefined
  if (!cached) remember(request, context.verifier, field, verified)
  return verified
}

/** Whether a verdict is good. What is none, a promise for example which was taken for one, must not count as one. */
export function isVerified<V extends Verdict>(verdict: V): verdict is V & Verification {
  if (verdict instanceof Verification) return true
  if (verdict instanceof Refusal) return false
  throw new TypeError('Cannot authorize: what was found is no verdict')
}

/** The sender constraint, and the application's word on the token. */
function admit(verified: Verified, context: AuthorizationContext): Verified | Promise<Verified> {
  if (!isVerified(verified)) return verified
  const refusal = bind(verified)
  if (refusal !== undefined) return refusal
  return context.revoked === undefined ? verified : askRevoked(verified, context.revoked)
}

function askRevoked(
  verification: Verification,
  revoked: NonNullable<AuthorizationContext['revoked']>,
): Verified | Promise<Verified> {
  const settle = (answer: unknown): Verified => {
    if (answer === false) return verification
    if (answer === true) return new Refusal('token_revoked')
    return unavailable(new TypeError('revoked returned neither true nor false'))
  }
  try {
    const answer = withDeadline(REVOCATION_DEADLINE, () =>
      revoked(verification.token as AccessToken as AccessToken<never>),
    )
    return isPromise(answer) ? answer.then(settle, unavailable) : settle(answer)
  } catch (error) {
    return unavailable(error)
  }
}

const unavailable = (cause: unknown): Refusal =>
  new Refusal('revocation_unavailable', { retryAfter: 1, cause })

function judge(
  admitted: Verified,
  policy: Root | undefined,
  policyContext: unknown,
): Verified | Promise<Verified> {
  if (!isVerified(admitted)) return admitted
  const required = policy?.op === 'optional' ? policy.policy : policy
  if (required === undefined) return admitted
  const decision = decide(required, admitted.token, policyContext)
  return 'granted' in decision ? toVerdict(decision, admitted) : later(decision, toVerdict, admitted)
}

function toVerdict(decision: Decision, verification: Verification): Verified {
  return decision.granted ? verification : new Refusal(decision.code, { scope: decision.missing.scope })
}
