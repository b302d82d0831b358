/** A token bucket over an outside clock; one that jumps back loses nobody their turn for longer than one refill. */
export class TokenBucket {
  readonly #burst: number
  readonly #every: number
  /** When the bucket is full again, if nothing more is taken. */
  #fullAt = 0

  /** @param every seconds after which one token comes back */
  constructor(burst: number, every: number) {
    this.#burst = burst
    this.#every = every
  }

  take(now: number): boolean {
    const emptied = now + this.#burst * this.#every
    // A full bucket collects nothing. Emptier than empty: the clock was set back.
    this.#fullAt = Math.min(Math.max(this.#fullAt, now), emptied)
    if (this.#fullAt + this.#every > emptied) return false
    this.#fullAt += this.#every
    return true
  }

  refund(): void {
    this.#fullAt -= this.#every
  }
}
