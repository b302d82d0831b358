/** Values which expire, at most so many: the oldest goes first. */
export class ExpiringStore<Value> {
  readonly #max: number
  readonly #now: () => number
  readonly #entries = new Map<string, { readonly value: Value; readonly expiresAt: number }>()

  constructor(max: number, now: () => number) {
    this.#max = max
    this.#now = now
  }

  set(key: string, value: Value, expiresAt: number): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, expiresAt })
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value as string)
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    return entry === undefined || entry.expiresAt <= this.#now() ? undefined : entry.value
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  get size(): number {
    return this.#entries.size
  }
}
