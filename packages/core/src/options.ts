import { supports } from '#crypto'
import type { StandardSchemaV1 } from '@standard-schema/spec'

import { AUTHORITIES, type Authorities } from './access-token/authorities.ts'
import type { AccessToken } from './access-token/access-token.ts'
import type { CacheBounds } from './access-token/cache.ts'
import type { TimeRules } from './access-token/validators.ts'
import { ALGORITHMS, canonicalAlgorithm } from './crypto/algorithms.ts'
import type { AnyAuthorizationError, ErrorCode } from './errors.ts'
import {
  check,
  count,
  fail,
  ifGiven,
  knownMembers,
  listOf,
  readFunction,
  readMembers,
  type Reader,
  seconds,
} from './internal/check.ts'
import { isText } from './internal/json.ts'
import type { IssuerEvent } from './issuer/events.ts'
import type { KeySnapshot } from './issuer/key-source.ts'
import { type InsecureOrigins, readURL } from './issuer/origin.ts'
import type { IssuerResolver, OneOrMore, TrustedIssuer } from './issuer/trust.ts'
import type { ResourceRequest } from './request.ts'
import { PRINTABLE, quotedString } from './response/challenge.ts'

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
  /**
   * Verified-token cache: 10,000 tokens (`max`, at most 8,000,000) and 32 MiB (`maxSize`), or as much more as `max` is
   * more; `false` turns it off.
   */
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
  readonly insecure: InsecureOrigins
  readonly clock: () => number
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
}

/** Every option by its reader; what has none is no option. */
const READERS = {
  issuer: readIssuers,
  audience: readAudience,
  algorithms: (name, value) => readAlgorithms(name, value) ?? DEFAULT_ALGORITHMS,
  claims: ifGiven(
    (value) => typeof (value as Partial<StandardSchemaV1> | null)?.['~standard']?.validate === 'function',
    'must be a Standard Schema',
  ) as Reader<ResolvedOptions['schema']>,
  authorities: readAuthorities,
  clockTolerance: (name, value) => seconds(name, value, 5, { max: 300 }),
  maxTokenLifetime: (name, value) => seconds(name, value, 31 * 86_400, { min: 1 }),
  maxTokenLength: (name, value) => count(name, value, 16_384, { min: 256, max: 65_536 }),
  maxStale: (name, value) => seconds(name, value, 3600),
  maxKeyLifetime: (name, value) => seconds(name, value, 3600, { min: 60, max: 86_400 }),
  cache: readCache,
  revoked: readFunction as Reader<ResolvedOptions['revoked']>,
  refusal: readFunction as Reader<ResolvedOptions['refusal']>,
  onDecision: readFunction as Reader<ResolvedOptions['onDecision']>,
  onIssuerEvent: readFunction as Reader<ResolvedOptions['onIssuerEvent']>,
  keys: readSnapshots,
  realm: (_name, value) => value,
  [customFetch]: readFunction as Reader<typeof fetch | undefined>,
  [allowInsecureRequests]: (_name, value) => readInsecure(value),
  [clock]: readFunction as Reader<(() => number) | undefined>,
  [waitUntil]: readFunction as Reader<ResolvedOptions['waitUntil']>,
} satisfies Record<keyof ResourceServerOptions, Reader>

/** Seconds by which the clocks of issuers are allowed to be ahead. */
const AHEAD = 60

/** Checks every option and copies what it says: later changes to the object have no effect. */
export function resolveOptions(options: ResourceServerOptions): ResolvedOptions {
  const read = readMembers('options', options, READERS, '')
  const { audience, clockTolerance, maxTokenLifetime, [customFetch]: injected } = read
  return {
    ...read,
    schema: read.claims,
    times: { clockTolerance, aheadTolerance: Math.max(AHEAD, clockTolerance), maxTokenLifetime },
    realm: readRealm(read.realm, audience),
    // Looked up per call, so that whoever replaces the global later (a test, a tracer) is heard.
    fetch: injected ?? ((input, init) => globalThis.fetch(input, init)),
    ownsNetwork: injected === undefined,
    insecure: read[allowInsecureRequests],
    clock: read[clock] ?? (() => Date.now() / 1000),
    waitUntil: read[waitUntil],
  }
}

