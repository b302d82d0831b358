import type { JSONWebKeySet } from 'jose'

import { ALGORITHMS } from '../crypto/algorithms.ts'
import { check, fail, knownMembers, listOf } from '../internal/check.ts'
import { withDeadline } from '../internal/deadline.ts'
import type { JSONObject } from '../internal/json.ts'
import type { IssuerStatus } from '../issuer/key-source.ts'
import type { OneOrMore } from '../issuer/trust.ts'
import { DEFAULT_ALGORITHMS, readAlgorithms } from '../options.ts'
import { type AssertionClaims, type AssertionHeader, looksForeign } from './claims.ts'
import { type AssertionError, Denial, type DenialDetails, toAssertionError } from './errors.ts'
import {
  allowTokenEndpointAudience,
  type AssertionVerifierOptions,
  COMMON_NAMES,
  type CommonOptions,
  readEndpoint,
  readLifetime,
  readReplayStore,
  resolveCommon,
} from './options.ts'
import { PartyKeys } from './party.ts'
import {
  audiencesOf,
  judgeTimes,
  livesWithin,
  type Presented,
  readAssertion,
  type ReadingRules,
} from './read.ts'
import { burn, type ReplayStore } from './replay.ts'
import { type ClientSecret, isClientSecret, SYMMETRIC } from './secret.ts'
import { pretend, type Verification, verifySignature } from './signature.ts'

/** Seconds a look-up of a client may take. */
const LOOKUP_DEADLINE = 5

interface RegisteredClient {
  readonly client_id: string
  /** The grant types which the client may use at a token endpoint, as RFC 7591 names them; all by default. */
  readonly grant_types?: readonly string[]
}

/** A registered client which authenticates by assertions, and by which keys. */
export type Client =
  | (RegisteredClient & {
      /** `private_key_jwt`: the public keys, or the https URL at which the client publishes them. */
      readonly jwks: URL | JSONWebKeySet
      /** The signature algorithms of this client; the asymmetric ones of a resource server by default. */
      readonly algorithms?: OneOrMore<string>
      readonly secret?: never
    })
  | (RegisteredClient & {
      /** `client_secret_jwt`: made by {@link clientSecretJwt}. It fixes the algorithm. */
      readonly secret: ClientSecret
      readonly jwks?: never
      readonly algorithms?: never
    })

/** Options of {@link createAssertionVerifier} for client authentication. Unknown names throw. */
export interface ClientVerifierOptions extends AssertionVerifierOptions {
  purpose: 'client-authentication'
  /**
   * The registry of clients; its author memoises. `undefined`: unknown, 401. Throwing, or more than 5 s: 503.
   *
   * `client_id` is what an unverified assertion says: look it up, never fetch from it.
   */
  clients: (client_id: string) => Client | undefined | Promise<Client | undefined>
  /** Where used assertions are remembered. Required: an assertion that leaks is a password until it expires. */
  replay: ReplayStore
  /** Seconds `exp` may lie after `iat`, or after now: 300, at most 86,400. */
  maxLifetime?: number
  [allowTokenEndpointAudience]?: string
}

/** What is known of the request beside the assertion. */
export interface ClientContext {
  /** The `client_id` parameter of the request; where it is present it must name the same client (RFC 7521 §4.2). */
  readonly client_id?: string | undefined
}

/** The verdict on a client assertion. */
export type ClientResult =
  | {
      readonly ok: true
      readonly client_id: string
      /** What the registry said. */
      readonly client: Client
      readonly method: 'private_key_jwt' | 'client_secret_jwt'
      readonly claims: AssertionClaims
      readonly header: AssertionHeader
    }
  | { readonly ok: false; readonly error: AssertionError }

/** Verifies client assertions: RFC 7523 §2.2, the methods `private_key_jwt` and `client_secret_jwt`. */
export interface ClientVerifier {
  readonly purpose: 'client-authentication'
  /** The issuer identifier of this server. */
  readonly issuer: string
  /**
   * Authenticates the client which made `assertion`; the answer of a refusal is `invalid_client`, or 503. Uses the
   * assertion up. Never rejects, whatever the string is; anything but a string is misuse and a `TypeError`.
   *
   * Does not say what the client may do.
   */
  verify(assertion: string, context?: ClientContext): Promise<ClientResult>
  /** The state of the keys which were fetched from clients. */
  status(): readonly IssuerStatus[]
  /** Ends all background work. */
  close(): void
}

