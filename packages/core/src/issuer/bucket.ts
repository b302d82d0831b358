/** A token bucket over an outside clock; one that jumps back loses nobody their turn for longer than one refill. */
export class TokenBucket {
  readonly #burst: number
  readonly #every: number
  #left: number
  #at: number | undefined

  /** @param every seconds after which one token comes back */
  constructor(burst: number, every: number) {
    this.#burst = burst
    this.#every = every
    this.#left = burst
  }

  take(now: number): boolean {
    if (this.#at === undefined || now < this.#at) this.#at = now
    const refill = Math.floor((now - this.#at) / this.#every)
    if (refill > 0) {
      this.#left = Math.min(this.#burst, this.#left + refill)
      this.#at += refill * this.#every
    }
    if (this.#left === 0) return false
    // A full bucket collects nothing: the time until the next token starts now.
    if (this.#left === this.#burst) this.#at = now
    this.#left -= 1
    return true
  }

  refund(): void {
    this.#left = Math.min(this.#burst, this.#left + 1)
  }
}
