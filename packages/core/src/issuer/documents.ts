import { resolveHost } from '#runtime'

import type { EventSink, KeyFailure } from './events.ts'
import { type Attempt, type FetchedText, fetchText } from './fetch.ts'
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

/** Why an attempt failed. */
export interface Failure {
  readonly reason: KeyFailure
  readonly retryAfter?: number | undefined
}

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
  readonly #issuer: string
  readonly #origins: OriginRule
  readonly #context: KeyContext

  constructor(issuer: string, origins: OriginRule, context: KeyContext) {
    this.#issuer = issuer
    this.#origins = origins
    this.#context = context
  }

  /** Whether the rules allow this address, as far as it can be said without looking it up. */
  allows(url: string): boolean {
    return this.#origins.allows(url)
  }

  /** Seconds for which a document counts as fresh: what it says, else `unstated`, within the clamps. */
  lifetimeOf(stated: number | undefined, unstated: number): number {
    return Math.min(Math.max(stated ?? unstated, MIN_LIFETIME), this.#context.maxKeyLifetime)
  }

  /** Tells that a document came, and cannot be used. */
  unusable(document: 'metadata' | 'jwks', reason: KeyFailure): void {
    this.#context.events.emit(() => ({ type: 'fetch_failed', issuer: this.#issuer, document, reason }))
  }

  async fetch(
    document: 'metadata' | 'jwks',
    url: string,
    etag: string | undefined,
    under: Attempt,
  ): Promise<FetchedText | (Failure & { readonly ok: false })> {
    const { clock, events, ownsNetwork, fetch: doFetch } = this.#context
    const issuer = this.#issuer
    events.emit(() => ({ type: 'fetch_started', issuer, document }))
    const origins = this.#origins
    const refused = !origins.allows(url)
      ? 'origin_refused'
      : ownsNetwork
        ? await under.race(() => origins.refusesAddress(url, resolveHost))
        : undefined
    const fetched =
      refused === undefined
        ? await fetchText(url, doFetch, etag, clock, under)
        : { ok: false as const, failure: refused }
    if (fetched.ok) {
      events.emit(() => ({ type: 'fetch_succeeded', issuer, document }))
      return fetched
    }
    const reason: KeyFailure = fetched.failure
    events.emit(() => ({ type: 'fetch_failed', issuer, document, reason }))
    return { ok: false, reason, ...('retryAfter' in fetched ? { retryAfter: fetched.retryAfter } : {}) }
  }
}
