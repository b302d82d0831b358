import { readMetadata, wellKnownLocations } from './discover.ts'
import { type Documents, TRANSIENT } from './documents.ts'
import { Attempt, type Failure, type FetchedText } from './fetch.ts'

/** Seconds the metadata is fresh when its answer does not say; it changes far less often than keys do. */
const UNSTATED_LIFETIME = 3600
/** The part of its lifetime after which it is asked for again, with the next fetch of the keys. */
const REFRESH_AT = 0.8
/** Seconds for news about a place which is known: a part of the time for an attempt belongs to the keys. */
const NEWS_DEADLINE = 3
/** Seconds after which news that failed are asked for again, so that the attempts between have all their time. */
const NEWS_PAUSE = 3

/** Where the keys of an issuer are: configured, or found in its metadata, and found again when they move. */
export class Discovery {
  readonly #documents: Documents
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

  constructor(documents: Documents) {
    const { issuer, metadata, jwksUri } = documents.location
    this.#documents = documents
    this.jwksUri = jwksUri
    // A place that is known is not looked for: then whoever has the keys may have a name which is no URL.
    if (jwksUri !== undefined) this.#places = []
    else this.#places = metadata === undefined ? wellKnownLocations(issuer) : [metadata]
  }

  /** Takes a place from a snapshot, if the rules allow it and no other is configured or known. */
  suggest(jwksUri: string): boolean {
    const { origins } = this.#documents.location
    if (this.jwksUri === undefined && origins.allows(jwksUri)) this.jwksUri = jwksUri
    return this.jwksUri !== undefined && URL.parse(this.jwksUri)?.href === URL.parse(jwksUri)?.href
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
      const fetched = await this.#documents.fetch('metadata', place, etag, under)
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
      const jwksUri = readMetadata(fetched, this.#documents.location)
      if (typeof jwksUri !== 'string') return this.#documents.unusable('metadata', jwksUri)
      const from = new URL(this.jwksUri ?? jwksUri).origin
      const to = new URL(jwksUri).origin
      this.jwksUri = jwksUri
      if (from !== to) this.#documents.emit({ type: 'jwks_origin_changed', from, to })
    }
    this.#answered = place
    this.#etag = fetched.etag
    this.#stumbled = false
    this.doubted = false
    this.#asked = now
    const lifetime = this.#documents.lifetimeOf(fetched.lifetime ?? UNSTATED_LIFETIME)
    this.#refreshAt = now + lifetime * REFRESH_AT
    return undefined
  }
}
