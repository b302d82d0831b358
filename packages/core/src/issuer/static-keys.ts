import { Refusal } from '../errors.ts'
import type { VerificationKey } from './jwk.ts'
import type { KeySet } from './jwks.ts'
import type { IssuerStatus, KeySnapshot, KeySource } from './key-source.ts'
import type { RevokedKeys } from './revoked.ts'

/** Keys which are part of the configuration: nothing is fetched. */
export class StaticKeys implements KeySource {
  readonly issuer: string
  #set: KeySet

  /** @param revoked what was revoked of this issuer before */
  constructor(issuer: string, set: KeySet, revoked: RevokedKeys) {
    this.issuer = issuer
    this.#set = set
    this.#sift(revoked)
  }

  find(kid: string | undefined, alg: string): readonly VerificationKey[] | Refusal {
    const candidates = this.#set.candidates(kid, alg)
    if (candidates.length > 0) return candidates
    return new Refusal(kid === undefined || this.#set.has(kid) ? 'key_unsuitable' : 'kid_unknown')
  }

  usable(): boolean {
    return true
  }

  suspect(): void {}

  async load(): Promise<Refusal | undefined> {
    return undefined
  }

  status(): IssuerStatus {
    return { issuer: this.issuer, state: 'ready', keys: this.#set.keys.length }
  }

  snapshot(): KeySnapshot | undefined {
    return undefined
  }

  revoke(kid: string, revoked: RevokedKeys): void {
    revoked.add(kid, this.#set.keys)
    this.#sift(revoked)
  }

  #sift(revoked: RevokedKeys): void {
    for (const key of this.#set.keys) key.retired = revoked.has(key)
    this.#set = this.#set.where((key) => !key.retired)
  }

  purge(): void {}

  close(): void {}
}
