import { supports } from '#crypto'
import type { StandardSchemaV1 } from '@standard-schema/spec'

import type { Authorities } from './access-token/authorities.ts'
import type { AccessToken } from './access-token/access-token.ts'
import type { CacheBounds } from './access-token/cache.ts'
import type { TimeRules } from './access-token/validators.ts'
import { ALGORITHMS, canonicalAlgorithm } from './crypto/algorithms.ts'
import type { AnyAuthorizationError, ErrorCode } from './errors.ts'
import { checkFunctions, check, fail, knownMembers, listOf, seconds } from './internal/check.ts'
import { copyOf } from './internal/copy.ts'
import type { IssuerEvent } from './issuer/events.ts'
import type { KeySnapshot } from './issuer/key-source.ts'
import { allowsInsecure } from './issuer/origin.ts'
import type { IssuerResolver, OneOrMore, TrustedIssuer } from './issuer/trust.ts'
import type { ResourceRequest } from './request.ts'
import { quotedString } from './response/challenge.ts'

// Options which weaken or replace something are symbols: no JSON and no typing accident sets them.

/** The `fetch` with which metadata and keys are read. Addresses are then its own affair, origins remain checked. */
export const customFetch: unique symbol = Symbol('customFetch')
/** `true` allows http for issuers on loopback hosts; a list allows exactly these origins (`http://keycloak:8080`). */
export const allowInsecureRequests: unique symbol = Symbol('allowInsecureRequests')
/** Seconds since the epoch; for tests and recorded tokens. */
export const clock: unique symbol = Symbol('clock')
/** Keeps background work alive after the answer (Lambda extensions, Vercel); found by itself on workerd. */
export const waitUntil: unique symbol = Symbol('waitUntil')

/** Sees a decision; no token data. */
export interface DecisionEvent {
  readonly code: ErrorCode | 'authorized' | 'anonymous'
  /** The issuer of a token that was verified; never what an unverified token says. */
  readonly issuer: string | undefined
  /** Milliseconds which the decision took. */
  readonly ms: number
}

/** Options of {@link createResourceServer}. All are checked at construction; an unknown name throws. */
export interface ResourceServerOptions<Claims = {}> {
  /** The issuers whose tokens are accepted: identifiers, descriptions, or a resolver. */
  issuer: OneOrMore<string | TrustedIssuer> | IssuerResolver
  /** What this API is called in `aud`. There is no default and no way to skip it. */
  audience: OneOrMore<string>
  /**
   * Signature algorithms; by default RS, PS and ES with 256, 384 and 512, and Ed25519 (also as `EdDSA`). ML-DSA-44,
   * -65 and -87 must be named, where the runtime has them.
   */
  algorithms?: OneOrMore<string>
  /** Types the claims. Runs once per token; the registered members stay the verified ones. */
  claims?: StandardSchemaV1<unknown, Claims>
  /** Where scopes, roles, groups and entitlements stand, when not as RFC 9068 writes them. */
  authorities?: Authorities
  /** Seconds: 5 for `exp` (at most 300); `nbf` and `iat` may lie 60 s ahead, or this if it is more. */
  clockTolerance?: number
  /** Seconds `exp` may lie after `iat`: 31 days. */
  maxTokenLifetime?: number
  /** Characters of a token: 16,384, at most 65,536. Node's own limit for all header fields is 16 KiB. */
  maxTokenLength?: number
  /** Seconds a key set serves after its lifetime while the issuer fails: 3600. */
  maxStale?: number
  /** Seconds a key set counts as fresh at most, whatever its `Cache-Control` says: 3600, at most 86,400. */
  maxKeyLifetime?: number
  /** Verified-token cache: 10,000 tokens (at most 8,000,000) and 32 MiB; `false` turns it off. */
  cache?: false | { max?: number; maxSize?: number }
  /** Judged on every request, cached or not. Throws, takes longer than 1 s, or says neither true nor false: 503. */
  revoked?: (token: AccessToken<Claims>) => boolean | Promise<boolean>
  /** Body of a refusal; never its status or headers. */
  refusal?: (
    error: AnyAuthorizationError,
    request: ResourceRequest,
  ) => { contentType: string; body: string } | undefined
  /** Sees every decision (code, issuer, milliseconds), no token data; what it throws is swallowed. */
  onDecision?: (event: DecisionEvent) => void
  /** Sees what happens to the keys of the issuers; what it throws is swallowed. */
  onIssuerEvent?: (event: IssuerEvent) => void
  /** Keys which another instance had ({@link ResourceServer.snapshot}), to start with instead of a fetch. */
  keys?: readonly KeySnapshot[]
  /** The `realm` of challenges; by default the first audience. */
  realm?: string
  [customFetch]?: typeof fetch
  [allowInsecureRequests]?: true | readonly string[]
  [clock]?: () => number
  [waitUntil]?: (work: Promise<unknown>) => void
}

