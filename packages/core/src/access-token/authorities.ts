import { isObject, type JSONObject } from '../internal/json.ts'
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

/** The values of one authority, and whether they are all that the token says. */
export interface AuthorityValues {
  readonly values: FrozenSet
  /** `false`: something was there that could not be read, so nobody can say that a value is *not* held. */
  readonly complete: boolean
}

const NONE: AuthorityValues = Object.freeze({ values: EMPTY_SET, complete: true })
const UNREADABLE: AuthorityValues = Object.freeze({ values: EMPTY_SET, complete: false })

/** Reads one authority by the issuer's mapping, else as RFC 9068 §2.2.3 writes it, within the issuer's allow-list. */
export function readAuthority(
  authority: Authority,
  claims: JSONObject,
  mapping: Authorities | undefined,
  allow: ReadonlySet<string> | undefined,
): AuthorityValues {
  const map = mapping?.[authority]
  const read = map !== undefined ? fromMapping(authority, map(claims)) : standard(authority, claims)
  if (allow === undefined || read.values.size === 0) return read
  const allowed = [...read.values].filter((value) => allow.has(value))
  if (allowed.length === read.values.size) return read
  // A value which this issuer may not give is not held; neither is it known to be absent, for `not(…)`.
  return { values: new FrozenSet(allowed), complete: false }
}

function fromMapping(authority: Authority, mapped: Iterable<string> | undefined): AuthorityValues {
  if (mapped === undefined) return UNREADABLE
  dismiss(mapped)
  // A string is iterable, letter by letter: certainly not what was meant.
  if (typeof mapped === 'string' || typeof mapped?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`Cannot read authorities.${authority}: the mapping returned no list of strings`)
  }
  return collect(mapped, (value) => value)
}

function standard(authority: Authority, claims: JSONObject): AuthorityValues {
  if (authority === 'scopes') return scopes(claims['scope'])
  const claim = claims[authority]
  const names = claims['_claim_names']
  // OpenID Connect Core §5.6.2: the claim is elsewhere ("overage"), so this token does not say.
  if (names !== undefined && (!isObject(names) || names[authority] !== undefined)) {
    const read = claim === undefined ? UNREADABLE : list(claim)
    return read.complete ? { values: read.values, complete: false } : read
  }
  return claim === undefined ? NONE : list(claim)
}

/** RFC 8693 §4.2: one string, separated by spaces. */
function scopes(claim: unknown): AuthorityValues {
  if (claim === undefined || claim === '') return NONE
  if (typeof claim !== 'string') return UNREADABLE
  if (SCOPE_TOKENS.test(claim))
    return { values: new FrozenSet(Object.freeze(claim.split(' '))), complete: true }
  const words = claim.split(' ').filter((word) => word !== '')
  return collect(words, (word) => (SCOPE_TOKEN.test(word) ? word : undefined))
}

/**
 * RFC 7643 §4.1.2: a list of complex values, matched by `value` alone (`display` may be changed by whoever may rename
 * a group); in the wild also of plain strings.
 */
function list(claim: unknown): AuthorityValues {
  if (!Array.isArray(claim)) return UNREADABLE
  if (claim.length > 0 && claim.every((element) => typeof element === 'string' && element !== ''))
    return { values: new FrozenSet(claim as readonly string[]), complete: true }
  return collect(claim, (element) => (isObject(element) ? element['value'] : element))
}

function collect<T>(elements: Iterable<T>, valueOf: (element: T) => unknown): AuthorityValues {
  const values: string[] = []
  let complete = true
  for (const element of elements) {
    const value = valueOf(element)
    if (typeof value === 'string' && value !== '') values.push(value)
    else complete = false
  }
  return values.length === 0 && complete ? NONE : { values: new FrozenSet(Object.freeze(values)), complete }
}
