import type { VerifiedAccessToken, Verifier } from './access-token/access-token.ts'
import type { Refusal } from './errors.ts'
import type { ResourceRequest } from './request.ts'

type Verification = VerifiedAccessToken | Refusal | Promise<VerifiedAccessToken | Refusal>

interface Memory {
  readonly verifier: Verifier
  /** The whole field: middleware may replace it between two guards. */
  readonly field: string
  readonly verification: Verification
}

const memories = new WeakMap<ResourceRequest, Memory[]>()

/** What was found for this request by this resource server, for this very `Authorization` field. */
export function recall(
  request: ResourceRequest,
  verifier: Verifier,
  field: string,
): Verification | undefined {
  return memories.get(request)?.find((memory) => memory.verifier === verifier && memory.field === field)
    ?.verification
}

export function remember(
  request: ResourceRequest,
  verifier: Verifier,
  field: string,
  verification: Verification,
): void {
  const memory: Memory = { verifier, field, verification }
  const known = memories.get(request)
  if (known === undefined) memories.set(request, [memory])
  else known.push(memory)
}

/** A framework's request, with the token which each resource server found for it; none when it was anonymous. */
const attachments = new WeakMap<object, [verifier: Verifier, token: VerifiedAccessToken | undefined][]>()

/** Keeps what a guard found, for handlers far away from it. */
export function attach(request: object, verifier: Verifier, token: VerifiedAccessToken | undefined): void {
  const known = attachments.get(request)
  if (known === undefined) {
    attachments.set(request, [[verifier, token]])
    return
  }
  const mine = known.find(([owner]) => owner === verifier)
  if (mine === undefined) known.push([verifier, token])
  else mine[1] = token
}

/** What the guards of this resource server found last; `null` when none ran. */
export function attached(request: object, verifier: Verifier): VerifiedAccessToken | undefined | null {
  const mine = attachments.get(request)?.find(([owner]) => owner === verifier)
  return mine === undefined ? null : mine[1]
}
