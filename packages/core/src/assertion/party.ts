import type { JSONWebKeySet } from 'jose'

import { BoundedMap } from '../internal/bounded-map.ts'
import { check, fail, listOf } from '../internal/check.ts'
import { isDeepFrozen } from '../internal/frozen.ts'
import { parseJSONObject } from '../internal/json.ts'
import { REFILL } from '../issuer/bucket.ts'
import { FETCH_DEADLINE } from '../issuer/fetch.ts'
import { readKeySet } from '../issuer/jwks.ts'
import type { KeyContext } from '../issuer/documents.ts'
import type { IssuerStatus, KeySource } from '../issuer/key-source.ts'
import { IssuerKeys } from '../issuer/keys.ts'
import { RevokedKeys } from '../issuer/revoked.ts'
import { StaticKeys } from '../issuer/static-keys.ts'
import { OriginRule } from '../issuer/origin.ts'
import type { CommonOptions } from './options.ts'

/** Parties of a resolver whose keys are kept at a time. */
const MAX_RESOLVED = 2048
/** Parties which are remembered for a pause after their keys were dropped. */
const MAX_DROPPED = 65_536
/** Seconds a key set serves after its lifetime while its place fails, and how long it counts as fresh at most. */
const MAX_STALE = 3600
const MAX_KEY_LIFETIME = 3600

/** Where the keys of a client or of an assertion issuer come from. */
export interface KeyPlace {
  /** The `client_id`, or the issuer identifier. */
  readonly id: string
  readonly jwks?: URL | JSONWebKeySet | undefined
  readonly metadata?: URL | undefined
  readonly jwksOrigins?: readonly string[] | undefined
}

/** The keys of one party, and what speaks against dropping them. */
export interface PartySource extends KeySource {
  /** The party signed something by them, which nobody else can bring about. */
  proven?: boolean
  /** While one of its documents is fetched, milliseconds by the runtime's own clock; absent before the first. */
  fetchingUntil?: number
}

/** The keys of all clients, or of all assertion issuers, of one verifier: one state per party and place. */
export class PartyKeys {
  readonly #context: KeyContext
  readonly #options: CommonOptions
  readonly #configured = new Map<string, PartySource>()
  readonly #resolved = new BoundedMap<string, PartySource>({ max: MAX_RESOLVED })
  /** By sets which cannot change: to read one at each look-up would tell its party by the time. */
  readonly #fixed = new WeakMap<object, PartySource>()
  /** Until when the keys of which parties are not fetched again, in this order. */
  readonly #dropped = new Map<string, number>()
  #closed = false

