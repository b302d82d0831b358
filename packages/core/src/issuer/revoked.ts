import { BoundedMap } from '../internal/bounded-map.ts'
import type { VerificationKey } from './jwk.ts'

/** More than any incident needs; the oldest which no set has named since gives way. */
const MAX_REVOKED = 1024

/** Keys which the operator distrusts, by their material or, where the key is not known, by `kid`. */
export class RevokedKeys {
  readonly #materials = new BoundedMap<string, true>({ max: MAX_REVOKED })
  /** Names, and whether the key was known when it was revoked: then a new key of this name is another one. */
  readonly #kids = new BoundedMap<string, boolean>({ max: MAX_REVOKED })

  /** Revokes the keys of this name among `keys`, whatever other names they have there, or else the name. */
  add(kid: string, keys: readonly VerificationKey[]): void {
    const known = keys.filter((key) => key.kid === kid)
    for (const { material } of known) this.#materials.set(material, true)
    if (known.length > 0 || !this.#kids.has(kid)) this.#kids.set(kid, known.length > 0)
  }

  has({ material, kid }: Pick<VerificationKey, 'material' | 'kid'>): boolean {
    return this.#materials.get(material) === true || (kid !== undefined && this.#kids.get(kid) === false)
  }
}
