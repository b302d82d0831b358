import { resolveHost } from '#runtime'

import type { EventSink, IssuerEvent, KeyFailure } from './events.ts'
import { type Attempt, failed, type Failure, type FetchedText, fetchText } from './fetch.ts'
import type { OriginRule } from './origin.ts'

/** What every issuer of a resource server shares. */
export interface KeyContext {
  /** Seconds since the epoch. */
  readonly clock: () => number
  readonly fetch: typeof fetch
  /** Whether `fetch` is the runtime's own, so that addresses are ours to check. */
  readonly ownsNetwork: boolean
  readonly maxStale: number
  readonly maxKeyLifetime: number
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly events: EventSink
}

/** Where the keys of one issuer come from. */
export interface KeyLocation {
  readonly issuer: string
  /** Replaces the well-known places. */
  readonly metadata?: string | undefined
  /** Replaces discovery. */
  readonly jwksUri?: string | undefined
  readonly origins: OriginRule
}

/** An event, but for the issuer. */
type Told = IssuerEvent extends infer E ? (E extends IssuerEvent ? Omit<E, 'issuer'> : never) : never

/** Failures which say nothing about whether there is a document. */
export const TRANSIENT: ReadonlySet<KeyFailure> = new Set<KeyFailure>([
  'network',
  'timeout',
  'status_transient',
])
/** Seconds a document is fresh at the least, whatever its answer says. */
const MIN_LIFETIME = 60

/** The documents of one issuer: fetched within the rules for its origins, and every exchange told of. */
export class Documents {
  readonly location: KeyLocation
  readonly #context: KeyContext

  constructor(location: KeyLocation, context: KeyContext) {
    this.location = location
    this.#context = context
  }

  /** Tells what happened to the keys of this issuer. */
  emit(event: Told): void {
    this.#context.events.emit({ ...event, issuer: this.location.issuer })
  }

  /** Seconds for which a document counts as fresh: what it says, within the clamps. */
  lifetimeOf(stated: number): number {
    return Math.min(Math.max(stated, MIN_LIFETIME), this.#context.maxKeyLifetime)
  }

  /** Tells that a document did not come, or cannot be used. */
  unusable(document: 'metadata' | 'jwks', failure: Failure): Failure {
    this.emit({ type: 'fetch_failed', document, reason: failure.reason })
    return failure
  }

  async fetch(
    document: 'metadata' | 'jwks',
    url: string,
    etag: string | undefined,
    under: Attempt,
  ): Promise<FetchedText | Failure> {
    const { origins } = this.location
    this.emit({ type: 'fetch_started', document })
    const fetched = await under.race(async () => {
      if (!origins.allows(url)) return failed('origin_refused')
      const refused = this.#context.ownsNetwork && (await origins.refusesAddress(url, resolveHost))
      return refused ? failed(refused) : fetchText(url, etag, this.#context, under.signal)
    })
    if (!fetched.ok) return this.unusable(document, fetched)
    this.emit({ type: 'fetch_succeeded', document })
    return fetched
  }
}