  constructor(options: CommonOptions) {
    this.#options = options
    this.#context = {
      clock: options.clock,
      fetch: options.fetch,
      ownsNetwork: options.ownsNetwork,
      maxStale: MAX_STALE,
      maxKeyLifetime: MAX_KEY_LIFETIME,
      waitUntil: options.waitUntil,
      onIssuerEvent: options.onIssuerEvent,
    }
  }

  /** @param resolved whether a resolver named the place: then only public names are asked */
  of(option: string, place: KeyPlace, resolved: boolean): PartySource {
    const { jwks, metadata } = place
    const fixed = jwks === undefined ? undefined : this.#fixed.get(jwks)
    if (fixed?.issuer === place.id) return fixed
    const id = JSON.stringify([
      place.id,
      jwks instanceof URL ? jwks.href : jwks,
      metadata?.href,
      place.jwksOrigins,
    ])
    const known = resolved ? this.#resolved.get(id) : this.#configured.get(id)
    if (known !== undefined) return known
    const keys = this.#make(option, place, resolved)
    if (!resolved) this.#configured.set(id, keys)
    else if (jwks !== undefined && isDeepFrozen(jwks)) this.#fixed.set(jwks, keys)
    // What is closed fetches nothing: then the keys cannot be had at the moment.
    else if (this.#closed || !this.#makeRoom(id)) keys.close()
    else this.#resolved.set(id, keys)
    return keys
  }

  /**
   * Whether the keys of a party may be kept; others are dropped for them. Whoever knows the names of many clients can have
   * the keys of all of them fetched: those of parties which signed nothing go first, and are not fetched again for a
   * pause, however many names there are. What is dropped is not closed, for a request may be about to use it.
   */
  #makeRoom(id: string): boolean {
    const now = this.#context.clock()
    for (const [other, until] of this.#dropped) {
      // Further ahead than it was set: the clock was set back.
      if (now < until && until <= now + REFILL) break
      this.#dropped.delete(other)
    }
    if (this.#dropped.has(id)) return false
    if (this.#resolved.size < MAX_RESOLVED) return true
    const least = this.#leastNeeded()
    if (least === undefined) return false
    const [other, { proven, fetchingUntil }] = least
    if (proven !== true && fetchingUntil !== undefined) {
      if (this.#dropped.size >= MAX_DROPPED) return false
      this.#dropped.set(other, now + REFILL)
    }
    return this.#resolved.delete(other)
  }

  /** The keys which were not used for longest, of those which are not being fetched; if possible of who signed nothing. */
  #leastNeeded(): [string, PartySource] | undefined {
    let least: [string, PartySource] | undefined
    for (const entry of this.#resolved) {
      const { proven, fetchingUntil = 0 } = entry[1]
      if (Date.now() < fetchingUntil) continue
      if (proven !== true) return entry
      least ??= entry
    }
    return least
  }

  #make(option: string, place: KeyPlace, resolved: boolean): PartySource {
    const { id, jwks, metadata } = place
    if (jwks !== undefined && !(jwks instanceof URL)) {
      // Through the strict reader like a fetched set; a copy, so that later changes have no effect.
      const document = parseJSONObject(JSON.stringify(jwks))
      const set = document === undefined ? undefined : readKeySet(document)
      if (set === undefined) fail(`${option}.jwks`, 'must be a JWK Set with a usable key')
      return new StaticKeys(id, set, new RevokedKeys())
    }
    const listed = place.jwksOrigins
    const own = jwks === undefined ? new URL(id).origin : undefined
    if (listed !== undefined) {
      for (const origin of listOf(`${option}.jwksOrigins`, listed)) {
        check(
          URL.parse(origin)?.origin === origin,
          `${option}.jwksOrigins`,
          `must be origins such as 'https://keys.example'`,
        )
      }
    }
    const allowed =
      listed !== undefined || (resolved && own !== undefined)
        ? new Set([...(own === undefined ? [] : [own]), ...(listed ?? [])])
        : undefined
    const origins = new OriginRule(this.#options.insecure, allowed, resolved)
    for (const [name, url] of [
      ['jwks', jwks],
      ['metadata', metadata],
    ] as const) {
      check(
        url === undefined || origins.allows(url.href),
        `${option}.${name}`,
        'must be an https URL at an origin which is allowed; http only at origins in [allowInsecureRequests]',
      )
    }
    const keys: PartySource = new IssuerKeys(
      { issuer: id, metadata: metadata?.href, jwksUri: jwks?.href, origins },
      {
        ...this.#context,
        onIssuerEvent: (event) => {
          if (event.type === 'fetch_started') keys.fetchingUntil = Date.now() + (FETCH_DEADLINE + 1) * 1000
          else if (event.type.startsWith('fetch_')) keys.fetchingUntil = 0
          return this.#context.onIssuerEvent?.(event)
        },
      },
      new RevokedKeys(),
    )
    return keys
  }

  /** The configured parties whose keys cannot be had. */
  async load(): Promise<readonly IssuerStatus[]> {
    const now = this.#context.clock()
    const loaded = await Promise.all(
      [...this.#configured.values()].map(async (keys) =>
        (await keys.load(now)) === undefined ? undefined : keys.status(this.#context.clock()),
      ),
    )
    return loaded.filter((status) => status !== undefined)
  }

  status(): readonly IssuerStatus[] {
    const now = this.#context.clock()
    return [...this.#configured.values(), ...this.#resolved.values()].map((keys) => keys.status(now))
  }

  /** Ends all background work, also that of parties which are met later. */
  close(): void {
    this.#closed = true
    for (const keys of [...this.#configured.values(), ...this.#resolved.values()]) keys.close()
  }
}
