import { type Bounds, type Entry, SecondChance } from './second-chance.ts'

interface Slot<V> extends Entry {
  readonly value: V
}

/** A {@link SecondChance} for values which know nothing of it. */
export class BoundedMap<K, V> {
  readonly #slots: SecondChance<K, Slot<V>>

  constructor({ dropped, ...bounds }: Bounds<V>) {
    this.#slots = new SecondChance({ ...bounds, dropped: ({ value }) => dropped?.(value) })
  }

  /** The number of entries. */
  get size(): number {
    return this.#slots.size
  }

  get(key: K): V | undefined {
    return this.#slots.get(key)?.value
  }

  /** Whether there is an entry, which counts for no reading. */
  has(key: K): boolean {
    return this.#slots.has(key)
  }

  /** What is larger than all that may be held is dropped at once. */
  set(key: K, value: V, size = 1): void {
    this.#slots.set(key, { value, size, used: false })
  }

  delete(key: K): void {
    this.#slots.delete(key)
  }

  clear(): void {
    this.#slots.clear()
  }

  *values(): Generator<V> {
    for (const { value } of this.#slots.values()) yield value
  }
}
