/** Slots which one removal sends to the end because they were read, so that it ends soon however many were. */
const MAX_SPARED = 64

interface Slot<V> {
  value: V
  size: number
  /** Read since it was at the end of the queue. */
  used: boolean
}

/** What a {@link BoundedMap} may hold, and who is told of what it drops. */
export interface Bounds<V> {
  readonly max: number
  /** Bound of the sizes given to {@link BoundedMap.set}, together. */
  readonly maxSize?: number
  /** Called with every value that leaves. */
  readonly dropped?: (value: V) => void
}

/**
 * A map which drops what was not read for long: a queue in which whatever was read since it came to the front goes to
 * the end once more. A hit costs a flag, where a list by last use would have to be relinked in places which are not in
 * the processor's cache.
 */
export class BoundedMap<K, V> {
  /** In the order of the queue. */
  readonly #slots = new Map<K, Slot<V>>()
  readonly #bounds: Required<Bounds<V>>
  /**
   * The front of the queue. It lives on while the map changes; one begun anew would walk each time over the places of
   * all that was dropped.
   */
  #front: Iterator<[K, Slot<V>], undefined>
  #size = 0

  constructor({ max, maxSize = Number.POSITIVE_INFINITY, dropped = () => {} }: Bounds<V>) {
    this.#bounds = { max, maxSize, dropped }
    this.#front = this.#slots.entries()
  }

  /** The number of entries. */
  get size(): number {
    return this.#slots.size
  }

  get(key: K): V | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    if (!slot.used) slot.used = true
    return slot.value
  }

  /** Whether there is an entry, which counts for no reading. */
  has(key: K): boolean {
    return this.#slots.has(key)
  }

  /** What is larger than all that may be held is dropped at once. */
  set(key: K, value: V, size = 1): void {
    this.delete(key)
    const { max, maxSize, dropped } = this.#bounds
    if (size > maxSize) {
      dropped(value)
      return
    }
    while (this.#slots.size >= max || this.#size + size > maxSize) this.#dropOne()
    this.#slots.set(key, { value, size, used: false })
    this.#size += size
  }

  delete(key: K): void {
    const slot = this.#slots.get(key)
    if (slot === undefined) return
    this.#slots.delete(key)
    this.#size -= slot.size
    this.#bounds.dropped(slot.value)
  }

  clear(): void {
    const slots = [...this.#slots.values()]
    this.#slots.clear()
    this.#size = 0
    for (const { value } of slots) this.#bounds.dropped(value)
  }

  *values(): Generator<V> {
    for (const { value } of this.#slots.values()) yield value
  }

  #dropOne(): void {
    for (let spared = 0; ;) {
      const { value: entry } = this.#front.next()
      if (entry === undefined) {
        this.#front = this.#slots.entries()
      } else if (entry[1].used && spared < MAX_SPARED) {
        const [key, slot] = entry
        slot.used = false
        spared += 1
        this.#slots.delete(key)
        this.#slots.set(key, slot)
      } else {
        this.delete(entry[0])
        return
      }
    }
  }
}
