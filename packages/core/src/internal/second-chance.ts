/** Entries which one removal sends to the end because they were read, so that it ends soon however many were. */
const MAX_SPARED = 64

/** What a {@link SecondChance} notes of an entry lies in the entry: a hit then fetches one thing less from memory. */
export interface Entry {
  readonly size: number
  /** Read since it was at the end of the queue. */
  used: boolean
}

/** What a {@link SecondChance} may hold. */
export interface Bounds {
  readonly max: number
  /** Bound of the sizes of all entries together. */
  readonly maxSize: number
}

/**
 * A map which drops what was not read for long: a queue in which whatever was read since it came to the front goes to
 * the end once more. A hit costs a flag, where a list by last use would have to be relinked in places which are not in
 * the processor's cache.
 */
export class SecondChance<K, E extends Entry> {
  /** In the order of the queue. */
  readonly #entries = new Map<K, E>()
  readonly #bounds: Bounds
  /**
   * The front of the queue. It lives on while the map changes; one begun anew would walk each time over the places of
   * all that was dropped.
   */
  #front: Iterator<[K, E], undefined> = this.#entries.entries()
  #size = 0
  /** Entries deleted since the front moved. */
  #deleted = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  get(key: K): E | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (!entry.used) entry.used = true
    return entry
  }

  /** What is larger than all that may be held is not held. */
  set(key: K, entry: E): void {
    this.delete(key)
    const { max, maxSize } = this.#bounds
    if (entry.size > maxSize) return
    while (this.#entries.size >= max || this.#size + entry.size > maxSize) this.#dropOne()
    this.#entries.set(key, entry)
    this.#size += entry.size
  }

  delete(key: K): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#size -= entry.size
    this.#deleted += 1
    if (this.#deleted > this.#entries.size + MAX_SPARED) this.#begin()
  }

  clear(): void {
    this.#entries.clear()
    this.#size = 0
    this.#begin()
  }

  /** While the front rests, V8 keeps for it every table which the map outgrew or cleared since, with what was in it. */
  #begin(): void {
    this.#front = this.#entries.entries()
    this.#deleted = 0
  }

  #dropOne(): void {
    for (let spared = 0; ;) {
      const { value: front } = this.#front.next()
      this.#deleted = 0
      if (front === undefined) {
        this.#begin()
        continue
      }
      const [key, entry] = front
      if (!entry.used || spared === MAX_SPARED) {
        this.delete(key)
        return
      }
      entry.used = false
      spared += 1
      this.#entries.delete(key)
      this.#entries.set(key, entry)
    }
  }
}
