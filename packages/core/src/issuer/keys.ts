import { freezes, sharesPromises, waitUntil as platformWaitUntil } from '#runtime'

import { Refusal } from '../errors.ts'
import { BoundedMap } from '../internal/bounded-map.ts'
import { withDeadline } from '../internal/deadline.ts'
import { parseJSONObject } from '../internal/json.ts'
import { dismiss } from '../internal/promise.ts'
import { REFILL, TokenBucket } from './bucket.ts'
import { Documents, type KeyContext, type KeyLocation, TRANSIENT } from './documents.ts'
import type { KeyFailure } from './events.ts'
import { Attempt, failed, type Failure, FETCH_DEADLINE, MAX_DOCUMENT_COST } from './fetch.ts'
import type { VerificationKey } from './jwk.ts'
import { type KeySet, readJWKS, readKeySet } from './jwks.ts'
import type { IssuerStatus, KeySnapshot, KeySource } from './key-source.ts'
import { RevokedKeys } from './revoked.ts'

/** Seconds a set is fresh when its answer does not say. */
const UNSTATED_LIFETIME = 600
/** From here on, as parts of the lifetime, the next read starts a refresh: spread, so that instances part ways. */
const REFRESH_AT = 0.8
const REFRESH_SPREAD = 0.1
/** Seconds between attempts: without a usable set requests fail, so it is asked often; with one there is time. */
const RETRY_FIRST = 1
const RETRY_EMPTY = 2
const RETRY_SPREAD = 0.2
/** Seconds for which an issuer may hold off the next attempt without a usable set, and the longest pause with one. */
const RETRY_EMPTY_CAP = 5
const RETRY_CAP = 60
/** Names nobody knows which are remembered. */
const MAX_MISSING = 1024
/** Seconds a request may wait for a refresh where the platform freezes background work. */
const FROZEN_WAIT = 1
const MAX_KID_LENGTH = 1024

/** Seconds since the epoch. */
interface Times {
  readonly fetchedAt: number
  readonly freshUntil: number
  /** From here on the next read starts a refresh. */
  readonly refreshAt: number
  readonly staleUntil: number
}

interface Loaded extends Times {
  readonly set: KeySet
  /** The place it came from, to which its validator belongs. */
  readonly jwksUri?: string
  readonly etag?: string | undefined
}

/** What `find` finds. */
type Found = readonly VerificationKey[] | Refusal

/** An attempt under way to have fresh keys. */
class Flight extends Attempt {
  done: Promise<void> | undefined
  /** By the runtime's own clock: a flight which a platform froze, or whose request died, is given up then. */
  readonly expires: number = Date.now() + (FETCH_DEADLINE + 1) * 1000
  /** Whether it was started for a `kid` which the set did not know, and the budget did not get that back. */
  paid = false
  /** Given up, or purged: whatever it brings counts for nothing. */
  gone = false
}

/**
 * The keys of one issuer: fetched once for any number of waiters, refreshed ahead in the background, served on while
 * the issuer fails, dropped as soon as the issuer says so.
 *
 * Times come from the context's clock. A clock that jumps back must not freeze anything, so every waiting time is
 * held against the longest one which could have been set.
 */
export class IssuerKeys implements KeySource {
  readonly issuer: string
  readonly #context: KeyContext
  /** Keeps background work going where the platform would stop it. */
  readonly #keep: ((work: Promise<unknown>) => unknown) | undefined
  readonly #location: KeyLocation
  #documents: Documents
  /** For fetches because of a `kid` nobody knows, or of a bad signature. */
  readonly #bucket = new TokenBucket()
  /** When which names were looked for, since there is this set. */
  readonly #missing = new BoundedMap<string, number>({ max: MAX_MISSING })
  #revoked: RevokedKeys

  #loaded: Loaded | undefined
  /** The newest first. */
  #seeds: readonly KeySnapshot[]
  #flight: Flight | undefined
  #attempted = false
  #failures = 0
  /** Why the last attempt failed. */
  #failure: KeyFailure | undefined
  #nextTryAt = 0
  #staleAnnounced = false
  #suspectedAt: number | undefined

  #closed = false