/** Options in the form which the request path reads. */
export interface ResolvedOptions {
  readonly issuer: readonly TrustedIssuer[] | IssuerResolver
  readonly audience: ReadonlySet<string>
  readonly algorithms: ReadonlySet<string>
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined
  readonly authorities: Authorities | undefined
  readonly times: TimeRules
  readonly maxTokenLength: number
  readonly maxStale: number
  readonly maxKeyLifetime: number
  readonly cache: CacheBounds | undefined
  readonly revoked: ((token: AccessToken<never>) => boolean | Promise<boolean>) | undefined
  readonly refusal: ResourceServerOptions['refusal']
  readonly onDecision: ResourceServerOptions['onDecision']
  readonly onIssuerEvent: ResourceServerOptions['onIssuerEvent']
  readonly keys: readonly KeySnapshot[]
  /** A quoted-string. */
  readonly realm: string
  readonly fetch: typeof fetch
  readonly ownsNetwork: boolean
  readonly insecure: true | ReadonlySet<string> | undefined
  readonly clock: () => number
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
}

const NAMES = [
  'issuer',
  'audience',
  'algorithms',
  'claims',
  'authorities',
  'clockTolerance',
  'maxTokenLifetime',
  'maxTokenLength',
  'maxStale',
  'maxKeyLifetime',
  'cache',
  'revoked',
  'refusal',
  'onDecision',
  'onIssuerEvent',
  'keys',
  'realm',
  customFetch,
  allowInsecureRequests,
  clock,
  waitUntil,
] as const satisfies readonly (keyof ResourceServerOptions)[]

/** Seconds by which the clocks of issuers are allowed to be ahead. */
const AHEAD = 60

/** Checks every option and copies what it says: later changes to the object have no effect. */
export function resolveOptions(options: ResourceServerOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) fail('options', 'must be an object')
  knownMembers('options', options, NAMES)
  const { authorities, claims, cache, keys } = options
  const audience = readAudience('audience', options.audience)
  if (claims !== undefined) {
    const standard = (claims as Partial<StandardSchemaV1> | null)?.['~standard']
    check(typeof standard?.validate === 'function', 'claims', 'must be a Standard Schema')
  }
  checkFunctions(options, [
    'revoked',
    'refusal',
    'onDecision',
    'onIssuerEvent',
    customFetch,
    clock,
    waitUntil,
  ])
  const clockTolerance = seconds('clockTolerance', options.clockTolerance, 5, { max: 300 })
  const insecure = readInsecure(options[allowInsecureRequests])
  const injected = options[customFetch]
  return {
    issuer: readIssuers(options.issuer),
    audience,
    algorithms: readAlgorithms('algorithms', options.algorithms) ?? DEFAULT_ALGORITHMS,
    schema: claims,
    authorities: readAuthorities('authorities', authorities),
    times: {
      clockTolerance,
      aheadTolerance: Math.max(AHEAD, clockTolerance),
      maxTokenLifetime: seconds('maxTokenLifetime', options.maxTokenLifetime, 31 * 86_400, { min: 1 }),
    },
    maxTokenLength: count('maxTokenLength', options.maxTokenLength, 16_384, { min: 256, max: 65_536 }),
    maxStale: seconds('maxStale', options.maxStale, 3600, {}),
    maxKeyLifetime: seconds('maxKeyLifetime', options.maxKeyLifetime, 3600, { min: 60, max: 86_400 }),
    cache: readCache(cache),
    revoked: options.revoked,
    refusal: options.refusal,
    onDecision: options.onDecision,
    onIssuerEvent: options.onIssuerEvent,
    keys: keys === undefined ? [] : readSnapshots(keys),
    realm: readRealm(options.realm, audience),
    // Looked up per call, so that whoever replaces the global later (a test, a tracer) is heard.
    fetch: injected ?? ((input, init) => globalThis.fetch(input, init)),
    ownsNetwork: injected === undefined,
    insecure,
    clock: options[clock] ?? (() => Date.now() / 1000),
    waitUntil: options[waitUntil],
  }
}

/** RFC 9068 §2.1 wants RS256 understood; the rest are the asymmetric algorithms every runtime has. */
export const DEFAULT_ALGORITHMS: ReadonlySet<string> = new Set(
  [...ALGORITHMS].filter(([, { optIn }]) => optIn !== true).map(([name]) => name),
)

export function readAudience(name: string, value: unknown): ReadonlySet<string> {
  const audience = listOf(name, value)
  return new Set(audience)
}

export function readRealm(realm: unknown, audience: ReadonlySet<string>): string {
  const value = realm ?? [...audience][0]
  check(typeof value === 'string' && value !== '', 'realm', 'must be a string which is not empty')
  try {
    return quotedString(value as string)
  } catch (error) {
    return fail(
      'realm',
      `${(error as Error).message}${realm === undefined ? '; set it beside such an audience' : ''}`,
    )
  }
}

