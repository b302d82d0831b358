import { type AccessToken, VerifiedAccessToken } from './access-token/access-token.ts'
import { type VerificationContext, verifyAccessToken } from './access-token/verify.ts'
import { validateClaims } from './access-token/validators.ts'
import { bind } from './binding/bind.ts'
import { parseCredentials } from './credentials/parse.ts'
import { Refusal } from './errors.ts'
import { withDeadline } from './internal/deadline.ts'
import { decide } from './policy/evaluate.ts'
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
 * from a `check`.
 */
export async function authorizeRequest(
  request: ResourceRequest,
  policy: Root | undefined,
  policyContext: unknown,
  context: AuthorizationContext,
): Promise<Verdict> {
  const field = request.headers.get('authorization')
  const credentials = parseCredentials(field)
  if (credentials.kind === 'absent')
    return policy?.op === 'optional' ? undefined : new Refusal('no_credentials')
  if (credentials.kind === 'malformed') return new Refusal('credentials_malformed')

  const now = context.clock()
  const verified = await verifyOnce(request, field as string, credentials.token, context, now)
  if (verified instanceof Refusal) return verified

  return judge(policy, verified, policyContext)
}

/** The way of a bare token: everything but credentials and policy. */
export async function verifyToken(
  token: string,
  context: AuthorizationContext,
  now: number,
  request?: ResourceRequest,
): Promise<VerifiedAccessToken | Refusal> {
  const verified = await verifyAccessToken(token, context, now, request)
  if (verified instanceof Refusal) return verified
  const refusal = bind(VerifiedAccessToken.originOf(verified).claims)
  if (refusal !== undefined) return refusal
  if (context.revoked === undefined) return verified
  return (await askRevoked(verified, context.revoked)) ?? verified
}

/** The way of a token which was verified before: everything that can have changed since, and the policy. */
export async function demandOf(
  token: VerifiedAccessToken,
  policy: Root,
  policyContext: unknown,
  context: AuthorizationContext,
): Promise<VerifiedAccessToken | Refusal> {
  const { key, claims, trust } = VerifiedAccessToken.originOf(token)
  if (key.retired) return new Refusal('key_retired')
  const refusal = validateClaims(claims, trust, context.times, context.clock())
  if (refusal !== undefined) return refusal
  if (context.revoked !== undefined) {
    const revoked = await askRevoked(token, context.revoked)
    if (revoked !== undefined) return revoked
  }
  return judge(policy, token, policyContext)
}

/** One verification per request and resource server, however many guards stand on its way. */
function verifyOnce(
  request: ResourceRequest,
  field: string,
  token: string,
  context: AuthorizationContext,
  now: number,
): Promise<VerifiedAccessToken | Refusal> {
  const known = recall(request, context.verifier, field)
  if (known !== undefined) return known
  const verification = verifyToken(token, context, now, request)
  remember(request, context.verifier, field, verification)
  return verification
}

async function askRevoked(
  token: VerifiedAccessToken,
  revoked: NonNullable<AuthorizationContext['revoked']>,
): Promise<Refusal | undefined> {
  let answer: unknown
  try {
    answer = await withDeadline(REVOCATION_DEADLINE, () =>
      revoked(token as AccessToken as AccessToken<never>),
    )
  } catch (error) {
    return new Refusal('revocation_unavailable', { retryAfter: 1, cause: error })
  }
  if (answer === false) return undefined
  if (answer === true) return new Refusal('token_revoked')
  return new Refusal('revocation_unavailable', {
    retryAfter: 1,
    cause: new TypeError('revoked said neither true nor false'),
  })
}

async function judge(
  policy: Root | undefined,
  token: VerifiedAccessToken,
  policyContext: unknown,
): Promise<VerifiedAccessToken | Refusal> {
  const required = policy?.op === 'optional' ? policy.policy : policy
  if (required === undefined) return token
  const decided = decide(required, token, policyContext)
  const decision = decided instanceof Promise ? await decided : decided
  return decision.granted ? token : new Refusal(decision.code, { scope: decision.missing.scope })
}
