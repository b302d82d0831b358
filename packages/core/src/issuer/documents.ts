import { resolveHost } from '#runtime'

import { readMetadata, wellKnownLocations } from './discover.ts'
import { type IssuerEvent, type KeyFailure, tell } from './events.ts'
import { Attempt, failed, type Failure, type FetchedText, fetchText } from './fetch.ts'
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
  readonly onIssuerEvent: ((event: IssuerEvent) => void) | undefined
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

/** Seconds the metadata is fresh when its answer does not say; it changes far less often than keys do. */
const UNSTATED_LIFETIME = 3600
/** The part of its lifetime after which it is asked for again, with the next fetch of the keys. */
const REFRESH_AT = 0.8
/** Seconds for news about a place which is known: a part of the time for an attempt belongs to the keys. */
const NEWS_DEADLINE = 3
/** Seconds after which news that failed are asked for again, so that the attempts between have all their time. */
const NEWS_PAUSE = 3

/**
 * The documents of one issuer: fetched within the rules for its origins, and every exchange told of. Where its keys are
 * is configured, or found in its metadata, and found again when they move.
 */
export class Documents {
  readonly #location: KeyLocation
  readonly #context: KeyContext
  /** In front the place which answered last, or is to be asked next. */
  readonly #places: string[]
  /** Where the keys are, as far as is known. */
  jwksUri: string | undefined
  /** The known place gave no keys, so they may have moved: then news are worth as much as a place. */
  doubted = false
  /** The place which answered last, to which its validator belongs. */
  #answered: string | undefined
  #etag: string | undefined
  /** Seconds since the epoch, as are the next two. */
  #asked = Number.NEGATIVE_INFINITY
  #refreshAt = 0
  #pausedUntil = 0
  /** The place which answered last failed the last time. */
  #stumbled = false

  constructor(location: KeyLocation, context: KeyContext) {
    const { issuer, metadata, jwksUri } = location
    this.#location = location
    this.#context = context
    this.jwksUri = jwksUri
    // A place that is known is not looked for: then whoever has the keys may have a name which is no URL.
    if (jwksUri !== undefined) this.#places = []
    else this.#places = metadata === undefined ? wellKnownLocations(issuer) : [metadata]
  }

  /** Tells what happened to the keys of this issuer. */
  emit(event: Told): void {
    tell({ ...event, issuer: this.#location.issuer }, this.#context.onIssuerEvent)
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
    const { origins } = this.#location
    this.emit({ type: 'fetch_started', document })
    const fetched = await under.race(async () => {
      if (!origins.allows(url)) return failed('origin_refused')
      if (resolveHost !== undefined && this.#context.ownsNetwork) {
        const place = new URL(url)
        const refused = origins.isGuarded(place) ? await resolveHost(place.hostname) : undefined
        if (refused !== undefined) return failed(refused)
      }
      return fetchText(url, etag, this.#context, under.signal)
    })
    if (!fetched.ok) return this.unusable(document, fetched)
    this.emit({ type: 'fetch_succeeded', document })
    return fetched
  }

  /** Takes a place from a snapshot, if the rules allow it and no other is configured or known. */
  suggest(jwksUri: string): boolean {
    const { origins } = this.#location
    if (this.jwksUri === undefined && origins.allows(jwksUri)) this.jwksUri = jwksUri
    return this.jwksUri === jwksUri
  }

  /**
   * Reads the metadata when it is due. A failure while a place is known is none: what fails is only the news about it.
   */
  async find(now: number, under: Attempt): Promise<Failure | undefined> {
    if (this.#places.length === 0) return undefined
    if (this.jwksUri === undefined) return this.#ask(now, under)
    const due = this.doubted || now >= this.#refreshAt
    // Before it was asked for: the clock was set back.
    if ((!due || now < this.#pausedUntil) && now >= this.#asked) return undefined
    this.#asked = now
    // News about a place which gives keys leave them a part of the time.
    const news = new Attempt(NEWS_DEADLINE)
    under.signal.addEventListener('abort', () => {
      news.abort()
    })
    const failure = await this.#ask(now, this.doubted ? under : news)
    news.finish()
    if (failure !== undefined) this.#pausedUntil = now + NEWS_PAUSE
    return undefined
  }

  /**
   * Asks the places in order, beginning with the one that answered before. What is definitely no document moves on; a
   * network failure or a 5xx decides nothing and ends the attempt. The next attempt begins a place further, so that a
   * place which always fails does not hide the others; one that answered before is given another chance.
   * While the known place gives keys one place is asked: there is time, and looking around would make an outage worse.
   */
  async #ask(now: number, under: Attempt): Promise<Failure | undefined> {
    let worst: Failure | undefined
    for (
      let left = this.jwksUri === undefined || this.doubted ? this.#places.length : 1;
      left > 0;
      left -= 1
    ) {
      const place = this.#places[0] as string
      const answered = this.#answered === place
      const etag = answered ? this.#etag : undefined
      // oxlint-disable-next-line no-await-in-loop -- the order decides
      const fetched = await this.fetch('metadata', place, etag, under)
      const failure = fetched.ok ? this.#read(fetched, place, now) : fetched
      if (failure === undefined) return undefined
      const transient = TRANSIENT.has(failure.reason)
      this.#stumbled = transient && answered && !this.#stumbled
      if (!this.#stumbled) this.#places.push(this.#places.shift() as string)
      if (transient) return failure
      // A document that is wrong says more than a place without one.
      if (fetched.ok || worst === undefined) worst = failure
    }
    return worst
  }

  /** Follows what a place answered, unless it cannot be used. */
  #read(fetched: FetchedText, place: string, now: number): Failure | undefined {
    if (fetched.text !== undefined) {
      const jwksUri = readMetadata(fetched, this.#location)
      if (typeof jwksUri !== 'string') return this.unusable('metadata', jwksUri)
      const from = new URL(this.jwksUri ?? jwksUri).origin
      const to = new URL(jwksUri).origin
      this.jwksUri = jwksUri
      if (from !== to) this.emit({ type: 'jwks_origin_changed', from, to })
    }
    this.#answered = place
    this.#etag = fetched.etag
    this.#stumbled = false
    this.doubted = false
    this.#asked = now
    const lifetime = this.lifetimeOf(fetched.lifetime ?? UNSTATED_LIFETIME)
    this.#refreshAt = now + lifetime * REFRESH_AT
    return undefined
  }
}
