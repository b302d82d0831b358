import type { Refusal } from '../errors.ts'
import type { JSONObject } from '../internal/json.ts'
import type { KeyFailure } from './events.ts'
import type { VerificationKey } from './jwk.ts'
import type { RevokedKeys } from './revoked.ts'

/**
 * The seam between verification and keys. What is found are candidates to try in order; a refusal says why there are
 * none: the token's fault, or nobody's.
 */
export interface KeySource {
  readonly issuer: string
  /**
   * @param plausible judges everything about the token that needs no key; only a token which passes may cause a fetch
   */
  find(
    kid: string | undefined,
    alg: string,
    now: number,
    plausible: () => Refusal | undefined,
  ): readonly VerificationKey[] | Refusal | Promise<readonly VerificationKey[] | Refusal>
  /** Whether what a key verified may still be served without asking `find`; starts a refresh when one is due. */
  usable(now: number): boolean
  /** Reports a plausible token whose signature failed under a known key: the issuer may have new keys under old names. */
  suspect(now: number): void
  /** Loads the keys unless they are fresh. The refusal says why they are not usable afterwards. */
  load(now: number): Promise<Refusal | undefined>
  status(now: number): IssuerStatus
  /** The keys as they are known; `undefined` where they are configured, or none are known. */
  snapshot(): KeySnapshot | undefined
  /** Drops the keys of this `kid` for good, and from now on all that `revoked` has. */
  revoke(kid: string, revoked: RevokedKeys): void
  /** Forgets everything that was fetched. */
  purge(): void
  /** Starts nothing any more and ends what is under way. */
  close(): void
}

/** The state of one issuer's keys, for a readiness route. Times are seconds since the epoch. */
export interface IssuerStatus {
  readonly issuer: string
  /** `ready`: fresh; `stale`: past its lifetime and not refreshed yet; `unavailable`: no usable keys after a try. */
  readonly state: 'ready' | 'stale' | 'unavailable' | 'never_loaded'
  /** The number of usable keys. */
  readonly keys: number
  readonly fetchedAt?: number
  /** When the next attempt is made at the earliest; present while attempts fail. */
  readonly nextTryAt?: number
  /** Why the last attempt failed; present while attempts fail. */
  readonly failure?: KeyFailure
}

/** The public keys of one issuer as they were known, to start another instance with. JSON. */
export interface KeySnapshot {
  readonly issuer: string
  readonly jwks: { readonly keys: readonly JSONObject[] }
  readonly jwks_uri?: string
  /** Seconds since the epoch. */
  readonly fetchedAt: number
  /** Seconds since the epoch. */
  readonly freshUntil: number
}
