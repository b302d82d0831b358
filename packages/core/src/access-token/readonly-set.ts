import { inspection } from '#runtime'

/** Up to so many values a list is searched faster than a set. */
const FEW = 8
/** A list gets a set beside it when one was wanted this often: for most tokens it would not pay. */
const OFTEN = 8

/**
 * A set which nobody can change: `Object.freeze(new Set())` still takes `.add`, also by `Set.prototype.add.call`, and
 * a cached token would carry the addition into other requests.
 */
export class FrozenSet implements ReadonlySet<string> {
  readonly #list: readonly string[]
  #set: ReadonlySet<string> | undefined
  #asked = 0
  readonly #complete: boolean

  /**
   * @param list kept as it is when it is frozen, else copied; a value may occur twice
   * @param complete `false`: there may be more, so nobody can say that a value is *not* held
   */
  constructor(list: readonly string[], complete: boolean = true) {
    this.#list = Object.isFrozen(list) ? list : [...list]
    this.#complete = complete
    Object.freeze(this)
  }

  static {
    if (inspection !== undefined) {
      Object.defineProperty(this.prototype, inspection, {
        value(this: FrozenSet) {
          return new Set(this.#list)
        },
      })
    }
    Object.freeze(this.prototype)
    Object.freeze(this)
  }

  /** Whether a set holds all that there is. One that was made elsewhere is taken as it looks. */
  static isComplete(set: ReadonlySet<string>): boolean {
    return !(#complete in set) || set.#complete
  }

  /** Each value once; kept when that is wanted often. */
  get #values(): ReadonlySet<string> {
    return this.#set ?? ((this.#asked += 1) > OFTEN ? (this.#set = new Set(this.#list)) : new Set(this.#list))
  }

  get size(): number {
    return this.#values.size
  }
  has(value: string): boolean {
    return this.#list.length > FEW && (this.#asked += 1) > OFTEN
      ? this.#values.has(value)
      : this.#list.includes(value)
  }
  forEach(callback: (value: string, key: string, set: ReadonlySet<string>) => void, thisArg?: unknown): void {
    for (const value of this.#values) callback.call(thisArg, value, value, this)
  }
  entries(): SetIterator<[string, string]> {
    return this.#values.entries()
  }
  keys(): SetIterator<string> {
    return this.#values.keys()
  }
  values(): SetIterator<string> {
    return this.#values.values()
  }
  [Symbol.iterator](): SetIterator<string> {
    return this.#values.values()
  }
  union<T>(other: ReadonlySetLike<T>): Set<string | T> {
    return this.#values.union(other)
  }
  intersection<T>(other: ReadonlySetLike<T>): Set<string & T> {
    return this.#values.intersection(other)
  }
  difference<T>(other: ReadonlySetLike<T>): Set<string> {
    return this.#values.difference(other)
  }
  symmetricDifference<T>(other: ReadonlySetLike<T>): Set<string | T> {
    return this.#values.symmetricDifference(other)
  }
  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#values.isSubsetOf(other)
  }
  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#values.isSupersetOf(other)
  }
  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return this.#values.isDisjointFrom(other)
  }
  /** The values in order of first occurrence, so that a token serializes to something readable. */
  toJSON(): string[] {
    return [...this.#values]
  }
}

export const EMPTY_SET: FrozenSet = new FrozenSet([])
