import { isObject, isText, type JSONObject } from '../internal/json.ts'
import { dismiss } from '../internal/promise.ts'
import { SCOPE_TOKEN, SCOPE_TOKENS } from '../response/challenge.ts'
import { EMPTY_SET, FrozenSet } from './readonly-set.ts'

/** What a token may say its bearer holds, RFC 9068 §2.2.3. */
export type Authority = 'scopes' | 'roles' | 'groups' | 'entitlements'
export const AUTHORITIES: readonly Authority[] = ['scopes', 'roles', 'groups', 'entitlements']

/**
 * How an issuer writes its authorities, where it does not write them as RFC 9068 does. Each function gets the
 * verified claims and returns the values; `undefined` says "not readable": the policies over it are undecided, never
 * granted.
 */
export type Authorities = Partial<
  Record<Authority, (claims: Readonly<Record<string, unknown>>) => Iterable<string> | undefined>
>

const UNREADABLE = new FrozenSet([], false)

/** Reads one authority by the issuer's mapping, else as RFC 9068 §2.2.3 writes it, within the issuer's allow-list. */
export function readAuthority(
  authority: Authority,
  claims: JSONObject,
  mapping: Authorities | undefined,
  allow: ReadonlySet<string> | undefined,
): FrozenSet {
  const map = mapping?.[authority]
  const read = map !== undefined ? fromMapping(authority, map(claims)) : standard(authority, claims)
  if (allow === undefined) return read
  const values = [...read]
  const allowed = values.filter((value) => allow.has(value))
  // A value which this issuer may not give is not held; neither is it known to be absent, for `not(…)`.
  return allowed.length === values.length ? read : new FrozenSet(allowed, false)
}

function fromMapping(authority: Authority, mapped: Iterable<string> | undefined): FrozenSet {
  if (mapped === undefined) return UNREADABLE
  dismiss(mapped)
  // A string is iterable, letter by letter: certainly not what was meant.
  if (typeof mapped === 'string' || typeof mapped?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`Cannot read authorities.${authority}: the mapping must return a list of strings`)
  }
  return collect(mapped, (value) => value)
}

function standard(authority: Authority, claims: JSONObject): FrozenSet {
  if (authority === 'scopes') return scopes(claims['scope'])
  const claim = claims[authority]
  const names = claims['_claim_names']
  // OpenID Connect Core §5.6.2: the claim is elsewhere ("overage"), so this token does not say.
  if (names !== undefined && (!isObject(names) || names[authority] !== undefined))
    return claim === undefined ? UNREADABLE : new FrozenSet([...list(claim)], false)
  return claim === undefined ? EMPTY_SET : list(claim)
}

/** RFC 8693 §4.2: one string, separated by spaces. */
function scopes(claim: unknown): FrozenSet {
  if (claim === undefined || claim === '') return EMPTY_SET
  if (typeof claim !== 'string') return UNREADABLE
  if (SCOPE_TOKENS.test(claim)) return new FrozenSet(Object.freeze(claim.split(' ')))
  const words = claim.split(' ').filter((word) => word !== '')
  return collect(words, (word) => (SCOPE_TOKEN.test(word) ? word : undefined))
}

/**
 * RFC 7643 §4.1.2: a list of complex values, matched by `value` alone (`display` may be changed by whoever may rename
 * a group); in the wild also of plain strings.
 */
function list(claim: unknown): FrozenSet {
  if (!Array.isArray(claim)) return UNREADABLE
  // The claim itself, which is frozen.
  if (claim.every(isText)) return new FrozenSet(claim)
  return collect(claim, (element) => (isObject(element) ? element['value'] : element))
}

function collect<T>(elements: Iterable<T>, valueOf: (element: T) => unknown): FrozenSet {
  const values = [...elements].map(valueOf)
  const texts = values.filter(isText)
  return new FrozenSet(Object.freeze(texts), texts.length === values.length)
}
