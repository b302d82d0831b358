import { AUTHORITIES } from '../access-token/authorities.ts'
import { ACCESS_TOKEN_TYPE, OTHER_TYPES } from '../access-token/header.ts'
import { canonicalType, type Header } from '../jws/header.ts'
import { Refusal } from '../errors.ts'
import { BoundedMap } from '../internal/bounded-map.ts'
import { check, fail, ifGiven, readMembers, type Reader } from '../internal/check.ts'
import { isText, parseJSONObject } from '../internal/json.ts'
import {
  readAlgorithms,
  readAudience,
  readAuthorities,
  readIssuerIdentifier,
  type ResolvedOptions,
} from '../options.ts'
import type { ResourceRequest } from '../request.ts'
import { withDeadline } from '../internal/deadline.ts'
import { isDeepFrozen } from '../internal/frozen.ts'
import { readKeySet } from './jwks.ts'
import type { KeySnapshot, KeySource } from './key-source.ts'
import { IssuerKeys } from './keys.ts'
import { RevokedKeys } from './revoked.ts'
import { StaticKeys } from './static-keys.ts'
import { OriginRule } from './origin.ts'
import type { Deviations, IssuerResolver, Trust, TrustedIssuer } from './trust.ts'

/** Issuers of a resolver whose state is kept at a time. */
const MAX_RESOLVED = 2048
/** Seconds a resolver may take. */
const RESOLVER_DEADLINE = 5

/** What says where the keys of an issuer are. */
interface Place {
  readonly issuer: string
  readonly jwks?: TrustedIssuer['jwks'] | undefined
  readonly metadata?: URL | undefined
  readonly jwksOrigins?: readonly string[] | undefined
}

/**
 * What is trusted of the issuers of a resource server, and of all which were derived from it, with their keys: one
 * state per issuer and place.
 */
export class KeyRegistry {
  /** What is trusted of the issuers which are configured. */
  readonly trusted: readonly Trust[]
  readonly #options: ResolvedOptions
  /** What another instance knew; each is planted once, since what is fetched afterwards is newer. */
  readonly #seeds: Map<string, readonly KeySnapshot[]>
  #closed = false
  /** By issuer; what its states have in common, and keep when another takes the place of one. */
  readonly #revoked = new BoundedMap<string, RevokedKeys>({ max: MAX_RESOLVED })
  readonly #resolved = new BoundedMap<string, KeySource>({
    max: MAX_RESOLVED,
    dropped: (keys) => {
      // What they verified must not outlive the state which watches over it.
      keys.purge()
      keys.close()
    },
  })

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#seeds = Map.groupBy(options.keys, (seed) => seed.issuer)
    this.trusted =
      typeof options.issuer === 'function' ? [] : options.issuer.map((issuer) => this.trust(issuer, false))
    const names = new Set(this.trusted.map(({ issuer }) => issuer))
    check(names.size === this.trusted.length, 'issuer', 'must not be named twice')
  }

  /** @param resolved whether a resolver named it */
  trust(given: TrustedIssuer, resolved: boolean): Trust {
    const { insecure, algorithms, authorities, audience } = this.#options
    const read = readMembers('issuer', given, {
      issuer: (_name, value) => readIssuerIdentifier('issuer', value, insecure),
      ...MEMBERS,
    })
    check(
      read.jwks === undefined || read.metadata === undefined,
      'issuer.metadata',
      'must not stand beside jwks',
    )
    return {
      issuer: read.issuer,
      audience: read.audience ?? audience,
      algorithms: read.algorithms ?? algorithms,
      authorities: read.authorities === undefined ? authorities : { ...authorities, ...read.authorities },
      allow: read.allow,
      deviations: read.deviations,
      keys: resolved ? this.keysOf(read) : this.#make(read, false),
    }
  }

  /** The keys of an issuer which a resolver named. */
  keysOf(place: Place): KeySource {
    const id = JSON.stringify([place.issuer, place.jwks, place.metadata, place.jwksOrigins])
    let keys = this.#resolved.get(id)
    if (keys === undefined) {
      keys = this.#make(place, true)
      if (this.#closed) keys.close()
      this.#resolved.set(id, keys)
    }
    return keys
  }

  #make({ issuer, jwks, metadata, jwksOrigins }: Place, resolved: boolean): KeySource {
    const revoked = this.#revokedOf(issuer)
    if (jwks !== undefined && !(jwks instanceof URL)) {
      // Through the strict reader like a fetched set; a copy, so that later changes have no effect.
      const set = readKeySet(parseJSONObject(JSON.stringify(jwks)) ?? {})
      if (set === undefined) fail('issuer.jwks', 'must be a JWK Set with a usable key')
      return new StaticKeys(issuer, set, revoked)
    }
    const origins = new OriginRule(
      this.#options.insecure,
      jwksOrigins !== undefined || resolved
        ? new Set([new URL(issuer).origin, ...(jwksOrigins ?? [])])
        : undefined,
      resolved,
    )
    for (const [name, url] of Object.entries({ jwks, metadata })) {
      check(
        url === undefined || origins.allows(url.href),
        `issuer.${name}`,
        'must be an https URL at an allowed origin; http only at origins in [allowInsecureRequests]',
      )
    }
    const seeds = this.#seeds.get(issuer)
    this.#seeds.delete(issuer)
    return new IssuerKeys(
      { issuer, metadata: metadata?.href, jwksUri: jwks?.href, origins },
      this.#options,
      revoked,
      seeds,
    )
  }

  #revokedOf(issuer: string): RevokedKeys {
    return this.#revoked.get(issuer) ?? new RevokedKeys()
  }

  /** Distrusts a key; also for states which are made later, as those of a resolver's issuers are. */
  revoke(issuer: string, kid: string): void {
    const revoked = this.#revokedOf(issuer)
    this.#revoked.set(issuer, revoked)
    for (const keys of this.all(issuer)) keys.revoke(kid, revoked)
    // By its name alone where no state knows it.
    revoked.add(kid, [])
  }

  /** Forgets what was fetched, and the snapshots, of one issuer or of all. */
  purge(issuer?: string): void {
    if (issuer === undefined) this.#seeds.clear()
    else this.#seeds.delete(issuer)
    for (const keys of this.all(issuer)) keys.purge()
  }

  /** Ends all background work, also that of issuers which are met later. */
  close(): void {
    this.#closed = true
    for (const keys of this.all()) keys.close()
  }

  /** Every state there is, or every one of an issuer. */
  all(issuer?: string): readonly KeySource[] {
    return [...this.trusted.map(({ keys }) => keys), ...this.#resolved.values()].filter(
      (keys) => issuer === undefined || keys.issuer === issuer,
    )
  }
}