export { count }

/** RFC 9068 §2.1 wants RS256 understood; the rest are the asymmetric algorithms every runtime has. */
export const DEFAULT_ALGORITHMS: ReadonlySet<string> = new Set(
  [...ALGORITHMS].filter(([, { optIn }]) => optIn !== true).map(([name]) => name),
)

export function readAudience(name: string, value: unknown): ReadonlySet<string> {
  return new Set(listOf(name, value))
}

export function readRealm(realm: unknown, audience: ReadonlySet<string>): string {
  const value = realm === undefined ? [...audience][0] : realm
  check(
    typeof value === 'string' && PRINTABLE.test(value),
    'realm, or else the first audience,',
    'must consist of printable ASCII characters',
  )
  return quotedString(value as string)
}

export function readAlgorithms(name: string, value: unknown): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined
  const names = listOf(name, value)
  const algorithms = names.map(canonicalAlgorithm)
  if (algorithms.every((alg) => ALGORITHMS.has(alg) && supports(alg)) && new Set(names).size === names.length)
    return new Set(algorithms)
  return fail(name, `must be among ${[...ALGORITHMS.keys()].filter(supports).join(', ')}, none twice`)
}

export function readAuthorities(name: string, value: unknown): Authorities | undefined {
  if (value === undefined) return undefined
  knownMembers(name, value, AUTHORITIES)
  const authorities: Authorities = { ...value }
  for (const authority of AUTHORITIES) readFunction(`${name}.${authority}`, authorities[authority])
  return authorities
}

function readIssuers(name: string, value: unknown): ResolvedOptions['issuer'] {
  if (typeof value === 'function') return value as IssuerResolver
  const list: readonly unknown[] = Array.isArray(value) ? [...value] : [value]
  check(list.length > 0, name, 'must not be empty')
  return list.map((entry) => (typeof entry === 'object' ? entry : { issuer: entry }) as TrustedIssuer)
}

const MAX_TOKENS = 10_000
const MAX_SIZE = 32 * 1024 * 1024

function readCache(name: string, value: unknown = {}): CacheBounds | undefined {
  if (value === false) return undefined
  const { max, maxSize } = readMembers(name, value, {
    // Below 2^23: V8's Map throws beyond 2^24 places, half of which must be dead for it to use them anew.
    max: (member, given) => count(member, given, MAX_TOKENS, { min: 1, max: 8_000_000 }),
    maxSize: (member, given) => count(member, given, 0, { min: 1, max: 2 ** 40 }),
  })
  // For more tokens as much more: who asks for them is not to get fewer because of the other bound.
  return { max, maxSize: maxSize || MAX_SIZE * Math.max(1, max / MAX_TOKENS) }
}

export function readInsecure(value: unknown): InsecureOrigins {
  if (value === undefined || value === true) return value
  const origins = listOf('allowInsecureRequests', value)
  check(
    origins.every((origin) => URL.parse(origin)?.origin === origin && origin.startsWith('http://')),
    'allowInsecureRequests',
    `must be true or a list of origins such as 'http://keycloak:8080'`,
  )
  return new Set(origins)
}

function readSnapshots(name: string, value: unknown = []): readonly KeySnapshot[] {
  check(
    Array.isArray(value) &&
      value.every(
        (snapshot: Partial<KeySnapshot> | null) =>
          isText(snapshot?.issuer) &&
          Array.isArray(snapshot.jwks?.keys) &&
          Number.isFinite(snapshot.fetchedAt) &&
          Number.isFinite(snapshot.freshUntil),
      ),
    name,
    'must be what snapshot() returned',
  )
  return structuredClone(value) as readonly KeySnapshot[]
}

/**
 * An issuer identifier: an https URL without query and fragment (RFC 8414 §2), compared as text ever after.
 *
 * @see [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)
 */
export function readIssuerIdentifier(name: string, value: unknown, insecure: InsecureOrigins): string {
  check(
    isText(value) &&
      value.length <= 512 &&
      /^https?:\/\/[^?#\\\s]+$/.test(value) &&
      readURL(value, insecure) !== undefined,
    name,
    'must be an https URL without credentials, query and fragment; http only at origins in [allowInsecureRequests]',
  )
  return value as string
}
