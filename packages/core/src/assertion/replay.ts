import { creating, fail } from '../internal/check.ts'
import { withDeadline } from '../internal/deadline.ts'
import { clock, count } from '../options.ts'
import { Denial, type Purpose } from './errors.ts'
import { MAX_CLOCK_TOLERANCE } from './options.ts'
import type { Presented } from './read.ts'
import { storeKey } from './store-key.ts'

/**
 * Remembers which assertions were used. One atomic verb: whoever implements it cannot look first and write later,
 * which would let two requests at once both be the first.
 */
export interface ReplayStore {
  /**
   * Takes `key` for the caller alone until `expiresAt`: `true` for the first who asks, `false` for everybody after.
   * Whatever else comes back, a throw and no answer within a second are a refusal of the request (503).
   *
   * With Redis: `SET key 1 NX EXAT expiresAt`; in SQL: an insert under a unique key.
   *
   * @param key 44 characters, base64; nothing can be read from it
   * @param expiresAt seconds since the epoch, an integer
   */
  claim(key: string, expiresAt: number): boolean | Promise<boolean>
}

/** Options of {@link memoryReplayStore}. */
export interface MemoryReplayStoreOptions {
  /**
   * Assertions remembered at a time, each until six minutes after its `exp`; beyond it nothing is accepted until some
   * were forgotten. 100,000.
   */
  max?: number
  [clock]?: () => number
}

/** Seconds; what expires in one of them is forgotten together. */
const SLICE = 10

/**
 * A {@link ReplayStore} for one process. It does not protect several instances behind one name: an assertion used at
 * one could be used again at another. Full, it refuses: forgetting a used assertion would accept it again. Likewise
 * what has expired by its own clock, so a verifier with a `[clock]` needs a store with the same.
 *
 * @throws {TypeError} on a misconfiguration
 */
export function memoryReplayStore(options: MemoryReplayStoreOptions = {}): ReplayStore {
  return creating('a replay store', () => {
    for (const name of Reflect.ownKeys(options)) {
      if (name !== 'max' && name !== clock) fail('options', `has no member ${String(name).slice(0, 40)}`)
    }
    const now = options[clock] ?? (() => Date.now() / 1000)
    if (typeof now !== 'function') fail('clock', 'must be a function')
    return new MemoryReplayStore(count('max', options.max, 100_000, { min: 1, max: 8_000_000 }), now)
  })
}

class MemoryReplayStore implements ReplayStore {
  readonly #max: number
  readonly #clock: () => number
  readonly #used = new Set<string>()
  /** By the slice of time in which they expire, so that nothing is searched for what may be forgotten. */
  readonly #expiring = new Map<number, string[]>()
  #swept = Number.NEGATIVE_INFINITY

  constructor(max: number, now: () => number) {
    this.#max = max
    this.#clock = now
  }

  claim(key: string, expiresAt: number): boolean {
    const now = this.#clock()
    this.#sweep(now)
    if (this.#used.has(key)) return false
    // It would be forgotten at once, and accepted again: two clocks differ by more than an assertion lives.
    if (!(expiresAt > now))
      throw new Error('Cannot remember the assertion: it expired before, by the clock of the replay store')
    if (this.#used.size >= this.#max)
      throw new Error('Cannot remember the assertion: the replay store is full')
    this.#used.add(key)
    const slice = Math.ceil(expiresAt / SLICE)
    const expiring = this.#expiring.get(slice)
    if (expiring === undefined) this.#expiring.set(slice, [key])
    else expiring.push(key)
    return true
  }

  #sweep(now: number): void {
    const slice = Math.floor(now / SLICE)
    if (slice <= this.#swept) return
    this.#swept = slice
    for (const [expired, keys] of this.#expiring) {
      if (expired > slice) continue
      for (const key of keys) this.#used.delete(key)
      this.#expiring.delete(expired)
    }
  }
}

/** What tells the assertions of all issuers and all servers apart. */
type Named = Pick<Presented, 'iss' | 'jti' | 'claims'>

/**
 * The name under which a used assertion is remembered. Servers which share a store may have clients of one name, which
 * count on their own: the audience tells them apart. It is the one of the assertion, not the name of this server, so
 * that an assertion is used once also where two servers are called by one name.
 */
export function replayKey(purpose: Purpose, { iss, jti, claims }: Named): string | Promise<string> {
  return storeKey(purpose, iss, jti as string, ...([claims['aud']].flat() as string[]))
}

/**
 * Seconds an assertion is remembered after it expired: for as long as any verifier accepts it, because another one which
 * shares the store may be more tolerant; then a minute, because the clock of a store may be ahead of ours, and a request
 * which was judged in time may reach the store late.
 */
const KEPT_LONGER = MAX_CLOCK_TOLERANCE + 60
/** Seconds a store may take. */
const STORE_DEADLINE = 1

/** Uses an assertion up. Only a store which says `true` has taken it for this request. */
export async function burn(
  store: ReplayStore,
  purpose: Purpose,
  presented: Named & Pick<Presented, 'exp'>,
): Promise<Denial | undefined> {
  try {
    const key = await replayKey(purpose, presented)
    const claimed: unknown = await withDeadline(STORE_DEADLINE, () =>
      store.claim(key, Math.ceil(presented.exp + KEPT_LONGER)),
    )
    if (claimed === true) return undefined
    return new Denial(claimed === false ? 'assertion_replayed' : 'replay_store_failed')
  } catch (cause) {
    return new Denial('replay_store_failed', { cause })
  }
}
