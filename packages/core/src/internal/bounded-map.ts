import { type Bounds, type Entry, SecondChance } from './second-chance.ts'

interface Slot<V> extends Entry {
  readonly value: V
}

/** A {@link SecondChance} for values which know nothing of it, and of which one counts as much as another. */
export class BoundedMap<K, V> {
  readonly #slots: SecondChance<K, Slot<V>>

  constructor({ max, dropped }: Pick<Bounds<V>, 'max' | 'dropped'>) {
    this.#slots = new SecondChance({ max, dropped: ({ value }) => dropped?.(value) })
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

  set(key: K, value: V): void {
    this.#slots.set(key, { value, size: 1, used: false })
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
