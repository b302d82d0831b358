import { AUTHORITIES, type Authority } from '../access-token/authorities.ts'
import { ACCESS_TOKEN_TYPE, OTHER_TYPES } from '../access-token/header.ts'
import { canonicalType, type Header } from '../jws/header.ts'
import { Refusal } from '../errors.ts'
import { BoundedMap } from '../internal/bounded-map.ts'
import { check, fail, knownMembers, listOf } from '../internal/check.ts'
import { parseJSONObject } from '../internal/json.ts'
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
import { EventSink } from './events.ts'
import { readKeySet } from './jwks.ts'
import type { KeyContext } from './documents.ts'
import type { IssuerStatus, KeySnapshot, KeySource } from './key-source.ts'
import { IssuerKeys } from './keys.ts'
import { StaticKeys } from './static-keys.ts'
import { OriginRule } from './origin.ts'
import type { Deviations, IssuerResolver, Trust, TrustedIssuer } from './trust.ts'

/** Issuers of a resolver whose state is kept at a time. */
const MAX_RESOLVED = 2048
/** Seconds a resolver may take. */
const RESOLVER_DEADLINE = 5

/**
 * The keys of the issuers of a resource server, and of all which were derived from it: one state per issuer and place.
 */
export class KeyRegistry {
  readonly #context: KeyContext
  readonly #options: ResolvedOptions
  /** What another instance knew; each is planted once, since what is fetched afterwards is newer. */
  readonly #seeds: Map<string, readonly KeySnapshot[]>
  readonly #configured = new Map<string, KeySource>()
  #closed = false
  readonly #revoked = new BoundedMap<string, readonly string[]>({ max: MAX_RESOLVED })
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
    this.#context = {
      clock: options.clock,
      fetch: options.fetch,
      ownsNetwork: options.ownsNetwork,
      maxStale: options.maxStale,
      maxKeyLifetime: options.maxKeyLifetime,
      waitUntil: options.waitUntil,
      events: new EventSink(options.onIssuerEvent),
    }
  }

  of(issuer: TrustedIssuer, resolved: boolean): KeySource {
    const table: {
      get(id: string): KeySource | undefined
      set(id: string, keys: KeySource): unknown
    } = resolved ? this.#resolved : this.#configured
    const { jwks, metadata, jwksOrigins } = issuer
    const id = JSON.stringify([
      issuer.issuer,
      jwks instanceof URL ? jwks.href : jwks,
      metadata?.href,
      jwksOrigins,
    ])
    let keys = table.get(id)
    if (keys === undefined) {
      keys = this.#make(issuer, resolved)
      for (const kid of this.#revoked.get(issuer.issuer) ?? []) keys.revoke(kid)
      table.set(id, keys)
    }
    return keys
  }

  #make(issuer: TrustedIssuer, resolved: boolean): KeySource {
    const { jwks, metadata } = issuer
    if (jwks !== undefined && !(jwks instanceof URL)) {
      // Through the strict reader like a fetched set; a copy, so that later changes have no effect.
      const document = parseJSONObject(JSON.stringify(jwks))
      const set = document === undefined ? undefined : readKeySet(document)
      if (set === undefined) fail('issuer.jwks', 'must be a JWK Set with a usable public key')
      return new StaticKeys(issuer.issuer, set)
    }
    const own = new URL(issuer.issuer).origin
    const listed = issuer.jwksOrigins
    const origins = new OriginRule(
      this.#options.insecure,
      listed !== undefined || resolved ? new Set([own, ...(listed ?? [])]) : undefined,
      resolved,
    )
    for (const [name, url] of [
      ['issuer.jwks', jwks],
      ['issuer.metadata', metadata],
    ] as const) {
      if (url === undefined) continue
      check(
        origins.allows(url.href),
        name,
        'must be an https URL at an origin which is allowed; http is only for origins named in [allowInsecureRequests]',
      )
    }
    const seeds = this.#seeds.get(issuer.issuer)
    this.#seeds.delete(issuer.issuer)
    const keys = new IssuerKeys(
      { issuer: issuer.issuer, metadata: metadata?.href, jwksUri: jwks?.href, origins },
      this.#context,
      seeds,
    )
    if (this.#closed) keys.close()
    return keys
  }

  /** Distrusts a key; also for states which are made later, as those of a resolver's issuers are. */
  revoke(issuer: string, kid: string): void {
    const kids = this.#revoked.get(issuer) ?? []
    if (!kids.includes(kid)) this.#revoked.set(issuer, [...kids, kid])
    for (const keys of this.all()) if (keys.issuer === issuer) keys.revoke(kid)
  }

  /** Forgets what was fetched, and the snapshots, of one issuer or of all. */
  purge(issuer?: string): void {
    if (issuer === undefined) this.#seeds.clear()
    else this.#seeds.delete(issuer)
    for (const keys of this.all()) if (issuer === undefined || keys.issuer === issuer) keys.purge()
  }

  /** Ends all background work, also that of issuers which are met later. */
  close(): void {
    this.#closed = true
    for (const keys of this.all()) keys.close()
  }

  /** The states of issuers which are configured. */
  configured(): Iterable<KeySource> {
    return this.#configured.values()
  }

  /** Every state there is. */
  *all(): Generator<KeySource> {
    yield* this.#configured.values()
    yield* this.#resolved.values()
  }

  status(): readonly IssuerStatus[] {
    const now = this.#context.clock()
    return [...this.all()].map((keys) => keys.status(now))
  }
}

