import type { VerificationKey } from './jwk.ts'

/** More than any incident needs; the oldest gives way. */
const MAX_REVOKED = 1024

/** Keys which the operator distrusts, by identity or, where the key is not known, by `kid`. */
export class RevokedKeys {
  readonly #names = new Set<string>()

  add(names: readonly string[]): void {
    for (const name of names) {
      if (this.#names.has(name)) continue
      const [oldest] = this.#names
      if (this.#names.size >= MAX_REVOKED && oldest !== undefined) this.#names.delete(oldest)
      this.#names.add(name)
    }
  }

  has(key: VerificationKey): boolean {
    // An identity is a JSON array, which no operator writes as a `kid`.
    return this.#names.has(key.identity) || (key.kid !== undefined && this.#names.has(key.kid))
  }
}
