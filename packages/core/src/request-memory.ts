import { privateSlot } from '#runtime'

import type { Verification, VerifiedAccessToken, Verifier } from './access-token/access-token.ts'
import type { Refusal } from './errors.ts'
import type { PrivateSlot } from './runtime/runtime.ts'
import { identityOf, type ResourceRequest } from './request.ts'

/** What a resource server found last, for this object and this text: several servers make a list. */
interface Memory<Found> {
  readonly verifier: Verifier
  field: string
  found: Found
  readonly next: Memory<Found> | undefined
}

type Memories<Found> = PrivateSlot<Memory<Found>>

function find<Found>(
  memories: Memories<Found>,
  object: object,
  verifier: Verifier,
): Memory<Found> | undefined {
  let memory = memories.get(object)
  while (memory !== undefined && memory.verifier !== verifier) memory = memory.next
  return memory
}

/** Takes the place of what was found before: a request which lives long may be judged by ever new texts. */
function keep<Found>(
  memories: Memories<Found>,
  object: object,
  verifier: Verifier,
  field: string,
  found: Found,
): void {
  const known = find(memories, object, verifier)
  if (known === undefined) memories.set(object, { verifier, field, found, next: memories.get(object) })
  else {
    known.field = field
    known.found = found
  }
}

type Admission = Verification | Refusal | Promise<Verification | Refusal>

const admissions: Memories<Admission> = privateSlot()

/**
 * What was found for this request by this resource server, for this very `Authorization` field: middleware may replace
 * it between two guards.
 */
export function recall(request: ResourceRequest, verifier: Verifier, field: string): Admission | undefined {
  const known = find(admissions, identityOf(request), verifier)
  return known?.field === field ? known.found : undefined
}

export function remember(
  request: ResourceRequest,
  verifier: Verifier,
  field: string,
  admission: Admission,
): void {
  keep(admissions, identityOf(request), verifier, field, admission)
}

const attachments: Memories<VerifiedAccessToken | undefined> = privateSlot()

/** Keeps what a guard found, for handlers far away from it; no token when the request was anonymous. */
export function attach(request: object, verifier: Verifier, token: VerifiedAccessToken | undefined): void {
  keep(attachments, request, verifier, '', token)
}

/** What the guards of this resource server found last; `null` when none ran. */
export function attached(request: object, verifier: Verifier): VerifiedAccessToken | undefined | null {
  const known = find(attachments, request, verifier)
  return known === undefined ? null : known.found
}
