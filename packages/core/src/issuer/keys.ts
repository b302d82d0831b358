import { freezes, sharesPromises, waitUntil as platformWaitUntil } from '#runtime'

import { Refusal } from '../errors.ts'
import { BoundedMap } from '../internal/bounded-map.ts'
import { parseJSONObject } from '../internal/json.ts'
import { dismiss } from '../internal/promise.ts'
import { after } from '../internal/timer.ts'
import { TokenBucket } from './bucket.ts'
import { Discovery, type KeyLocation } from './discovery.ts'
import { Documents, type Failure, type KeyContext, TRANSIENT } from './documents.ts'
import type { KeyFailure } from './events.ts'
import { Attempt, FETCH_DEADLINE, type FetchedText } from './fetch.ts'
import type { VerificationKey } from './jwk.ts'
import { type KeySet, readJWKS, readKeySet } from './jwks.ts'
import type { IssuerStatus, KeySnapshot, KeySource } from './key-source.ts'
import { RevokedKeys } from './revoked.ts'

/** Seconds a set is fresh when its answer does not say. */
const UNSTATED_LIFETIME = 600
/** From here on, as parts of the lifetime, the next read starts a refresh: spread, so that instances part ways. */
const REFRESH_AT = { from: 0.8, spread: 0.1 } as const
/** Seconds between attempts: without a usable set requests fail, so it is asked often; with one there is time. */
const RETRY = { first: 1, empty: 2, emptyCap: 5, warmCap: 60, spread: 0.2 } as const
/** Fetches for a `kid` nobody knows: a burst, then one per so many seconds. */
const UNKNOWN_KID = { burst: 2, every: 30, remembered: 1024 } as const
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
  readonly jwksUri: string | undefined
  readonly etag: string | undefined
}

interface Flight {
  done: Promise<void>
  readonly under: Attempt
  /** Seconds, the runtime's own clock: a flight which a platform froze, or whose request died, is given up by it. */
  readonly expires: number
  /** Whether it was started for a `kid` which the set did not know. */
  shared: boolean
  /** Given up, or purged: whatever it brings counts for nothing. */
  abandoned: boolean
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
  readonly #location: KeyLocation
  readonly #documents: Documents
  #discovery: Discovery
  readonly #bucket = new TokenBucket(UNKNOWN_KID.burst, UNKNOWN_KID.every)
  readonly #missing = new BoundedMap<string, number>({ max: UNKNOWN_KID.remembered })
  readonly #revoked = new RevokedKeys()

  #loaded: Loaded | undefined
  /** The newest first. */
  #seeds: readonly KeySnapshot[]
  #flight: Flight | undefined
  #attempted = false
  #failures = 0
  #failure: KeyFailure | undefined
  #nextTryAt = 0
  #staleAnnounced = false
  #suspectedAt = Number.NEGATIVE_INFINITY

  #closed = false

  constructor(location: KeyLocation, context: KeyContext, seeds: readonly KeySnapshot[] = []) {
    this.issuer = location.issuer
    this.#location = location
    this.#context = context
    this.#seeds = seeds.toSorted((one, other) => other.fetchedAt - one.fetchedAt)
    this.#documents = new Documents(location.issuer, location.origins, context)
    this.#discovery = this.#discover()
  }

  #discover(): Discovery {
    return new Discovery(this.#location, this.#documents, this.#context.events)
  }

  find(
    kid: string | undefined,
    alg: string,
    now: number,
    plausible: () => Refusal | undefined,
  ): readonly VerificationKey[] | Refusal | Promise<readonly VerificationKey[] | Refusal> {
    const loaded = this.#current(now)
    if (loaded === undefined || !this.#serves(loaded, now))
      return this.#findAfterLoad(kid, alg, now, plausible)
    return this.#choose(loaded, kid, alg, now, plausible)
  }

  usable(now: number): boolean {
    const loaded = this.#current(now)
    return loaded !== undefined && this.#serves(loaded, now)
  }

  #serves(loaded: Loaded, now: number): boolean {
    return now < loaded.refreshAt || this.#refreshAhead(loaded, now)
  }

  peek(alg: string, now: number): VerificationKey | undefined {
    const loaded = this.#current(now)
    if (loaded === undefined || now >= loaded.refreshAt) return undefined
    // Fresh keys are chosen from and no more.
    const found = this.find(undefined, alg, now, () => undefined)
    return Array.isArray(found) ? (found[0] as VerificationKey) : undefined
  }

