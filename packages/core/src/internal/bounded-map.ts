interface Bounds<V> {
  readonly max: number
  /** Called with every value that leaves. */
  readonly dropped?: (value: V) => void
}

/** A map of at most `max` entries, which drops the one that was not read for longest. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #max: number
  readonly #dropped: ((value: V) => void) | undefined

  constructor({ max, dropped }: Bounds<V>) {
    super()
    this.#max = max
    this.#dropped = dropped
  }

  override get(key: K): V | undefined {
    const value = super.get(key)
    // What was read goes to the end of the order; first comes what was not for longest. The key is kept as it was given
    // last, so it must not be a part of a text which is to be let go.
    if (value !== undefined && super.delete(key)) super.set(key, value)
    return value
  }

  override set(key: K, value: V): this {
    this.delete(key)
    if (this.size >= this.#max) this.delete(this.keys().next().value as K)
    return super.set(key, value)
  }

  override delete(key: K): boolean {
    const value = super.get(key)
    if (!super.delete(key)) return false
    this.#dropped?.(value as V)
    return true
  }

  override clear(): void {
    for (const key of this.keys()) this.delete(key)
  }
}