/** `typ` may be absent: draft-ietf-oauth-rfc7523bis §4 advises servers not to insist. Other explicit types never pass. */
const TYPES: ReadonlySet<string | null> = new Set([null, 'jwt', 'client-authentication+jwt'])
const KNOWN_ALGORITHMS = { has: (alg: string): boolean => ALGORITHMS.has(alg) || SYMMETRIC.has(alg) }

export function createClientVerifier(options: ClientVerifierOptions): ClientVerifier {
  knownMembers('options', options, [...COMMON_NAMES, 'clients', allowTokenEndpointAudience])
  const { clients } = options
  check(typeof clients === 'function', 'clients', 'must be a function')
  const common = resolveCommon(options)
  const endpoint = options[allowTokenEndpointAudience]
  return new Clients({
    common,
    clients,
    replay: readReplayStore('replay', options.replay),
    maxLifetime: readLifetime('maxLifetime', options.maxLifetime, 300),
    audience: new Set(
      endpoint === undefined
        ? [common.issuer]
        : [common.issuer, readEndpoint('allowTokenEndpointAudience', endpoint)],
    ),
  })
}

interface Resolved {
  readonly common: CommonOptions
  readonly clients: ClientVerifierOptions['clients']
  readonly replay: ReplayStore
  readonly maxLifetime: number
  readonly audience: ReadonlySet<string>
}

/** A client as the verification reads it. */
interface Party {
  readonly client: Client
  readonly by: Verification
  readonly algorithms: ReadonlySet<string>
}

class Clients implements ClientVerifier {
  readonly purpose = 'client-authentication' as const
  readonly issuer: string
  readonly #options: Resolved
  readonly #rules: ReadingRules
  readonly #keys: PartyKeys

