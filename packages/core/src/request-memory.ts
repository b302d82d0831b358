import type { Verification, VerifiedAccessToken, Verifier } from './access-token/access-token.ts'
import type { Refusal } from './errors.ts'
import { privateSlot } from './internal/private-slot.ts'
import { identityOf, type ResourceRequest } from './request.ts'

type Admission = Verification | Refusal | Promise<Verification | Refusal>

interface Memory {
  readonly verifier: Verifier
  /** The whole field: middleware may replace it between two guards. */
  readonly field: string
  admission: Admission
}

const memories = privateSlot<Memory[]>()

/** What was found for this request by this resource server, for this very `Authorization` field. */
export function recall(request: ResourceRequest, verifier: Verifier, field: string): Admission | undefined {
  return memoryOf(memories.get(identityOf(request)), verifier, field)?.admission
}

function memoryOf(known: Memory[] | undefined, verifier: Verifier, field: string): Memory | undefined {
  return known?.find((memory) => memory.verifier === verifier && memory.field === field)
}

/** Takes the place of what was found before. */
export function remember(
  request: ResourceRequest,
  verifier: Verifier,
  field: string,
  admission: Admission,
): void {
  const owner = identityOf(request)
  const known = memories.get(owner)
  const earlier = memoryOf(known, verifier, field)
  if (earlier !== undefined) earlier.admission = admission
  else if (known === undefined) memories.set(owner, [{ verifier, field, admission }])
  else known.push({ verifier, field, admission })
}

/** What a resource server found for a request; no token when it was anonymous. Several make a list. */
interface Attachment {
  readonly verifier: Verifier
  token: VerifiedAccessToken | undefined
  next: Attachment | undefined
}

const attachments = privateSlot<Attachment>()

function attachmentOf(request: object, verifier: Verifier): Attachment | undefined {
  let attachment = attachments.get(request)
  while (attachment !== undefined && attachment.verifier !== verifier) attachment = attachment.next
  return attachment
}

/** Keeps what a guard found, for handlers far away from it. */
export function attach(request: object, verifier: Verifier, token: VerifiedAccessToken | undefined): void {
  const mine = attachmentOf(request, verifier)
  if (mine === undefined) attachments.set(request, { verifier, token, next: attachments.get(request) })
  else mine.token = token
}

/** What the guards of this resource server found last; `null` when none ran. */
export function attached(request: object, verifier: Verifier): VerifiedAccessToken | undefined | null {
  const mine = attachmentOf(request, verifier)
  return mine === undefined ? null : mine.token
}