  suspect(now: number): void {
    const since = now - this.#suspectedAt
    if (since >= 0 && since < UNKNOWN_KID.every) return
    if (this.#underway() !== undefined || !this.#mayTry(now) || !this.#bucket.take(now)) return
    this.#suspectedAt = now
    this.#launch(now)
  }

  /** Loads the keys unless they are fresh. The refusal says why they are not usable afterwards. */
  async load(now: number): Promise<Refusal | undefined> {
    const loaded = this.#current(now)
    if (loaded !== undefined && now < loaded.freshUntil) return undefined
    await this.#refreshed(now)
    const later = this.#context.clock()
    return this.#current(later) === undefined ? this.#unavailable(later) : undefined
  }

  status(now: number): IssuerStatus {
    const loaded = this.#current(now)
    const failing = this.#failures > 0
    return {
      issuer: this.issuer,
      state:
        loaded !== undefined
          ? now < loaded.freshUntil
            ? 'ready'
            : 'stale'
          : this.#attempted
            ? 'unavailable'
            : 'never_loaded',
      keys: loaded?.set.keys.length ?? 0,
      ...(this.#loaded === undefined ? {} : { fetchedAt: this.#loaded.fetchedAt }),
      ...(failing ? { nextTryAt: this.#nextTryAt } : {}),
      ...(failing && this.#failure !== undefined ? { failure: this.#failure } : {}),
    }
  }

  snapshot(): KeySnapshot | undefined {
    if (this.#loaded === undefined) return this.#seeds[0]
    const { set, fetchedAt, freshUntil } = this.#loaded
    const { jwksUri } = this.#discovery
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
  revoke(kid: string): void {
    if (this.#seeds.length > 0) this.#plant(this.#context.clock())
    // Also a set past its staleness tells which key is meant.
    const loaded = this.#loaded
    this.#revoked.add(kid, loaded?.set.keys ?? [])
    if (loaded === undefined) return
    const rest = loaded.set.where((key) => !this.#revoked.has(key))
    if (rest === loaded.set) return
    this.#retire(loaded.set, rest)
    // Without its validator: that nothing changed is no news of a set which was changed here.
    this.#loaded = rest.keys.length === 0 ? undefined : { ...loaded, set: rest, etag: undefined }
  }

  /** Forgets everything that was fetched, or is being fetched; the next request fetches anew. */
  purge(): void {
    if (this.#loaded !== undefined) this.#retire(this.#loaded.set, undefined)
    this.#loaded = undefined
    this.#seeds = []
    this.#discovery = this.#discover()
    const flight = this.#flight
    if (flight !== undefined) {
      this.#abandon(flight)
      // Elsewhere it belongs to the request which started it.
      if (sharesPromises) flight.under.stop()
    }
    this.#nextTryAt = 0
    this.#failures = 0
    this.#missing.clear()
  }

  /** Starts nothing any more and ends what is under way; keys which are known are served on until they are stale. */
  close(): void {
    this.#closed = true
    this.#flight?.under.stop()
  }

  /** The set that may be served at `now`, if any. */
  #current(now: number): Loaded | undefined {
    if (this.#seeds.length > 0) this.#plant(now)
    const loaded = this.#loaded
    if (loaded === undefined || now >= loaded.staleUntil) return undefined
    return loaded.fetchedAt - now > FETCH_DEADLINE ? this.#reset(loaded, now) : loaded
  }

  /** From the future: the clock was set back. The set is due, and has as long to live as if it had come now. */
  #reset(loaded: Loaded, now: number): Loaded {
    const { fetchedAt, freshUntil, staleUntil } = loaded
    const times = {
      fetchedAt: now,
      refreshAt: now,
      freshUntil: now + freshUntil - fetchedAt,
      staleUntil: now + staleUntil - fetchedAt,
    }
    return (this.#loaded = { ...loaded, ...times })
  }

  /** The flight under way; one that a platform froze, or that died with its request, is none. */
  #underway(): Flight | undefined {
    const flight = this.#flight
    if (flight !== undefined && Date.now() / 1000 >= flight.expires) this.#abandon(flight)
    return this.#flight
  }

  #abandon(flight: Flight): void {
    flight.abandoned = true
    if (this.#flight === flight) this.#flight = undefined
  }

  /** A set is there, and due. Whether it may be served without waiting. */
  #refreshAhead(loaded: Loaded, now: number): boolean {
    if (this.#underway() === undefined && this.#mayTry(now)) this.#launch(now)
    if (now < loaded.freshUntil) return true
    if (!this.#staleAnnounced && this.#failures > 0) {
      this.#staleAnnounced = true
      const { freshUntil, staleUntil } = loaded
      this.#context.events.emit(() => ({ type: 'served_stale', issuer: this.issuer, freshUntil, staleUntil }))
    }
    // Background work that the platform stops would never end: there the first requests wait for a moment.
    return (
      this.#flight === undefined ||
      this.#context.waitUntil !== undefined ||
      platformWaitUntil !== undefined ||
      !freezes()
    )
  }

  async #findAfterLoad(
    kid: string | undefined,
    alg: string,
    now: number,
    plausible: () => Refusal | undefined,
  ): Promise<readonly VerificationKey[] | Refusal> {
    if (this.#current(now) === undefined) await this.#refreshed(now)
    else if (this.#flight !== undefined) await withinSeconds(FROZEN_WAIT, this.#join(this.#flight))
    const later = this.#context.clock()
    const loaded = this.#current(later)
    if (loaded === undefined) return this.#unavailable(later)
    return this.#choose(loaded, kid, alg, later, plausible)
  }

  /** Waits for an attempt, as far as the schedule allows one. */
  async #refreshed(now: number): Promise<void> {
    for (let at = now; ;) {
      const flight = this.#underway() ?? (this.#mayTry(at) ? this.#launch(at) : undefined)
      if (flight === undefined) return
      // oxlint-disable-next-line no-await-in-loop -- what a purge ended counts for nothing: who waited asks anew
      await this.#join(flight)
      at = this.#context.clock()
      if (!flight.abandoned || this.#current(at) !== undefined || at >= now + FETCH_DEADLINE) return
    }
  }

  #choose(
    { set }: Loaded,
    kid: string | undefined,
    alg: string,
    now: number,
    plausible: () => Refusal | undefined,
  ): readonly VerificationKey[] | Refusal | Promise<readonly VerificationKey[] | Refusal> {
    const candidates = set.candidates(kid, alg)
    if (candidates.length > 0) return candidates
    if (kid === undefined) return new Refusal('key_unsuitable')
    if (!set.has(kid)) return this.#unknownKid(kid, alg, now, plausible)
    // The issuer may have a new key of another kind under the old name.
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
  ): Refusal | Promise<readonly VerificationKey[] | Refusal> {
    if (kid.length > MAX_KID_LENGTH) return new Refusal('kid_unknown')
    const refused = plausible()
    if (refused !== undefined) return refused
    const until = this.#missing.get(kid)
    if (until !== undefined && now < until && until - now <= UNKNOWN_KID.every)
      return new Refusal('kid_unknown')
    const underway = this.#underway()
    if (underway !== undefined) return this.#awaitKid(kid, alg, underway, plausible, false)
    if (!this.#mayTry(now)) return this.#unavailable(now)
    if (!this.#bucket.take(now)) {
      this.#context.events.emit(() => ({ type: 'kid_throttled', issuer: this.issuer }))
      return new Refusal('kid_unknown_throttled')
    }
    const flight = this.#launch(now)
    flight.shared = true
    return this.#awaitKid(kid, alg, flight, plausible, true)
  }

  async #awaitKid(
    kid: string,
    alg: string,
    flight: Flight,
    plausible: () => Refusal | undefined,
    paid: boolean,
  ): Promise<readonly VerificationKey[] | Refusal> {
    await this.#join(flight)
    const now = this.#context.clock()
    const loaded = this.#current(now)
    const failed = this.#failures > 0 || loaded === undefined
    if (paid && (failed || flight.abandoned)) this.#bucket.refund()
    if (flight.abandoned) return this.find(kid, alg, now, plausible)
    if (failed) return this.#unavailable(now)
    // The answer of a flight which was under way before may be older than the name: then one is started for it.
    if (loaded.set.has(kid) || !flight.shared) return this.#choose(loaded, kid, alg, now, plausible)
    this.#missing.set(kid, now + UNKNOWN_KID.every)
    return new Refusal('kid_unknown')
  }

  /** Whether the retry schedule allows an attempt. */
  #mayTry(now: number): boolean {
    if (this.#closed) return false
    // Further ahead than any schedule sets it: the clock was set back.
    return now >= this.#nextTryAt || this.#nextTryAt - now > RETRY.warmCap * (1 + RETRY.spread)
  }

  #unavailable(now: number): Refusal {
    const code =
      this.#failure !== undefined && MISCONFIGURED.has(this.#failure)
        ? 'issuer_metadata_unusable'
        : 'issuer_unreachable'
    const wait = Math.min(Math.max(this.#nextTryAt - now, 0), RETRY.warmCap)
    return new Refusal(code, { retryAfter: Math.max(1, Math.ceil(wait)) })
  }

  #launch(now: number): Flight {
    this.#attempted = true
    const flight: Flight = {
      done: Promise.resolve(),
      under: new Attempt(),
      expires: Date.now() / 1000 + FETCH_DEADLINE + 1,
      shared: false,
      abandoned: false,
    }
    this.#flight = flight
    flight.done = this.#attempt(now, flight)
      // What a hook throws, a clock for example, must not end the process: often nobody waits.
      .catch(() => {})
      .finally(() => {
        if (this.#flight === flight) this.#flight = undefined
      })
    const keep: ((work: Promise<unknown>) => unknown) | undefined =
      this.#context.waitUntil ?? platformWaitUntil
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
    while (this.#flight === flight && Date.now() / 1000 < flight.expires) {
      // oxlint-disable-next-line no-await-in-loop -- polling is the point
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    // Its request died with it: the next one starts anew.
    if (this.#flight === flight) this.#abandon(flight)
  }

  /** One attempt to have fresh keys. */
  async #attempt(now: number, flight: Flight): Promise<void> {
    const failure = await this.#fetchKeys(now, flight)
    flight.under.finish()
    if (this.#closed || flight.abandoned) return
    if (failure === undefined) {
      this.#failures = 0
      this.#failure = undefined
      this.#nextTryAt = 0
      this.#staleAnnounced = false
      return
    }
    const at = this.#context.clock()
    this.#failures += 1
    this.#failure = failure.reason
    this.#nextTryAt = this.#nextAttempt(now, at, failure.retryAfter)
    this.#context.events.emit(() => ({
      type: 'retry_scheduled',
      issuer: this.issuer,
      at: this.#nextTryAt,
      failures: this.#failures,
    }))
  }

  /** @param started when the attempt which failed began, and `ended` when it ended */
  #nextAttempt(started: number, ended: number, retryAfter = 0): number {
    const spread = 1 + RETRY.spread * Math.random()
    if (this.#current(ended) === undefined) {
      const pause = this.#failures === 1 ? RETRY.first : RETRY.empty * spread
      return ended + Math.max(pause, Math.min(retryAfter, RETRY.emptyCap))
    }
    const pause = Math.min(RETRY.first * 2 ** Math.min(this.#failures - 1, 10) * spread, RETRY.warmCap)
    // Counted from its beginning: one that hung has used up a part of the pause.
    const begun = Math.min(started, ended)
    return Math.max(ended + RETRY.first, begun + pause, ended + Math.min(retryAfter, RETRY.warmCap))
  }

  async #fetchKeys(now: number, flight: Flight): Promise<Failure | undefined> {
    const { under } = flight
    const discovery = this.#discovery
    const nowhere = await discovery.find(now, under)
    if (nowhere !== undefined) return nowhere
    const jwksUri = discovery.jwksUri as string
    // The validator belongs to the place which gave it.
    const etag = this.#loaded?.jwksUri === jwksUri ? this.#loaded.etag : undefined
    const fetched = await this.#documents.fetch('jwks', jwksUri, etag, under)
    if (flight.abandoned) return ABANDONED
    if (!fetched.ok) {
      // While keys are at hand an outage is not made worse by looking around.
      if (!TRANSIENT.has(fetched.reason) || this.#current(this.#context.clock()) === undefined)
        discovery.doubt()
      return fetched
    }
    if (fetched.text === undefined) {
      // 304: asked for with the validator of a set, which may have been changed by hand meanwhile.
      if (this.#loaded?.etag === undefined) return { reason: 'not_modified_unasked' }
      this.#loaded = { ...this.#loaded, ...this.#lifetime(now, fetched) }
      return undefined
    }
    const document = parseJSONObject(fetched.text)
    const set =
      document === undefined
        ? undefined
        : await readJWKS(document, this.#loaded?.set.keys ?? [], this.#revoked)
    if (flight.abandoned) return ABANDONED
    // A key may have been retired by hand while the answer was read.
    const fresh = set?.where((key) => !key.retired && !this.#revoked.has(key))
    if (fresh === undefined || fresh.keys.length === 0) {
      const reason = document === undefined ? 'not_json' : 'no_usable_key'
      this.#documents.unusable('jwks', reason)
      // Keys which are revoked are no sign that others stand elsewhere.
      if (document === undefined || readKeySet(document) === undefined) discovery.doubt()
      return { reason }
    }
    const latest = this.#loaded?.set
    this.#loaded = { set: fresh, jwksUri, etag: fetched.etag, ...this.#lifetime(now, fetched) }
    this.#announce(latest, fresh)
    this.#retire(latest, fresh)
    this.#missing.clear()
    return undefined
  }

  #announce(before: KeySet | undefined, set: KeySet): void {
    for (const reason of set.unusable) {
      this.#context.events.emit(() => ({ type: 'key_unusable', issuer: this.issuer, reason }))
    }
    const known = new Set(before?.keys)
    for (const key of set.keys) {
      if (known.has(key)) continue
      this.#context.events.emit(() => ({ type: 'key_added', issuer: this.issuer, kid: key.kid }))
    }
  }

  #retire(before: KeySet | undefined, now: KeySet | undefined): void {
    const kept = new Set(now?.keys)
    for (const key of before?.keys ?? []) {
      if (kept.has(key)) continue
      key.retired = true
      this.#context.events.emit(() => ({ type: 'key_retired', issuer: this.issuer, kid: key.kid }))
    }
  }

  /** @param started when it was asked for, unless the clock was set back since */
  #lifetime(started: number, fetched: FetchedText): Times {
    const from = Math.min(started, this.#context.clock())
    return this.#times(from, from + this.#documents.lifetimeOf(fetched.lifetime, UNSTATED_LIFETIME))
  }

  #times(fetchedAt: number, freshUntil: number): Times {
    const part = REFRESH_AT.from + REFRESH_AT.spread * Math.random()
    return {
      fetchedAt,
      freshUntil,
      refreshAt: fetchedAt + (freshUntil - fetchedAt) * part,
      staleUntil: freshUntil + this.#context.maxStale,
    }
  }

  /** Takes over a snapshot, at the first read, since construction reads no clock. Fetched keys are always newer. */
  #plant(now: number): void {
    const seeds = this.#seeds
    this.#seeds = []
    for (const { jwks, jwks_uri, fetchedAt, freshUntil } of seeds) {
      if (this.#loaded !== undefined) return
      if (fetchedAt > now + 60) continue
      const set = readKeySet(jwks, [], this.#revoked)
      // Keys from a place where none may stand now are not used.
      if (set === undefined || (jwks_uri !== undefined && !this.#discovery.suggest(jwks_uri))) continue
      const lifetime = this.#documents.lifetimeOf(freshUntil - fetchedAt, UNSTATED_LIFETIME)
      const times = this.#times(fetchedAt, fetchedAt + lifetime)
      this.#loaded = { set, jwksUri: undefined, etag: undefined, ...times }
    }
  }
}

/** Of a flight which counts for nothing. */
const ABANDONED: Failure = { reason: 'network' }

/** Failures which somebody has to mend: waiting does not. */
const MISCONFIGURED: ReadonlySet<KeyFailure> = new Set<KeyFailure>([
  'issuer_mismatch',
  'jwks_uri_unusable',
  'origin_refused',
  'content_type',
  'not_json',
  'no_usable_key',
  'redirect',
  'status_refused',
  'too_large',
])

async function withinSeconds(seconds: number, work: Promise<void>): Promise<void> {
  let cancel: (() => void) | undefined
  const limit = new Promise<void>((resolve) => {
    cancel = after(seconds, resolve)
  })
  try {
    await Promise.race([work, limit])
  } finally {
    cancel?.()
  }
}