  constructor(options: Resolved) {
    this.#options = options
    const { common } = options
    this.issuer = common.issuer
    this.#rules = {
      purpose: this.purpose,
      algorithms: KNOWN_ALGORITHMS,
      types: TYPES,
      clockTolerance: common.clockTolerance,
      aheadTolerance: common.aheadTolerance,
    }
    this.#keys = new PartyKeys(common)
    Object.freeze(this)
  }

  async verify(assertion: string, context: ClientContext = {}): Promise<ClientResult> {
    if (typeof assertion !== 'string') throw new TypeError('Cannot verify the assertion: it is not a string')
    const verdict = await this.#verify(assertion, context)
    return verdict instanceof Denial
      ? Object.freeze({ ok: false, error: toAssertionError(verdict, { purpose: this.purpose }) })
      : verdict
  }

  status(): readonly IssuerStatus[] {
    return this.#keys.status()
  }

  close(): void {
    this.#keys.close()
  }

  async #verify(assertion: string, context: ClientContext): Promise<ClientResult | Denial> {
    const { common, replay } = this.#options
    const now = common.clock()
    const presented = readAssertion(assertion, this.#rules, now)
    if (presented instanceof Denial) return presented
    const wrong = this.#judge(presented, context, now)
    if (wrong !== undefined) return wrong

    const party = await this.#lookUp(presented.iss)
    if (party instanceof Denial) {
      await pretend(presented)
      return party
    }
    const known = { client_id: presented.iss }
    if (!party.algorithms.has(presented.header.alg)) {
      await pretend(presented)
      // Not the code of the gate: its text would tell that this client is registered.
      return new Denial('key_unsuitable', known)
    }
    const forged = await verifySignature(presented, party.by, this.purpose, known, now)
    if (forged !== undefined) return forged
    // Keys and registries may take seconds, in which an assertion may have expired.
    const late = judgeTimes(presented.claims, common, common.clock())
    if (late !== undefined) return new Denial(late.code, { ...late.details, ...known })
    // Last: an assertion which is refused for anything else is not used up.
    const used = await burn(replay, this.purpose, presented)
    if (used !== undefined) return new Denial(used.code, { ...used.details, ...known })
    return Object.freeze({
      ok: true,
      client_id: presented.iss,
      client: party.client,
      method: isClientSecret(party.by) ? 'client_secret_jwt' : 'private_key_jwt',
      claims: presented.claims as AssertionClaims,
      header: presented.header.header,
    })
  }

  /** The claims of a client assertion, RFC 7523 §3 as draft-ietf-oauth-rfc7523bis §4 has it. */
  #judge(presented: Presented, context: ClientContext, now: number): Denial | undefined {
    const { claims, header, iss, sub, jti } = presented
    if (header.typ !== 'client-authentication+jwt' && looksForeign(claims))
      return new Denial('not_an_assertion')
    if (sub !== iss) return new Denial('subject_mismatch')
    if (context.client_id !== undefined && context.client_id !== iss) return new Denial('client_mismatch')
    const audiences = audiencesOf(claims)
    if (audiences instanceof Denial) return audiences
    // The sole value: with another one beside it, whoever that names could use the assertion here.
    if (audiences.length !== 1 || !this.#options.audience.has(audiences[0] as string))
      return new Denial('audience_mismatch')
    if (jti === undefined) return new Denial('claim_missing', { name: 'jti' })
    if (!livesWithin(claims, this.#options.maxLifetime, this.#rules, now))
      return new Denial('lifetime_exceeded')
    return boundTo(claims)
  }

  static registryOf(verifier: ClientVerifier): Registry | undefined {
    return #options in verifier ? (client_id) => verifier.#registered(client_id) : undefined
  }

  async #registered(client_id: string): Promise<Client | undefined | Denial> {
    const client = await this.#ask(client_id)
    if (client instanceof Denial) return client.code === 'client_unknown' ? undefined : client
    try {
      checkEntry(client, client_id)
      return client
    } catch (cause) {
      return new Denial('client_misconfigured', { cause })
    }
  }

  async #ask(client_id: string): Promise<Client | Denial> {
    try {
      const client = await withDeadline(LOOKUP_DEADLINE, () => this.#options.clients(client_id))
      return client ?? new Denial('client_unknown')
    } catch (cause) {
      return new Denial('resolver_failed', { cause })
    }
  }

  async #lookUp(client_id: string): Promise<Party | Denial> {
    const client = await this.#ask(client_id)
    if (client instanceof Denial) return client
    // Named only by an entry about it: `registry[client_id]` answers for 'constructor' as well, which a stranger wrote.
    let known: DenialDetails = {}
    try {
      if (client.client_id === client_id) known = { client_id }
      return this.#party(client, client_id)
    } catch (cause) {
      return new Denial('client_misconfigured', { ...known, cause })
    }
  }

  #party(client: Client, client_id: string): Party {
    checkEntry(client, client_id)
    const { jwks, secret, algorithms } = client
    if (secret !== undefined) {
      check(isClientSecret(secret), 'client.secret', 'must be made by clientSecretJwt()')
      check(
        jwks === undefined && algorithms === undefined,
        'client.secret',
        'must not stand beside jwks or algorithms',
      )
      return { client, by: secret, algorithms: new Set([secret.alg]) }
    }
    if (typeof jwks !== 'object' || jwks === null) fail('client.jwks', 'must be a URL or a JWK Set')
    return {
      client,
      by: this.#keys.of('client', { id: client_id, jwks }, true),
      algorithms: readAlgorithms('client.algorithms', algorithms) ?? DEFAULT_ALGORITHMS,
    }
  }
}

/** @throws {TypeError} where the registry has made a mistake which concerns every way of authentication */
function checkEntry(client: Client, client_id: string): void {
  check(typeof client === 'object', 'client', 'must be an object')
  knownMembers('client', client, ['client_id', 'jwks', 'algorithms', 'secret', 'grant_types'])
  // A registry which folds case or follows aliases answers about another client than the one that asks.
  check(client.client_id === client_id, 'client.client_id', 'must be the client_id which was asked for')
  const { grant_types } = client
  if (grant_types === undefined) return
  check(Array.isArray(grant_types), 'client.grant_types', 'must be a list')
  listOf('client.grant_types', grant_types)
}

/** What the registry says of a client which authenticates without an assertion of its own; `undefined`: it knows none. */
export type Registry = (client_id: string) => Promise<Client | undefined | Denial>

/** The registry behind a verifier; `undefined` where somebody else made that, whose registry cannot be asked. */
export function registryOf(verifier: ClientVerifier): Registry | undefined {
  return Clients.registryOf(verifier)
}

/** A client assertion is bound to nothing; one that says so is meant for a check which is not made here. */
function boundTo({ cnf }: JSONObject): Denial | undefined {
  return cnf === undefined ? undefined : new Denial('binding_not_supported')
}