/** The issuers of one resource server: which there are, and what is trusted of each. */
export class Issuers {
  readonly #registry: KeyRegistry
  readonly #audience: ReadonlySet<string> | undefined
  readonly #resolver: IssuerResolver | undefined
  readonly #trusted: ReadonlyMap<string, Trust>
  readonly #algorithms: ReadonlySet<string>
  readonly #types: ReadonlySet<string | null>
  /** Equal answers of a resolver are one {@link Trust}, so that what was verified under it is found again. */
  readonly #resolved = new BoundedMap<string, Trust>({ max: MAX_RESOLVED })
  readonly #byAnswer = new WeakMap<TrustedIssuer, Trust>()

  /** @param audience replaces every other audience, also that of an issuer: another resource on the same issuers */
  constructor({ issuer }: ResolvedOptions, registry: KeyRegistry, audience?: ReadonlySet<string>) {
    this.#registry = registry
    this.#audience = audience
    this.#resolver = typeof issuer === 'function' ? issuer : undefined
    const trusted = registry.trusted.map((trust) => this.#forHere(trust))
    this.#trusted = new Map(trusted.map((trust) => [trust.issuer, trust]))
    this.#algorithms = new Set(trusted.flatMap(({ algorithms }) => [...algorithms]))
    this.#types = new Set([ACCESS_TOKEN_TYPE, ...trusted.flatMap(({ deviations }) => [...deviations.typ])])
  }

  #forHere(trust: Trust): Trust {
    return { ...trust, audience: this.#audience ?? trust.audience }
  }

  /** Whether a token with this header can be one of any issuer: asked before the payload is even decoded. */
  admits(header: Header): Refusal | undefined {
    // The rules of a resolver's issuer are known when it has answered; until then every algorithm known here stands.
    if (this.#resolver !== undefined) return undefined
    if (!this.#types.has(header.typ)) return new Refusal('type_mismatch')
    return this.#algorithms.has(header.alg) ? undefined : new Refusal('algorithm_not_allowed')
  }

  /** The issuer which an unverified `iss` names, if it is trusted; compared code point by code point. */
  pick(iss: string, request: ResourceRequest | undefined): Trust | Refusal | Promise<Trust | Refusal> {
    if (this.#resolver === undefined) return this.#trusted.get(iss) ?? new Refusal('issuer_not_trusted')
    return this.#resolve(this.#resolver, iss, request)
  }

  async #resolve(
    resolver: IssuerResolver,
    iss: string,
    request: ResourceRequest | undefined,
  ): Promise<Trust | Refusal> {
    try {
      const answer = await withDeadline(RESOLVER_DEADLINE, () => resolver(iss, request))
      if (answer === undefined || answer === null) return new Refusal('issuer_not_trusted')
      const known = this.#byAnswer.get(answer)
      // Asking the registry keeps the state of a busy issuer, and finds that one was dropped.
      if (known?.issuer === iss && known.keys === this.#registry.keysOf(answer)) return known
      const trust = this.#registry.trust(answer, true)
      // An answer about another issuer than the one asked for trusts nothing (RFC 8725 §3.8).
      if (trust.issuer !== iss) return new Refusal('issuer_not_trusted')
      const here = this.#forHere(trust)
      const id = contentOf(here)
      const interned = this.#resolved.get(id) ?? here
      this.#resolved.set(id, interned)
      // What can still be changed is read again the next time.
      if (isDeepFrozen(answer)) this.#byAnswer.set(answer, interned)
      return interned
    } catch (error) {
      return new Refusal('issuer_resolver_failed', { retryAfter: 1, cause: error })
    }
  }
}

const OPTIONAL_CLAIMS: readonly unknown[] = ['sub', 'client_id', 'iat', 'jti']

const MEMBERS = {
  jwks: ifGiven(
    (value) => typeof value === 'object' && value !== null,
    'must be a URL or a JWK Set',
  ) as Reader<Place['jwks']>,
  metadata: ifGiven((value) => value instanceof URL, 'must be a URL') as Reader<Place['metadata']>,
  jwksOrigins: ifGiven(
    (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((origin) => URL.parse(origin)?.origin === origin),
    `must be a list of origins such as 'https://keys.example'`,
  ) as Reader<Place['jwksOrigins']>,
  audience: (name, value) => (value === undefined ? undefined : readAudience(name, value)),
  algorithms: readAlgorithms,
  authorities: readAuthorities,
  allow: (name, value = {}) => readMembers(name, value, ALLOWED) as Trust['allow'],
  deviations: (name, value = {}) => readMembers(name, value, DEVIATIONS),
} satisfies Record<Exclude<keyof TrustedIssuer, 'issuer'>, Reader>

const ALLOWED = Object.fromEntries(AUTHORITIES.map((authority) => [authority, readAllowed]))

/** An empty list is meant here: this issuer may give none. */
function readAllowed(name: string, values: unknown): ReadonlySet<string> | undefined {
  if (values === undefined) return undefined
  check(Array.isArray(values) && values.every(isText), name, 'must be a list of strings, none empty')
  return new Set(values as string[])
}

const DEVIATIONS = {
  typ: (name, value = []): ReadonlySet<string | null> => {
    check(
      Array.isArray(value) &&
        value.every((type) => type === null || (isText(type) && !OTHER_TYPES.has(canonicalType(type)))),
      name,
      'must be a list of types or null, none of another kind of token',
    )
    return new Set((value as (string | null)[]).map((type) => type && canonicalType(type)))
  },
  optionalClaims: (name, value = []): ReadonlySet<string> => {
    check(
      Array.isArray(value) && value.every((claim) => OPTIONAL_CLAIMS.includes(claim)),
      name,
      `must be a list of ${OPTIONAL_CLAIMS.join(', ')}`,
    )
    return new Set(value as string[])
  },
  client_id: (name, value = 'client_id') => readClaim(name, value),
  jti: (name, value = 'jti') => readClaim(name, value),
} satisfies Record<keyof Deviations, Reader>

function readClaim(name: string, value: unknown): string {
  check(isText(value), name, 'must be a claim name')
  return value as string
}

let things = 0
const numbers = new WeakMap<object, number>()

/** What was read of an answer, as text; functions and key states count as themselves. */
function contentOf(trust: Trust): string {
  return JSON.stringify(trust, (member, value: unknown) => {
    if (value instanceof Set) return [...(value as ReadonlySet<unknown>)]
    return typeof value === 'function' || member === 'keys' ? numberOf(value as object) : value
  })
}

function numberOf(thing: object): number {
  const number = numbers.get(thing) ?? (things += 1)
  numbers.set(thing, number)
  return number
}
