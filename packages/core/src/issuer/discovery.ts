import { readMetadata, wellKnownLocations } from './discover.ts'
import { type Documents, type Failure, TRANSIENT } from './documents.ts'
import type { EventSink, KeyFailure } from './events.ts'
import { Attempt } from './fetch.ts'
import type { OriginRule } from './origin.ts'

/** Seconds the metadata is fresh when its answer does not say; it changes far less often than keys do. */
const UNSTATED_LIFETIME = 3600
/** The part of its lifetime after which it is asked for again, with the next fetch of the keys. */
const REFRESH_AT = 0.8
/** Seconds for news about a place which is known: a part of the time for an attempt belongs to the keys. */
const NEWS_DEADLINE = 3
/** Seconds after which news that failed are asked for again, so that the attempts between have all their time. */
const NEWS_PAUSE = 3

/** Where the keys of one issuer come from. */
export interface KeyLocation {
  readonly issuer: string
  /** Replaces the well-known places. */
  readonly metadata?: string | undefined
  /** Replaces discovery. */
  readonly jwksUri?: string | undefined
  readonly origins: OriginRule
}

/** Where the keys of an issuer are: configured, or found in its metadata, and found again when they move. */
export class Discovery {
  readonly #location: KeyLocation
  readonly #documents: Documents
  readonly #events: EventSink
  readonly #places: readonly string[]
  #jwksUri: string | undefined
  /** The place which answered last, or is to be asked next. */
  #place = 0
  /** Belongs to the place which gave it. */
  #validator: { readonly place: number; readonly etag: string | undefined } | undefined
  /** Seconds since the epoch, as are the next two. */
  #asked = Number.NEGATIVE_INFINITY
  #refreshAt = 0
  #pausedUntil = 0
  /** The known place gave no keys: then news are worth as much as a place. */
  #doubted = false
  /** The place which answered last failed the last time. */
  #stumbled = false

  constructor(location: KeyLocation, documents: Documents, events: EventSink) {
    this.#location = location
    this.#documents = documents
    this.#events = events
    this.#jwksUri = location.jwksUri
    // A place that is known is not looked for: then whoever has the keys may have a name which is no URL.
    if (location.jwksUri !== undefined) this.#places = []
    else if (location.metadata === undefined) this.#places = wellKnownLocations(location.issuer)
    else this.#places = [location.metadata]
  }

  /** Where the keys are, as far as is known. */
  get jwksUri(): string | undefined {
    return this.#jwksUri
  }

  /** Takes a place from a snapshot, if the rules allow it and no other is configured or known. */
  suggest(jwksUri: string): boolean {
    if (this.#jwksUri === undefined && this.#documents.allows(jwksUri)) this.#jwksUri = jwksUri
    return this.#jwksUri !== undefined && URL.parse(this.#jwksUri)?.href === URL.parse(jwksUri)?.href
  }

  /** The known place gave no keys: they may have moved. */
  doubt(): void {
    this.#doubted = true
  }

  /**
   * Reads the metadata when it is due. A failure while a place is known is none: what fails is only the news about it.
   */
  async find(now: number, under: Attempt): Promise<Failure | undefined> {
    if (this.#location.jwksUri !== undefined) return undefined
    if (this.#jwksUri === undefined) return this.#ask(now, under, true)
    const due = this.#doubted || now >= this.#refreshAt
    // Before it was asked for: the clock was set back.
    if ((!due || now < this.#pausedUntil) && now >= this.#asked) return undefined
    this.#asked = now
    const failure = this.#doubted ? await this.#ask(now, under, true) : await this.#hear(now, under)
    if (failure !== undefined) this.#pausedUntil = now + NEWS_PAUSE
    return undefined
  }

  /** News about a place which is known and gives keys. */
  async #hear(now: number, under: Attempt): Promise<unknown> {
    const news = new Attempt(NEWS_DEADLINE)
    try {
      return await under.race(
        () => this.#ask(now, news, false),
        () => {
          news.stop()
        },
      )
    } finally {
      news.finish()
    }
  }

  /**
   * Asks the places in order, beginning with the one that answered before. What is definitely no document moves on; a
   * network failure or a 5xx decides nothing and ends the attempt. The next attempt begins a place further, so that a
   * place which always fails does not hide the others; one that answered before is given another chance.
   *
   * @param all else one place: with keys at hand there is time, and an outage is not made worse by looking around
   */
  async #ask(now: number, under: Attempt, all: boolean): Promise<Failure | undefined> {
    let worst: KeyFailure | undefined
    const first = this.#place
    for (let i = 0; i < (all ? this.#places.length : 1); i += 1) {
      const index = (first + i) % this.#places.length
      const answered = this.#jwksUri !== undefined && this.#validator?.place === index
      const etag = answered ? this.#validator?.etag : undefined
      // oxlint-disable-next-line no-await-in-loop -- the order decides
      const fetched = await this.#documents.fetch('metadata', this.#places[index] as string, etag, under)
      const transient = !fetched.ok && TRANSIENT.has(fetched.reason)
      this.#stumbled = transient && answered && !this.#stumbled
      this.#place = this.#stumbled ? index : (index + 1) % this.#places.length
      if (!fetched.ok) {
        if (transient) return fetched
        worst ??= fetched.reason
        continue
      }
      if (fetched.text !== undefined) {
        const metadata = readMetadata(fetched, this.#location.issuer, (url) => this.#documents.allows(url))
        if (typeof metadata === 'string') {
          this.#documents.unusable('metadata', metadata)
          // A document that is wrong says more than a place without one.
          worst = metadata
          continue
        }
        this.#follow(metadata.jwks_uri)
      }
      this.#place = index
      this.#validator = { place: index, etag: fetched.etag }
      this.#doubted = false
      this.#asked = now
      this.#refreshAt = now + this.#documents.lifetimeOf(fetched.lifetime, UNSTATED_LIFETIME) * REFRESH_AT
      return undefined
    }
    return { reason: worst ?? 'status_refused' }
  }

  #follow(jwksUri: string): void {
    const before = this.#jwksUri
    this.#jwksUri = jwksUri
    if (before === undefined || before === jwksUri) return
    const { issuer } = this.#location
    const from = new URL(before).origin
    const to = new URL(jwksUri).origin
    if (from !== to) this.#events.emit(() => ({ type: 'jwks_origin_changed', issuer, from, to }))
  }
}
