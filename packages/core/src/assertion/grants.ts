import type { JSONWebKeySet } from 'jose'

import { ALGORITHMS } from '../crypto/algorithms.ts'
import { check, fail, knownMembers } from '../internal/check.ts'
import { withDeadline } from '../internal/deadline.ts'
import type { IssuerStatus } from '../issuer/key-source.ts'
import type { OneOrMore } from '../issuer/trust.ts'
import { DEFAULT_ALGORITHMS, readAlgorithms, readIssuerIdentifier } from '../options.ts'
import { type AssertionClaims, type AssertionHeader, looksForeign } from './claims.ts'
import { type AssertionError, Denial, type DenialDetails, toAssertionError } from './errors.ts'
import {
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
import { pretend, type Verification, verifySignature } from './signature.ts'

/** Seconds a look-up of an issuer or a subject may take, and the confirmation of a key. */
const HOOK_DEADLINE = 5

/** What is known of the request beside the assertion. */
export interface GrantContext {
  /** The client which was authenticated; never what a request merely says. An ID-JAG cannot be used without one. */
  readonly client_id?: string | undefined
  /** The request, for the confirmation of a bound assertion. */
  readonly request?: Request | undefined
}

/** An issuer whose assertions are accepted as authorization grants, and by which rules. */
export interface TrustedAssertionIssuer<Subject = string> {
  /** Compared code point by code point. An https URL, unless `jwks` says where the keys are. */
  readonly issuer: string
  /** Replaces discovery of the keys: their place, or the keys themselves. */
  readonly jwks?: URL | JSONWebKeySet
  /** Where the metadata is read when not at a well-known place of `issuer`; its `issuer` must still be equal. */
  readonly metadata?: URL
  /** Origins from which documents may be fetched; any https origin by default, the issuer's for a resolved issuer. */
  readonly jwksOrigins?: readonly string[]
  /** The signature algorithms of this issuer; the asymmetric ones of a resource server by default. */
  readonly algorithms?: OneOrMore<string>
  /** Seconds `exp` may lie after `iat`, or after now; that of the verifier by default. */
  readonly maxLifetime?: number
  /** `jwt`: RFC 7523 alone. `id-jag`: the Identity Assertion JWT Authorization Grant, and nothing else. `jwt`. */
  readonly type?: 'jwt' | 'id-jag'
  /** Whether `jti` must be there and is accepted once: `true`; an ID-JAG always needs it. */
  readonly requireJti?: boolean
  /**
   * Who the subject is here. `undefined`, `null`, `false`, `''` and `NaN`: nobody, `invalid_grant`. Throwing, or more
   * than 5 s: 503. Without it the subject is `sub`, and whoever makes the access token has to know it or refuse.
   */
  readonly subject?: (
    claims: AssertionClaims,
    context: GrantContext,
  ) => Subject | undefined | Promise<Subject | undefined>
}

/**
 * Asked for each assertion after its size, form, `typ`, `alg` and times passed; its author memoises. `undefined`: not
 * trusted, 400. Throwing, or more than 5 s: 503. `iss` is what an unverified assertion says: never fetch from it.
 */
export type AssertionIssuerResolver<Subject = string> = (
  iss: string,
) => TrustedAssertionIssuer<Subject> | undefined | Promise<TrustedAssertionIssuer<Subject> | undefined>

/** Options of {@link createAssertionVerifier} for authorization grants. Unknown names throw. */
export interface GrantVerifierOptions<Subject = string> extends AssertionVerifierOptions {
  purpose: 'authorization-grant'
  /** The URL of the token endpoint: the other name by which `aud` may call this server (RFC 7523 §3). */
  tokenEndpoint?: string
  /** Whose assertions are accepted. */
  trusted: OneOrMore<TrustedAssertionIssuer<Subject>> | AssertionIssuerResolver<Subject>
  /** Where used assertions are remembered. Required, unless every issuer has `requireJti: false`. */
  replay?: ReplayStore
  /** Seconds `exp` may lie after `iat`, or after now: 3600, at most 86,400. */
  maxLifetime?: number
  /**
   * Whether the client has shown that it holds the key of `cnf` (a DPoP proof, a certificate). `true` alone counts.
   * Throwing, or more than 5 s: 503. Without it a bound assertion is refused.
   */
  confirm?: (cnf: Readonly<Record<string, unknown>>, context: GrantContext) => boolean | Promise<boolean>
}

/** The verdict on an assertion as a grant. */
export type GrantResult<Subject = string> =
  | {
      readonly ok: true
      readonly issuer: string
      readonly type: 'jwt' | 'id-jag'
      /** What the issuer's `subject` made of the claims; `sub` without one. */
      readonly subject: Subject
      readonly claims: AssertionClaims
      readonly header: AssertionHeader
    }
  | { readonly ok: false; readonly error: AssertionError }

/** Verifies assertions which are authorization grants: RFC 7523 §2.1. */
export interface GrantVerifier<Subject = string> {
  readonly purpose: 'authorization-grant'
  /** The issuer identifier of this server. */
  readonly issuer: string
  /**
   * Verifies an assertion; the answer of a refusal is `invalid_grant`, or 503. Uses the assertion up. Never rejects,
   * whatever the string is; anything but a string is misuse and a `TypeError`.
   *
   * Does not authenticate a client, and does not say which scope may be granted.
   */
  verify(assertion: string, context?: GrantContext): Promise<GrantResult<Subject>>
  /**
   * Loads the keys of every configured issuer.
   *
   * @throws {Error} when the keys of an issuer cannot be had; the reason stands in `status()`
   */
  ready(): Promise<void>
  /** The state of each issuer's keys: JSON for a readiness route. */
  status(): readonly IssuerStatus[]
  /** Ends all background work. */
  close(): void
}

/** `authorization-grant+jwt` is the explicit type of a plain grant in draft-ietf-oauth-rfc7523bis; few send one yet. */
const PLAIN_TYPE = 'authorization-grant+jwt'
const ID_JAG_TYPE = 'oauth-id-jag+jwt'
const TYPES: { readonly [Type in 'jwt' | 'id-jag']: readonly (string | null)[] } = {
  jwt: [null, 'jwt', PLAIN_TYPE],
  'id-jag': [ID_JAG_TYPE],
}

const MEMBERS = [
  'issuer',
  'jwks',
  'metadata',
  'jwksOrigins',
  'algorithms',
  'maxLifetime',
  'type',
  'requireJti',
  'subject',
] as const satisfies readonly (keyof TrustedAssertionIssuer)[]

export function createGrantVerifier<Subject>(options: GrantVerifierOptions<Subject>): GrantVerifier<Subject> {
  knownMembers('options', options, [...COMMON_NAMES, 'tokenEndpoint', 'trusted', 'confirm'])
  return new Grants(options) as unknown as GrantVerifier<Subject>
}

/** An issuer as the verification reads it. */
interface Party {
  readonly issuer: string
  readonly by: Verification
  readonly algorithms: ReadonlySet<string>
  readonly maxLifetime: number
  readonly type: 'jwt' | 'id-jag'
  readonly requireJti: boolean
  readonly subject: TrustedAssertionIssuer<unknown>['subject']
}

class Grants implements GrantVerifier<unknown> {
  readonly purpose = 'authorization-grant' as const
  readonly issuer: string
  readonly #common: CommonOptions
  readonly #rules: ReadingRules
  readonly #keys: PartyKeys
  readonly #audience: ReadonlySet<string>
  readonly #maxLifetime: number
  readonly #replay: ReplayStore | undefined
  readonly #confirm: GrantVerifierOptions['confirm']
  readonly #resolver: AssertionIssuerResolver<unknown> | undefined
  readonly #trusted = new Map<string, Party>()

  constructor(options: GrantVerifierOptions<unknown>) {
    const { trusted, tokenEndpoint, replay, confirm } = options
    this.#common = resolveCommon(options)
    this.issuer = this.#common.issuer
    this.#audience = new Set(
      tokenEndpoint === undefined
        ? [this.issuer]
        : [this.issuer, readEndpoint('tokenEndpoint', tokenEndpoint)],
    )
    this.#maxLifetime = readLifetime('maxLifetime', options.maxLifetime, 3600)
    this.#replay = replay === undefined ? undefined : readReplayStore('replay', replay)
    check(confirm === undefined || typeof confirm === 'function', 'confirm', 'must be a function')
    this.#confirm = confirm
    this.#keys = new PartyKeys(this.#common)
    const types = new Set<string | null>()
    const algorithms = new Set<string>()
    if (typeof trusted === 'function') {
      this.#resolver = trusted
      check(this.#replay !== undefined, 'replay', 'must be given where issuers come from a resolver')
      for (const type of Object.values(TYPES).flat()) types.add(type)
      for (const alg of ALGORITHMS.keys()) algorithms.add(alg)
    } else {
      const list = (
        Array.isArray(trusted) ? trusted : [trusted]
      ) as readonly TrustedAssertionIssuer<unknown>[]
      check(list.length > 0, 'trusted', 'must not be empty')
      for (const entry of list) {
        const party = this.#party(entry, false)
        check(!this.#trusted.has(party.issuer), 'trusted', 'must not name an issuer twice')
        this.#trusted.set(party.issuer, party)
        for (const type of TYPES[party.type]) types.add(type)
        for (const alg of party.algorithms) algorithms.add(alg)
      }
    }
    const { clockTolerance, aheadTolerance } = this.#common
    this.#rules = { purpose: this.purpose, algorithms, types, clockTolerance, aheadTolerance }
    Object.freeze(this)
  }

  async verify(assertion: string, context: GrantContext = {}): Promise<GrantResult<unknown>> {
    if (typeof assertion !== 'string') throw new TypeError('Cannot verify the assertion: it is not a string')
    const verdict = await this.#verify(assertion, context)
    return verdict instanceof Denial
      ? Object.freeze({ ok: false, error: toAssertionError(verdict, { purpose: this.purpose }) })
      : verdict
  }

  async ready(): Promise<void> {
    const failed = await this.#keys.load()
    if (failed.length > 0) {
      const reasons = failed.map(({ issuer, failure }) => `${issuer}: ${failure ?? 'unknown'}`)
      throw new Error(`Cannot load the keys of ${reasons.join(', ')}`)
    }
  }

  status(): readonly IssuerStatus[] {
    return this.#keys.status()
  }

  close(): void {
    this.#keys.close()
  }

  async #verify(assertion: string, context: GrantContext): Promise<GrantResult<unknown> | Denial> {
    const now = this.#common.clock()
    const presented = readAssertion(assertion, this.#rules, now)
    if (presented instanceof Denial) return presented
    const wrong = this.#judge(presented)
    if (wrong !== undefined) return wrong

    const party = await this.#lookUp(presented.iss)
    if (party instanceof Denial) {
      await pretend(presented)
      return party
    }
    const known = { issuer: party.issuer }
    const unfit = this.#judgeFor(party, presented, context, known, now)
    if (unfit !== undefined) {
      await pretend(presented)
      return unfit
    }
    const forged = await verifySignature(presented, party.by, this.purpose, known, now)
    if (forged !== undefined) return forged
    const unbound = await this.#confirmed(presented, context, known)
    if (unbound !== undefined) return unbound
    const subject = await this.#subjectOf(party, presented, context, known)
    if (subject instanceof Denial) return subject
    // Keys and hooks may take seconds, in which an assertion may have expired.
    const late = judgeTimes(presented.claims, this.#common, this.#common.clock())
    if (late !== undefined) return new Denial(late.code, { ...late.details, ...known })
    if (party.requireJti) {
      // Last: an assertion which is refused for anything else is not used up.
      const store = this.#replay as ReplayStore
      const used = await burn(store, this.purpose, presented)
      if (used !== undefined) return new Denial(used.code, { ...used.details, ...known })
    }
    return Object.freeze({
      ok: true as const,
      issuer: party.issuer,
      type: party.type,
      subject: subject.value,
      claims: presented.claims as AssertionClaims,
      header: presented.header.header,
    })
  }

  /** What means the same whoever issued the assertion. */
  #judge({ claims, header, iss, sub }: Presented): Denial | undefined {
    const audiences = audiencesOf(claims)
    if (audiences instanceof Denial) return audiences
    // Every value is ours: with another server's beside it, that server could use the assertion here.
    if (!audiences.every((audience) => this.#audience.has(audience))) return new Denial('audience_mismatch')
    if (header.typ === ID_JAG_TYPE) {
      // The ID-JAG's rule is that of a client assertion: the issuer identifier, and nothing beside it.
      if (audiences.length !== 1 || audiences[0] !== this.issuer) return new Denial('audience_mismatch')
      for (const name of ['client_id', 'jti', 'iat']) {
        if (claims[name] === undefined) return new Denial('claim_missing', { name })
      }
      if (typeof claims['client_id'] !== 'string') return new Denial('claim_invalid', { name: 'client_id' })
      return undefined
    }
    // Without an explicit type `iss` and `sub` tell a client's assertion about itself from one about somebody.
    if (header.typ !== PLAIN_TYPE && (iss === sub || looksForeign(claims)))
      return new Denial('not_an_assertion')
    return undefined
  }

  /** What the rules of its issuer say. */
  #judgeFor(
    party: Party,
    { claims, header, jti }: Presented,
    context: GrantContext,
    known: DenialDetails,
    now: number,
  ): Denial | undefined {
    // Not the code of the gate: whether an issuer is set up for another type is nobody's business.
    if (!TYPES[party.type].includes(header.typ)) return new Denial('issuer_misconfigured', known)
    if (!party.algorithms.has(header.alg)) return new Denial('key_unsuitable', known)
    if (!livesWithin(claims, party.maxLifetime, this.#rules, now))
      return new Denial('lifetime_exceeded', known)
    if (party.requireJti && jti === undefined) return new Denial('jti_required', known)
    if (party.type === 'id-jag' && claims['client_id'] !== context.client_id)
      return new Denial('client_mismatch', known)
    if (claims['cnf'] !== undefined && this.#confirm === undefined)
      return new Denial('binding_not_supported', known)
    return undefined
  }

  async #confirmed(
    { claims }: Presented,
    context: GrantContext,
    known: DenialDetails,
  ): Promise<Denial | undefined> {
    const { cnf } = claims
    const confirm = this.#confirm
    if (cnf === undefined || confirm === undefined) return undefined
    if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf))
      return new Denial('claim_invalid', { ...known, name: 'cnf' })
    try {
      const held: unknown = await withDeadline(HOOK_DEADLINE, () =>
        confirm(cnf as Readonly<Record<string, unknown>>, context),
      )
      return held === true ? undefined : new Denial('binding_unproven', known)
    } catch (cause) {
      return new Denial('confirmation_failed', { ...known, cause })
    }
  }

  async #subjectOf(
    party: Party,
    { claims, sub }: Presented,
    context: GrantContext,
    known: DenialDetails,
  ): Promise<{ value: unknown } | Denial> {
    const { subject } = party
    if (subject === undefined) return { value: sub }
    try {
      const value = await withDeadline(HOOK_DEADLINE, () => subject(claims as AssertionClaims, context))
      return isNobody(value) ? new Denial('subject_unknown', known) : { value }
    } catch (cause) {
      return new Denial('subject_lookup_failed', { ...known, cause })
    }
  }

  async #lookUp(iss: string): Promise<Party | Denial> {
    const resolver = this.#resolver
    if (resolver === undefined) return this.#trusted.get(iss) ?? new Denial('issuer_not_trusted')
    let answer: TrustedAssertionIssuer<unknown> | undefined | null
    try {
      answer = await withDeadline(HOOK_DEADLINE, () => resolver(iss))
    } catch (cause) {
      return new Denial('resolver_failed', { cause })
    }
    if (answer === undefined || answer === null) return new Denial('issuer_not_trusted')
    try {
      // Read each time, also when frozen: what it holds may change, and the keys of a busy party are kept for reading.
      const party = this.#party(answer, true)
      // An answer about another issuer than the one asked for trusts nothing.
      check(party.issuer === iss, 'trusted.issuer', 'must be the issuer which was asked for')
      return party
    } catch (cause) {
      return new Denial('issuer_misconfigured', { cause })
    }
  }

  #party(entry: TrustedAssertionIssuer<unknown>, resolved: boolean): Party {
    check(
      typeof entry === 'object' && entry !== null,
      'trusted',
      'must be an issuer, a list of them, or a function',
    )
    knownMembers('trusted', entry, MEMBERS)
    const { issuer, jwks, metadata, type = 'jwt', requireJti = true, subject } = entry
    check(
      jwks === undefined || (typeof jwks === 'object' && jwks !== null),
      'trusted.jwks',
      'must be a URL or a JWK Set',
    )
    check(metadata === undefined || metadata instanceof URL, 'trusted.metadata', 'must be a URL')
    check(
      jwks === undefined || metadata === undefined,
      'trusted.metadata',
      'must not stand beside jwks, which replaces discovery',
    )
    if (jwks === undefined) readIssuerIdentifier('trusted.issuer', issuer, this.#common.insecure)
    else {
      check(
        typeof issuer === 'string' && issuer !== '' && issuer.length <= 512,
        'trusted.issuer',
        'must be a string of 1 to 512 characters',
      )
    }
    // Its own assertions would let this server make itself a grant for anybody.
    check(issuer !== this.issuer, 'trusted.issuer', 'must not be this authorization server itself')
    check(type === 'jwt' || type === 'id-jag', 'trusted.type', `must be 'jwt' or 'id-jag'`)
    check(typeof requireJti === 'boolean', 'trusted.requireJti', 'must be true or false')
    check(type === 'jwt' || requireJti, 'trusted.requireJti', 'must not be false for an ID-JAG')
    check(subject === undefined || typeof subject === 'function', 'trusted.subject', 'must be a function')
    if (requireJti && this.#replay === undefined)
      fail('replay', 'must be given, unless every issuer has requireJti: false')
    return {
      issuer,
      by: this.#keys.of('trusted', { id: issuer, jwks, metadata, jwksOrigins: entry.jwksOrigins }, resolved),
      algorithms: readAlgorithms('trusted.algorithms', entry.algorithms) ?? DEFAULT_ALGORITHMS,
      maxLifetime: readLifetime('trusted.maxLifetime', entry.maxLifetime, this.#maxLifetime),
      type,
      requireJti,
      subject,
    }
  }
}

/** What names nobody. `known.has(sub) && sub` says `false` of a stranger, and a look-up may say the others. */
function isNobody(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === '' || Number.isNaN(value)
}
