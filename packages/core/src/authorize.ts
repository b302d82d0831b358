import { type AccessToken, VerifiedAccessToken } from './access-token/access-token.ts'
import { type VerificationContext, verifyAccessToken } from './access-token/verify.ts'
import { validateClaims } from './access-token/validators.ts'
import { bind } from './binding/bind.ts'
import { parseCredentials } from './credentials/parse.ts'
import { Refusal } from './errors.ts'
import { withDeadline } from './internal/deadline.ts'
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

/** The verdict on a request; without a token only where the policy is optional. */
export type Verdict = VerifiedAccessToken | undefined | Refusal

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
  const credentials = parseCredentials(field)
  if (credentials.kind === 'absent')
    return policy?.op === 'optional' ? undefined : new Refusal('no_credentials')
  if (credentials.kind === 'malformed') return new Refusal('credentials_malformed')

  const verified = verifyOnce(request, field as string, credentials.token, context)
  return verified instanceof Promise
    ? verified.then((settled) => judge(policy, settled, policyContext))
    : judge(policy, verified, policyContext)
}

/** The way of a bare token: everything but credentials and policy. */
export function verifyToken(
  token: string,
  context: AuthorizationContext,
  request?: ResourceRequest,
): Verified | Promise<Verified> {
  const verified = verifyAccessToken(token, context, context.clock(), request)
  return verified instanceof Promise
    ? verified.then((settled) => admit(settled, context))
    : admit(verified, context)
}

/** The way of a token which was verified before: everything that can have changed since, and the policy. */
export function demandOf(
  token: VerifiedAccessToken,
  policy: Root,
  policyContext: unknown,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  const standing = stillStands(token, context)
  return standing instanceof Promise
    ? standing.then((settled) => demandStanding(settled, policy, policyContext, context))
    : demandStanding(standing, policy, policyContext, context)
}

/** What may have changed since a token was verified: its key, the trust in its issuer, whether keys can be had, time. */
function stillStands(
  token: VerifiedAccessToken,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  const { key, claims, trust } = VerifiedAccessToken.originOf(token)
  const now = context.clock()
  const judgeUnder = (current: Trust | Refusal): Verified => {
    if (current instanceof Refusal) return current
    if (key.retired) return new Refusal('key_retired')
    return validateClaims(claims, current, context.times, now) ?? token
  }
  if (key.retired) return new Refusal('key_retired')
  const picked = context.issuers.pick(trust.issuer, undefined)
  if (!(picked instanceof Promise) && trust.keys.usable(now)) return judgeUnder(picked)
  return (async () => judgeUnder((await trust.keys.load(now)) ?? (await picked)))()
}

function demandStanding(
  standing: Verified,
  policy: Root,
  policyContext: unknown,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  const admitted = admit(standing, context)
  return admitted instanceof Promise
    ? admitted.then((settled) => judge(policy, settled, policyContext))
    : judge(policy, admitted, policyContext)
}

type Verified = VerifiedAccessToken | Refusal

/** One verification per request and resource server, however many guards stand on its way. */
function verifyOnce(
  request: ResourceRequest,
  field: string,
  token: string,
  context: AuthorizationContext,
): Verified | Promise<Verified> {
  const known = recall(request, context.verifier, field)
  if (known !== undefined) return known
  const verified = verifyToken(token, context, request)
  // What was answered from memory is answered so again, for less than it costs to remember it here too.
  if (verified instanceof Promise || context.revoked !== undefined)
    remember(request, context.verifier, field, verified)
  return verified
}

/** The sender constraint, and the application's word on the token. */
function admit(verified: Verified, context: AuthorizationContext): Verified | Promise<Verified> {
  if (verified instanceof Refusal) return verified
  const refusal = bind(VerifiedAccessToken.originOf(verified).claims)
  if (refusal !== undefined) return refusal
  return context.revoked === undefined ? verified : askRevoked(verified, context.revoked)
}

function askRevoked(
  token: VerifiedAccessToken,
  revoked: NonNullable<AuthorizationContext['revoked']>,
): Verified | Promise<Verified> {
  const settle = (answer: unknown): Verified => {
    if (answer === false) return token
    if (answer === true) return new Refusal('token_revoked')
    return unavailable(new TypeError('revoked said neither true nor false'))
  }
  try {
    const answer = withDeadline(REVOCATION_DEADLINE, () =>
      revoked(token as AccessToken as AccessToken<never>),
    )
    return answer instanceof Promise ? answer.then(settle, unavailable) : settle(answer)
  } catch (error) {
    return unavailable(error)
  }
}

const unavailable = (cause: unknown): Refusal =>
  new Refusal('revocation_unavailable', { retryAfter: 1, cause })

function judge(
  policy: Root | undefined,
  verified: Verified,
  policyContext: unknown,
): Verified | Promise<Verified> {
  if (verified instanceof Refusal) return verified
  const required = policy?.op === 'optional' ? policy.policy : policy
  if (required === undefined) return verified
  const decision = decide(required, verified, policyContext)
  return decision instanceof Promise
    ? decision.then((settled) => toVerdict(settled, verified))
    : toVerdict(decision, verified)
}

function toVerdict(decision: Decision, token: VerifiedAccessToken): Verified {
  return decision.granted ? token : new Refusal(decision.code, { scope: decision.missing.scope })
}
