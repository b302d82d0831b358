const BURST = 2
/** Seconds after which one token comes back. */
export const REFILL = 30

/** A token bucket over an outside clock; one that jumps back loses nobody their turn for longer than one refill. */
export class TokenBucket {
  /** When the bucket is full again, if nothing more is taken. */
  #fullAt = 0

  take(now: number): boolean {
    const emptied = now + BURST * REFILL
    // A full bucket collects nothing. Emptier than empty: the clock was set back.
    this.#fullAt = Math.min(Math.max(this.#fullAt, now), emptied)
    if (this.#fullAt + REFILL > emptied) return false
    this.#fullAt += REFILL
    return true
  }

  refund(): void {
    this.#fullAt -= REFILL
  }
}