  /** @param revoked what was revoked of this issuer before */
  constructor(
    location: KeyLocation,
    context: KeyContext,
    revoked: RevokedKeys,
    seeds: readonly KeySnapshot[] = [],
  ) {
    this.issuer = location.issuer
    this.#context = context
    this.#keep = context.waitUntil ?? platformWaitUntil
    this.#seeds = seeds.toSorted((one, other) => other.fetchedAt - one.fetchedAt)
    this.#location = location
    this.#revoked = revoked
    this.#documents = new Documents(location, context)
  }

  find(
    kid: string | undefined,
    alg: string,
    now: number,
    plausible: () => Refusal | undefined,
  ): Found | Promise<Found> {
    const loaded = this.#served(now)
    if (loaded === undefined) return this.#findAfterLoad(kid, alg, now, plausible)
    return this.#choose(loaded, kid, alg, now, plausible)
  }

  usable(now: number): boolean {
    return this.#served(now) !== undefined
  }

  suspect(now: number): void {
    if (isRecent(this.#suspectedAt, now)) return
    if (this.#underway() !== undefined || !this.#mayTry(now) || !this.#bucket.take(now)) return
    this.#suspectedAt = now
    this.#launch(now)
  }

  /** Loads the keys unless they are fresh. The refusal says why they are not usable afterwards. */
  async load(now: number): Promise<Refusal | undefined> {
    const loaded = this.#current(now)
    if (loaded === undefined || now >= loaded.freshUntil) await this.#refreshed(now)
    const later = this.#context.clock()
    return this.#current(later) === undefined ? this.#unavailable(later) : undefined
  }

  status(now: number): IssuerStatus {
    const loaded = this.#current(now)
    const empty = this.#attempted ? 'unavailable' : 'never_loaded'
    const failure = this.#failure
    return {
      issuer: this.issuer,
      state: loaded === undefined ? empty : now < loaded.freshUntil ? 'ready' : 'stale',
      keys: loaded?.set.keys.length ?? 0,
      ...(this.#loaded === undefined ? {} : { fetchedAt: this.#loaded.fetchedAt }),
      ...(failure === undefined ? {} : { nextTryAt: this.#nextTryAt, failure }),
    }
  }

  snapshot(): KeySnapshot | undefined {
    if (this.#loaded === undefined) return this.#seeds[0]
    const { set, fetchedAt, freshUntil } = this.#loaded
    const { jwksUri } = this.#documents
    return {
      issuer: this.issuer,
      jwks: { keys: set.keys.map((key) => key.toJWK()) },
      ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri }),
      fetchedAt,
      freshUntil,
    }
  }

  /**
   * Drops the keys of this `kid` for good, also when the issuer goes on publishing them, under whatever name. Another
   * key which the issuer publishes under the same `kid` later is trusted; one that is not known yet is distrusted by
   * its `kid` alone.
   */
  revoke(kid: string, revoked: RevokedKeys): void {
    this.#revoked = revoked
    if (this.#seeds.length > 0) this.#plant(this.#context.clock())
    // Also a set past its staleness tells which key is meant.
    const loaded = this.#loaded
    revoked.add(kid, loaded?.set.keys ?? [])
    if (loaded === undefined) return
    const set = this.#trusted(loaded.set)
    if (set === loaded.set) return
    // Without its validator: that nothing changed is no news of a set which was changed here.
    this.#replace(set && { ...loaded, set, etag: undefined })
  }

  /** Forgets everything that was fetched, or is being fetched; the next request fetches anew. */
  purge(): void {
    this.#seeds = []
    this.#documents = new Documents(this.#location, this.#context)
    this.#abandon()
    this.#recover()
    this.#replace(undefined)
  }

  /** Starts nothing any more and ends what is under way; keys which are known are served on until they are stale. */
  close(): void {
    this.#closed = true
    this.#flight?.abort()
  }

  /** The set that may be served at `now`, if any. */
  #current(now: number): Loaded | undefined {
    if (this.#seeds.length > 0) this.#plant(now)
    const loaded = this.#loaded
    if (loaded === undefined || now >= loaded.staleUntil) return undefined
    if (loaded.fetchedAt - now <= FETCH_DEADLINE) return loaded
    // From the future: the clock was set back. The set is due, and has as long to live as if it had come now.
    const times = this.#times(now, loaded.freshUntil - loaded.fetchedAt)
    return (this.#loaded = { ...loaded, ...times, refreshAt: now })
  }

  /** The set that may be served at `now` without waiting, if any; when it is due, a refresh is started. */
  #served(now: number): Loaded | undefined {
    const loaded = this.#current(now)
    if (loaded === undefined || now < loaded.refreshAt) return loaded
    this.#underwayOrLaunched(now)
    const { freshUntil, staleUntil } = loaded
    if (now < freshUntil) return loaded
    if (!this.#staleAnnounced && this.#failures > 0) {
      this.#staleAnnounced = true
      this.#documents.emit({ type: 'served_stale', freshUntil, staleUntil })
    }
    // Background work that the platform stops would never end: there the first requests wait for a moment.
    return this.#flight === undefined || this.#keep !== undefined || !freezes() ? loaded : undefined
  }

  async #findAfterLoad(
    kid: string | undefined,
    alg: string,
    now: number,
    plausible: () => Refusal | undefined,
  ): Promise<Found> {
    const flight = this.#flight
    if (this.#current(now) === undefined) await this.#refreshed(now)
    else if (flight !== undefined) {
      try {
        await withDeadline(FROZEN_WAIT, () => this.#join(flight))
      } catch {
        // Then the set that is there serves.
      }
    }
    const later = this.#context.clock()
    const loaded = this.#current(later)
    if (loaded === undefined) return this.#unavailable(later)
    return this.#choose(loaded, kid, alg, later, plausible)
  }

  /** Waits for an attempt, as far as the schedule allows one. */
  async #refreshed(now: number): Promise<void> {
    for (let at = now; ;) {
      const flight = this.#underwayOrLaunched(at)
      if (flight === undefined) return
      // oxlint-disable-next-line no-await-in-loop -- what a purge ended counts for nothing: who waited asks anew
      await this.#join(flight)
      at = this.#context.clock()
      if (!flight.gone || this.#current(at) !== undefined || at >= now + FETCH_DEADLINE) return
    }
  }

  #choose(
    { set }: Loaded,
    kid: string | undefined,
    alg: string,
    now: number,
    plausible: () => Refusal | undefined,
  ): Found | Promise<Found> {
    const candidates = set.candidates(kid, alg)
    if (candidates.length > 0) return candidates
    if (kid !== undefined && !set.has(kid)) return this.#unknownKid(kid, alg, now, plausible)
    // The issuer may have a new key of another kind, under the old name or without one.
    if (plausible() === undefined) this.suspect(now)
    return new Refusal('key_unsuitable')
  }

  /**
   * The first token after a rotation passes; a flood of invented names costs the issuer next to nothing. The budget is
   * spent before the fetch, and given back when the fetch fails: then the retry schedule holds the flood.
   */
  #unknownKid(
    kid: string,
    alg: string,
    now: number,
    plausible: () => Refusal | undefined,
  ): Refusal | Promise<Found> {
    if (kid.length > MAX_KID_LENGTH) return new Refusal('kid_unknown')
    const refused = plausible()
    if (refused !== undefined) return refused
    if (isRecent(this.#missing.get(kid), now)) return new Refusal('kid_unknown')
    let flight = this.#underway()
    if (flight === undefined) {
      if (!this.#mayTry(now)) return this.#unavailable(now)
      if (!this.#bucket.take(now)) {
        this.#documents.emit({ type: 'kid_throttled' })
        return new Refusal('kid_unknown_throttled')
      }
      flight = this.#launch(now, true)
    }
    return this.#findAfter(flight, kid, alg, plausible)
  }

  /** Looks again after a flight. The answer of one which was under way before may be older than the name. */
  async #findAfter(
    flight: Flight,
    kid: string,
    alg: string,
    plausible: () => Refusal | undefined,
  ): Promise<Found> {
    await this.#join(flight)
    const now = this.#context.clock()
    // Found or not: until there is another set, nobody need look for this name again.
    if (flight.paid) this.#missing.set(kid, now)
    return this.find(kid, alg, now, plausible)
  }

  /** Whether the retry schedule allows an attempt. */
  #mayTry(now: number): boolean {
    const wait = this.#nextTryAt - now
    const longest = this.#current(now) ? RETRY_CAP : RETRY_EMPTY_CAP
    // Further ahead than it is ever set: the clock was set back, or the keys have gone for which there was time.
    if (wait > longest * (1 + RETRY_SPREAD)) this.#nextTryAt = now + RETRY_FIRST
    return !this.#closed && wait <= 0
  }

  #unavailable(now: number): Refusal {
    const failure = this.#failure
    // Some failures pass; the others somebody has to mend.
    const passes = failure === undefined || failure === 'not_modified_unasked' || TRANSIENT.has(failure)
    const wait = Math.min(Math.max(Math.ceil(this.#nextTryAt - now), 1), RETRY_CAP)
    return new Refusal(passes ? 'issuer_unreachable' : 'issuer_metadata_unusable', { retryAfter: wait })
  }

  /** The flight under way; one that a platform froze, or that died with its request, is none. */
  #underway(): Flight | undefined {
    if (this.#flight !== undefined && Date.now() >= this.#flight.expires) this.#abandon()
    return this.#flight
  }

  #underwayOrLaunched(now: number): Flight | undefined {
    return this.#underway() ?? (this.#mayTry(now) ? this.#launch(now) : undefined)
  }

  #launch(now: number, paid = false): Flight {
    this.#attempted = true
    const flight = new Flight()
    flight.paid = paid
    this.#flight = flight
    flight.done = this.#attempt(now, flight)
    const keep = this.#keep
    try {
      dismiss(keep?.(flight.done))
    } catch {
      // Outside of a request there is nothing to extend.
    }
    return flight
  }

  /** Waits for a flight; where promises belong to requests, by looking at the state they share. */
  async #join(flight: Flight): Promise<void> {
    if (sharesPromises) return flight.done
    while (this.#flight === flight && Date.now() < flight.expires) {
      // oxlint-disable-next-line no-await-in-loop -- polling is the point
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    // Its request died with it: the next one starts anew.
    if (this.#flight === flight) this.#abandon()
  }

  #abandon(): void {
    const flight = this.#flight
    if (flight === undefined) return
    this.#flight = undefined
    flight.gone = true
    this.#refund(flight)
    // Elsewhere it belongs to the request which started it.
    if (sharesPromises) flight.abort()
  }

  /** The budget gets back what a flight brought nothing for. */
  #refund(flight: Flight): void {
    if (flight.paid) this.#bucket.refund()
    flight.paid = false
  }

  /** One attempt to have fresh keys. */
  async #attempt(started: number, flight: Flight): Promise<void> {
    try {
      const failure = await this.#fetchKeys(started, flight)
      if (this.#closed || flight.gone) return
      if (failure === undefined) this.#recover()
      else this.#fail(failure, started, flight)
    } catch {
      // What a hook throws, a clock for example, must not end the process: often nobody waits.
    } finally {
      flight.finish()
      if (this.#flight === flight) this.#flight = undefined
    }
  }

  /** No attempt is known to have failed. */
  #recover(): void {
    this.#failures = 0
    this.#failure = undefined
    this.#nextTryAt = 0
    this.#staleAnnounced = false
  }

  #fail({ reason, retryAfter = 0 }: Failure, started: number, flight: Flight): void {
    const now = this.#context.clock()
    this.#refund(flight)
    this.#failures += 1
    this.#failure = reason
    const empty = this.#current(now) === undefined
    const spread = empty && this.#failures === 1 ? 1 : 1 + RETRY_SPREAD * Math.random()
    const doubled = Math.min(RETRY_FIRST * 2 ** (this.#failures - 1), empty ? RETRY_EMPTY : RETRY_CAP)
    // With keys at hand counted from its beginning: one that hung has used up a part of the pause.
    const from = empty ? now : Math.min(started, now)
    this.#nextTryAt = Math.max(
      from + Math.min(doubled * spread, RETRY_CAP),
      now + Math.min(Math.max(retryAfter, RETRY_FIRST), empty ? RETRY_EMPTY_CAP : RETRY_CAP),
    )
    this.#documents.emit({ type: 'retry_scheduled', at: this.#nextTryAt, failures: this.#failures })
  }

  async #fetchKeys(now: number, flight: Flight): Promise<Failure | undefined> {
    const documents = this.#documents
    const nowhere = await documents.find(now, flight)
    if (nowhere !== undefined) return nowhere
    const jwksUri = documents.jwksUri as string
    // The validator belongs to the place which gave it.
    const validator = this.#loaded?.jwksUri === jwksUri ? this.#loaded.etag : undefined
    const fetched = await documents.fetch('jwks', jwksUri, validator, flight)
    if (flight.gone) return undefined
    if (!fetched.ok) {
      // While keys are at hand an outage is not made worse by looking around.
      if (!TRANSIENT.has(fetched.reason) || this.#current(this.#context.clock()) === undefined)
        documents.doubted = true
      return fetched
    }
    const { text, etag, lifetime } = fetched
    // When it was asked for, unless the clock was set back since.
    const times = this.#times(Math.min(now, this.#context.clock()), lifetime)
    if (text === undefined) {
      // 304: asked for with the validator of a set, which may have been changed by hand meanwhile.
      if (this.#loaded?.etag === undefined) return failed('not_modified_unasked')
      this.#loaded = { ...this.#loaded, ...times }
      return undefined
    }
    const document = parseJSONObject(text, MAX_DOCUMENT_COST)
    const read = document && (await readJWKS(document, this.#loaded?.set.keys, this.#revoked))
    if (flight.gone) return undefined
    // A key may have been revoked while the answer was read.
    const set = read && this.#trusted(read)
    if (set === undefined) {
      // Keys which are revoked are no sign that others stand elsewhere.
      if (document === undefined || readKeySet(document) === undefined) documents.doubted = true
      const reason = document === undefined ? 'not_json' : 'no_usable_key'
      return documents.unusable('jwks', failed(reason))
    }
    this.#replace({ set, jwksUri, etag, ...times })
    for (const reason of set.unusable) documents.emit({ type: 'key_unusable', reason })
    return undefined
  }

  /** What is left of a set without the keys which are revoked, if anything is. */
  #trusted(set: KeySet): KeySet | undefined {
    const rest = set.where((key) => !this.#revoked.has(key))
    return rest.keys.length === 0 ? undefined : rest
  }

  /** What the new set lacks is dead at once, with all that it verified. */
  #replace(loaded: Loaded | undefined): void {
    const before = this.#loaded?.set.keys ?? []
    const after = loaded?.set.keys ?? []
    this.#loaded = loaded
    this.#missing.clear()
    for (const key of after) {
      if (!before.includes(key)) this.#documents.emit({ type: 'key_added', kid: key.kid })
    }
    for (const key of before) {
      if (after.includes(key)) continue
      key.retired = true
      this.#documents.emit({ type: 'key_retired', kid: key.kid })
    }
  }

  #times(fetchedAt: number, stated = UNSTATED_LIFETIME): Times {
    const lifetime = this.#documents.lifetimeOf(stated)
    const freshUntil = fetchedAt + lifetime
    return {
      fetchedAt,
      freshUntil,
      refreshAt: fetchedAt + lifetime * (REFRESH_AT + REFRESH_SPREAD * Math.random()),
      staleUntil: freshUntil + this.#context.maxStale,
    }
  }

  /** Takes over a snapshot, at the first read, since construction reads no clock. Fetched keys are always newer. */
  #plant(now: number): void {
    const seeds = this.#seeds
    this.#seeds = []
    for (const { jwks, jwks_uri, fetchedAt, freshUntil } of seeds) {
      if (this.#loaded !== undefined || fetchedAt > now + 60) continue
      const set = readKeySet(jwks, [], this.#revoked)
      // Keys from a place where none may stand now are not used.
      if (set !== undefined && (jwks_uri === undefined || this.#documents.suggest(jwks_uri)))
        this.#loaded = { set, ...this.#times(fetchedAt, freshUntil - fetchedAt) }
    }
  }
}

/** Whether it is too soon to ask again; what is to come was noted by a clock which was set back. */
function isRecent(at: number | undefined, now: number): boolean {
  return at !== undefined && now >= at && now < at + REFILL
}
