import type { VerificationKey } from './jwk.ts'

/** More than any incident needs; the oldest gives way. */
const MAX_REVOKED = 1024

/** Keys which the operator distrusts, by their material or, where the key is not known, by `kid`. */
export class RevokedKeys {
  readonly #materials = new Set<string>()
  /** Names, and whether the key was known when it was revoked: then a new key of this name is another one. */
  readonly #kids = new Map<string, boolean>()

  /** Revokes the keys of this name among `keys`, whatever other names they have there, or else the name. */
  add(kid: string, keys: readonly VerificationKey[]): void {
    const known = keys.filter((key) => key.kid === kid)
    for (const { material } of known) roomFor(material, this.#materials).add(material)
    if (known.length > 0 || !this.#kids.has(kid)) roomFor(kid, this.#kids).set(kid, known.length > 0)
  }

  has({ material, kid }: Pick<VerificationKey, 'material' | 'kid'>): boolean {
    return this.#materials.has(material) || (kid !== undefined && this.#kids.get(kid) === false)
  }
}

/** What is there already needs none: revoking a key twice must not let another one in again. */
function roomFor<C extends Set<string> | Map<string, unknown>>(name: string, names: C): C {
  const [oldest] = names.keys()
  if (names.size >= MAX_REVOKED && !names.has(name) && oldest !== undefined) names.delete(oldest)
  return names
}
