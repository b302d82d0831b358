import type { JSONObject } from '../internal/json.ts'
import { readJWK, type UnusableKey, type VerificationKey } from './jwk.ts'
import type { RevokedKeys } from './revoked.ts'

/** More keys than this are no rotation but a burden: the set is refused. */
const MAX_KEYS = 100
/** Candidates which are tried for one token, where its header leaves several. */
const MAX_CANDIDATES = 4

/** The usable keys of one JWK Set document. */
export class KeySet {
  readonly keys: readonly VerificationKey[]
  /** The reasons of the members which are not used, in the order of the document. */
  readonly unusable: readonly UnusableKey[]
  readonly #byKid: ReadonlyMap<string | undefined, readonly VerificationKey[]>

  constructor(keys: readonly VerificationKey[], unusable: readonly UnusableKey[]) {
    this.keys = keys
    this.unusable = unusable
    this.#byKid = Map.groupBy(keys, (key) => key.kid)
  }

  /** The set of those keys which pass; it may be empty. */
  where(passes: (key: VerificationKey) => boolean): KeySet {
    return this.keys.every(passes) ? this : new KeySet(this.keys.filter(passes), this.unusable)
  }

  /** Whether any key has this `kid`, whatever it serves. */
  has(kid: string): boolean {
    return this.#byKid.has(kid)
  }

  /**
   * The keys which may have made a signature: those of this `kid`, else all, which serve the algorithm. A `kid` is a
   * hint and may occur twice (RFC 7517 §4.5); then each is tried.
   */
  candidates(kid: string | undefined, alg: string): readonly VerificationKey[] {
    const keys = kid === undefined ? this.keys : (this.#byKid.get(kid) ?? [])
    if (keys.length === 1 && (keys[0] as VerificationKey).algorithms.has(alg)) return keys
    return keys.filter((key) => key.algorithms.has(alg)).slice(0, MAX_CANDIDATES)
  }
}

/**
 * Reads a JWK Set. Keys which are already known stay the same objects, and so keep what they verified.
 * `undefined` when the document is no JWK Set, is too large, or has no usable key: it must not replace another.
 *
 * @see [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)
 */
export async function readJWKS(
  document: JSONObject,
  known: readonly VerificationKey[] = [],
  revoked?: RevokedKeys,
): Promise<KeySet | undefined> {
  const set = readKeySet(document, known, revoked)
  if (set === undefined) return undefined
  // One import proves that the document is usable; the rest are imported when a token asks for them.
  for (const key of set.keys) {
    const [alg] = key.algorithms
    // oxlint-disable-next-line no-await-in-loop -- the first success ends it
    if (alg !== undefined && (await key.handle(alg)) !== undefined) return set
  }
  return undefined
}

/** The part of {@link readJWKS} which needs no cryptography. */
export function readKeySet(
  document: JSONObject,
  known: readonly VerificationKey[] = [],
  revoked?: RevokedKeys,
): KeySet | undefined {
  const members = document['keys']
  if (!Array.isArray(members) || members.length > MAX_KEYS) return undefined
  const byIdentity = new Map(known.filter((key) => !key.retired).map((key) => [key.identity, key]))
  const keys = new Map<string, VerificationKey>()
  const unusable: UnusableKey[] = []
  for (const member of members) {
    const key = readJWK(member)
    if (typeof key === 'string') unusable.push(key)
    else if (revoked?.has(key) !== true) keys.set(key.identity, byIdentity.get(key.identity) ?? key)
  }
  return keys.size === 0 ? undefined : new KeySet([...keys.values()], unusable)
}