export function readAlgorithms(name: string, value: unknown): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined
  const names = listOf(name, value)
  const algorithms = new Set<string>()
  const given = new Set<string>()
  for (const alg of names) {
    const canonical = canonicalAlgorithm(alg)
    check(
      ALGORITHMS.has(canonical),
      name,
      `must not contain '${printable(alg)}': not an asymmetric signature algorithm known here`,
    )
    check(!given.has(alg), name, `must not contain '${printable(alg)}' twice`)
    check(supports(canonical), name, `must not contain '${printable(alg)}': this runtime cannot verify it`)
    given.add(alg)
    algorithms.add(canonical)
  }
  return algorithms
}

export function readAuthorities(name: string, value: unknown): Authorities | undefined {
  if (value === undefined) return undefined
  check(typeof value === 'object' && value !== null, name, 'must be an object of functions')
  knownMembers(name, value as object, ['scopes', 'roles', 'groups', 'entitlements'])
  for (const [authority, map] of Object.entries(value as object)) {
    check(map === undefined || typeof map === 'function', `${name}.${authority}`, 'must be a function')
  }
  return { ...(value as Authorities) }
}

function readIssuers(value: unknown): readonly TrustedIssuer[] | IssuerResolver {
  if (typeof value === 'function') return value as IssuerResolver
  const list: unknown[] = Array.isArray(value) ? value : [value]
  check(list.length > 0, 'issuer', 'must not be empty')
  // Copied, because with() reads it again.
  return list.map((entry) => (typeof entry === 'string' ? { issuer: entry } : copyOf(entry as TrustedIssuer)))
}

function readCache(value: unknown): CacheBounds | undefined {
  if (value === false) return undefined
  check(
    value === undefined || (typeof value === 'object' && value !== null),
    'cache',
    'must be false or an object',
  )
  const { max, maxSize } = (value ?? {}) as { max?: unknown; maxSize?: unknown }
  if (value !== undefined) knownMembers('cache', value as object, ['max', 'maxSize'])
  return {
    // Below 2^23: V8's Map throws beyond 2^24 places, half of which must be dead for it to use them anew.
    max: count('cache.max', max, 10_000, { min: 1, max: 8_000_000 }),
    maxSize: count('cache.maxSize', maxSize, 32 * 1024 * 1024, { min: 1, max: 2 ** 40 }),
  }
}

export function readInsecure(value: unknown): true | ReadonlySet<string> | undefined {
  if (value === undefined) return undefined
  if (value === true) return true
  const origins = listOf('allowInsecureRequests', value)
  for (const origin of origins) {
    check(
      URL.parse(origin)?.origin === origin && origin.startsWith('http://'),
      'allowInsecureRequests',
      `must be true or a list of origins such as 'http://keycloak:8080'`,
    )
  }
  return new Set(origins)
}

function readSnapshots(value: unknown): readonly KeySnapshot[] {
  check(Array.isArray(value), 'keys', 'must be what snapshot() returned')
  for (const snapshot of value as Partial<KeySnapshot>[]) {
    check(
      typeof snapshot === 'object' &&
        snapshot !== null &&
        typeof snapshot.issuer === 'string' &&
        Array.isArray(snapshot.jwks?.keys) &&
        Number.isFinite(snapshot.fetchedAt) &&
        Number.isFinite(snapshot.freshUntil),
      'keys',
      'must be what snapshot() returned',
    )
  }
  return structuredClone(value) as readonly KeySnapshot[]
}

/**
 * An issuer identifier: an https URL without query and fragment (RFC 8414 §2), compared as text ever after.
 *
 * @see [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)
 */
export function readIssuerIdentifier(
  name: string,
  value: unknown,
  insecure: true | ReadonlySet<string> | undefined,
): string {
  check(
    typeof value === 'string' && value !== '',
    name,
    'must be an issuer identifier, which is an https URL',
  )
  const issuer = value as string
  const url = URL.parse(issuer)
  check(url !== null && /^https?:\/\//.test(issuer), name, 'must be an https URL')
  const { protocol, username, password } = url as URL
  check(username === '' && password === '', name, 'must not contain user information')
  check(!/[?#\\\s]/.test(issuer), name, 'must have neither query nor fragment')
  check(issuer.length <= 512, name, 'must not be longer than 512 characters')
  if (protocol === 'http:') {
    check(
      allowsInsecure(insecure, url as URL),
      name,
      'must be an https URL; http is only for origins named in [allowInsecureRequests]',
    )
  }
  return issuer
}

export function count(
  name: string,
  value: unknown,
  standard: number,
  { min, max }: { min: number; max: number },
): number {
  if (value === undefined) return standard
  check(
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    name,
    `must be an integer from ${min} to ${max}`,
  )
  return value as number
}

function printable(text: string): string {
  return text.slice(0, 40).replaceAll(/[^\x20-\x7E]/g, '?')
}