/** The issuers of one resource server: which there are, and what is trusted of each. */
export class Issuers {
  readonly #options: ResolvedOptions
  readonly #registry: KeyRegistry
  readonly #resolver: IssuerResolver | undefined
  readonly #trusted = new Map<string, Trust>()
  readonly #algorithms = new Set<string>()
  readonly #types = new Set<string | null>([ACCESS_TOKEN_TYPE])
  /** Equal answers of a resolver are one {@link Trust}, so that what was verified under it is found again. */
  readonly #resolved = new BoundedMap<string, Trust>({ max: MAX_RESOLVED })
  readonly #byAnswer = new WeakMap<TrustedIssuer, Trust>()
  readonly #audience: ReadonlySet<string> | undefined

  /** @param audience replaces every other audience, also that of an issuer: another resource on the same issuers */
  constructor(options: ResolvedOptions, registry: KeyRegistry, audience?: ReadonlySet<string>) {
    this.#options = options
    this.#registry = registry
    this.#audience = audience
    if (typeof options.issuer === 'function') {
      this.#resolver = options.issuer
      return
    }
    for (const issuer of options.issuer) {
      const trust = this.#trust(issuer, false)
      check(!this.#trusted.has(trust.issuer), 'issuer', 'must not name an issuer twice')
      this.#trusted.set(trust.issuer, trust)
      for (const alg of trust.algorithms) this.#algorithms.add(alg)
      for (const type of trust.otherTypes) this.#types.add(type)
    }
  }

  /** Those which are configured. */
  configured(): Iterable<Trust> {
    return this.#trusted.values()
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
    let answer: TrustedIssuer | undefined
    try {
      answer = await withDeadline(RESOLVER_DEADLINE, () => resolver(iss, request))
      if (answer === undefined || answer === null) return new Refusal('issuer_not_trusted')
      const known = this.#byAnswer.get(answer)
      // Asking the registry keeps the state of a busy issuer, and finds that one was dropped.
      if (known?.issuer === iss && known.keys === this.#registry.of(answer, true)) return known
      const trust = this.#trust(answer, true)
      // An answer about another issuer than the one asked for trusts nothing (RFC 8725 §3.8).
      if (trust.issuer !== iss) return new Refusal('issuer_not_trusted')
      const interned = this.#intern(trust)
      // What can still be changed is read again the next time.
      if (isDeepFrozen(answer)) this.#byAnswer.set(answer, interned)
      return interned
    } catch (error) {
      return new Refusal('issuer_resolver_failed', { retryAfter: 1, cause: error })
    }
  }

  #intern(trust: Trust): Trust {
    const id = contentOf(trust)
    const known = this.#resolved.get(id)
    if (known !== undefined) return known
    this.#resolved.set(id, trust)
    return trust
  }

  #trust(issuer: TrustedIssuer, resolved: boolean): Trust {
    check(typeof issuer === 'object' && issuer !== null, 'issuer', 'must be a string or an object')
    knownMembers('issuer', issuer, MEMBERS)
    const { insecure, algorithms, authorities, audience } = this.#options
    const identifier = readIssuerIdentifier('issuer', issuer.issuer, insecure)
    for (const name of ['jwks', 'metadata'] as const) {
      const value: unknown = issuer[name]
      const right =
        value === undefined ||
        value instanceof URL ||
        (name === 'jwks' && typeof value === 'object' && value !== null)
      check(right, `issuer.${name}`, name === 'jwks' ? 'must be a URL or a JWK Set' : 'must be a URL')
    }
    check(
      issuer.jwks === undefined || issuer.metadata === undefined,
      'issuer.metadata',
      'must not stand beside jwks, which replaces discovery',
    )
    if (issuer.jwksOrigins !== undefined) {
      for (const origin of listOf('issuer.jwksOrigins', issuer.jwksOrigins)) {
        check(
          URL.parse(origin)?.origin === origin,
          'issuer.jwksOrigins',
          `must be origins such as 'https://keys.example'`,
        )
      }
    }
    const own = readAuthorities('issuer.authorities', issuer.authorities)
    return {
      issuer: identifier,
      audience:
        this.#audience ??
        (issuer.audience === undefined ? audience : readAudience('issuer.audience', issuer.audience)),
      algorithms: readAlgorithms('issuer.algorithms', issuer.algorithms) ?? algorithms,
      authorities: own === undefined ? authorities : { ...authorities, ...own },
      allow: readAllow(issuer.allow),
      ...readDeviations(issuer.deviations),
      keys: this.#registry.of(issuer, resolved),
    }
  }
}

