import { Refusal } from '../errors.ts'
import type { VerificationKey } from './jwk.ts'
import type { KeySet } from './jwks.ts'
import type { IssuerStatus, KeySnapshot, KeySource } from './key-source.ts'
import { RevokedKeys } from './revoked.ts'

/** Keys which are part of the configuration: nothing is fetched. */
export class StaticKeys implements KeySource {
  readonly issuer: string
  #set: KeySet

  constructor(issuer: string, set: KeySet) {
    this.issuer = issuer
    this.#set = set
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

  revoke(kid: string): void {
    const revoked = new RevokedKeys()
    revoked.add(kid, this.#set.keys)
    for (const key of this.#set.keys) if (revoked.has(key)) key.retired = true
    this.#set = this.#set.where((key) => !key.retired)
  }

  purge(): void {}

  close(): void {}
}