const MEMBERS = [
  'issuer',
  'jwks',
  'metadata',
  'jwksOrigins',
  'audience',
  'algorithms',
  'authorities',
  'allow',
  'deviations',
] as const satisfies readonly (keyof TrustedIssuer)[]

const OPTIONAL_CLAIMS = ['sub', 'client_id', 'iat', 'jti']

function readAllow(allow: unknown): Trust['allow'] {
  if (allow === undefined) return {}
  check(typeof allow === 'object' && allow !== null, 'issuer.allow', 'must be an object of lists')
  knownMembers('issuer.allow', allow as object, AUTHORITIES)
  const sets: { [A in Authority]?: ReadonlySet<string> } = {}
  for (const authority of AUTHORITIES) {
    const values = (allow as Record<string, unknown>)[authority]
    if (values === undefined) continue
    // An empty list is meant here: this issuer may give none.
    check(Array.isArray(values), `issuer.allow.${authority}`, 'must be a list')
    sets[authority] = new Set(
      (values as unknown[]).length === 0 ? [] : listOf(`issuer.allow.${authority}`, values),
    )
  }
  return sets
}

function readDeviations(
  deviations: Deviations | undefined,
): Pick<Trust, 'otherTypes' | 'optionalClaims' | 'clientIdClaim' | 'jtiClaim'> {
  if (deviations === undefined) {
    return { otherTypes: NONE, optionalClaims: NONE, clientIdClaim: 'client_id', jtiClaim: 'jti' }
  }
  const at = 'issuer.deviations'
  check(typeof deviations === 'object' && deviations !== null, at, 'must be an object')
  knownMembers(at, deviations, ['typ', 'optionalClaims', 'client_id', 'jti'])
  const { typ = [], optionalClaims = [], client_id = 'client_id', jti = 'jti' } = deviations
  check(Array.isArray(typ), `${at}.typ`, 'must be a list')
  const types = typ.map((type) => {
    if (type === null) return null
    check(
      typeof type === 'string' && type !== '',
      `${at}.typ`,
      'must be a list of strings, or null for a token without typ',
    )
    const canonical = canonicalType(type)
    check(!OTHER_TYPES.has(canonical), `${at}.typ`, 'must not name the type of another kind of token')
    return canonical
  })
  check(Array.isArray(optionalClaims), `${at}.optionalClaims`, 'must be a list')
  for (const claim of optionalClaims) {
    check(
      OPTIONAL_CLAIMS.includes(claim),
      `${at}.optionalClaims`,
      `must be claims among ${OPTIONAL_CLAIMS.join(', ')}`,
    )
  }
  for (const [name, value] of [
    ['client_id', client_id],
    ['jti', jti],
  ] as const) {
    check(typeof value === 'string' && value !== '', `${at}.${name}`, 'must be the name of a claim')
  }
  return {
    otherTypes: new Set(types),
    optionalClaims: new Set(optionalClaims),
    clientIdClaim: client_id,
    jtiClaim: jti,
  }
}

const NONE: ReadonlySet<never> = new Set<never>()

let things = 0
const names = new WeakMap<object, string>()

/** What was read of an answer, as text; functions and key states count as themselves. */
function contentOf({ keys, ...read }: Trust): string {
  return JSON.stringify([nameOf(keys), read], (_name, value: unknown) => {
    if (value instanceof Set) return [...(value as ReadonlySet<unknown>)]
    return typeof value === 'function' ? nameOf(value) : value
  })
}

function nameOf(thing: object): string {
  let name = names.get(thing)
  if (name === undefined) {
    things += 1
    name = `thing ${things}`
    names.set(thing, name)
  }
  return name
}
