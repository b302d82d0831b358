import { inspection } from '#runtime'
import type { JWTHeaderParameters } from 'jose'

import type { Entry } from '../internal/second-chance.ts'
import type { JSONObject } from '../internal/json.ts'
import { AUTHORITIES, type Authority, readAuthority } from './authorities.ts'
import { EMPTY_SET, type FrozenSet } from './readonly-set.ts'
import type { VerificationKey } from '../issuer/jwk.ts'
import type { Trust } from '../issuer/trust.ts'

/**
 * Claims of a JWT access token by their wire names, as RFC 9068 requires them. The types say nothing of an issuer's
 * deviations: `sub`, `client_id`, `iat` and `jti` are absent from a token whose issuer may leave them out
 * (`optionalClaims`), `client_id` and `jti` also where it has other names for them. {@link AccessToken.subject} and
 * {@link AccessToken.clientId} say so in their types.
 *
 * @see [RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)
 */
export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly client_id: string
  /** Seconds since the epoch. */
  readonly exp: number
  /** Seconds since the epoch. */
  readonly iat: number
  readonly jti: string
}

/**
 * Without a `claims` schema any claim may be read as `unknown`; with one, only what the schema types: a typo is a
 * compile error.
 */
export type ClaimsOf<C> = AccessTokenClaims &
  ([keyof C] extends [never] ? { readonly [claim: string]: unknown } : C)

/**
 * A verified access token, deeply frozen; the sets are read-only at run time too. Only verification makes one.
 *
 * It says what the authorization server vouches for. It does *not* say that the bearer is a human being: the `sub` of
 * a client's own token may equal the id of a user (RFC 9068 §5).
 */
export interface AccessToken<Claims = {}> {
  /** The claims; a null-prototype object, so that a claim named `__proto__` is a name like any other. */
  readonly claims: ClaimsOf<Claims>
  /** The JOSE header. */
  readonly header: JWTHeaderParameters
  readonly issuer: string
  /** `undefined` only where the issuer's deviations make `sub` optional. */
  readonly subject: string | undefined
  /** By the issuer's name for it; `undefined` only where the issuer's deviations make it optional. */
  readonly clientId: string | undefined
  readonly scopes: ReadonlySet<string>
  readonly roles: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  readonly entitlements: ReadonlySet<string>
  /** The confirmed sender constraints; empty for a plain bearer token. */
  readonly binding: ReadonlySet<'dpop' | 'mtls'>
}

/** Who verified a token: a resource server; it serves only tokens of its own. */
export type Verifier = object

/** What was verified, and by what: kept with the token, to judge again later whether it still counts. */
export class Verification implements Entry {
  // In this order, because what a hit reads then lies close together.
  /** The digest of the token, where it is remembered by it. */
  readonly id: string | undefined
  /** Read since the cache looked last. */
  used = false
  readonly trust: Trust
  readonly key: VerificationKey
  // Beside the claims, so that judging a remembered token need not fetch them from memory.
  readonly exp: unknown
  readonly nbf: unknown
  readonly iat: unknown
  readonly cnf: unknown
  readonly token: VerifiedAccessToken
  readonly verifier: Verifier
  /** The claims as signed, before a schema made others of them. */
  readonly claims: JSONObject
  /** Octets, estimated, where it is remembered. */
  size = 0

  /** @param shown the claims which handlers see; everything else is read from the signed ones */
  constructor(
    id: string | undefined,
    verifier: Verifier,
    header: JSONObject,
    claims: JSONObject,
    trust: Trust,
    key: VerificationKey,
    shown: JSONObject,
  ) {
    this.id = id
    this.verifier = verifier
    this.claims = claims
    this.trust = trust
    this.key = key
    this.exp = claims['exp']
    this.nbf = claims['nbf']
    this.iat = claims['iat']
    this.cnf = claims['cnf']
    this.token = new VerifiedAccessToken(this, header, shown)
  }
}

export class VerifiedAccessToken implements AccessToken {
  readonly claims: ClaimsOf<{}>
  readonly header: JWTHeaderParameters
  readonly issuer: string
  readonly subject: string | undefined
  readonly clientId: string | undefined
  readonly binding: ReadonlySet<'dpop' | 'mtls'>
  readonly #verification: Verification
  /** Read from the claims when somebody asks: most handlers want to know one of the four, or none. */
  #read: Partial<Record<Authority, FrozenSet>> | undefined

  static {
    // Else every token would lead to this class, which makes tokens out of anything.
    delete (this.prototype as { constructor?: unknown }).constructor
    if (inspection !== undefined) {
      Object.defineProperty(this.prototype, inspection, {
        value(this: VerifiedAccessToken) {
          return this.toJSON()
        },
      })
    }
    // Reachable from every token, and shared by all.
    Object.freeze(this.prototype)
    Object.freeze(this)
  }

  constructor(verification: Verification, header: JSONObject, shown: JSONObject) {
    const { trust, claims } = verification
    this.#verification = verification
    this.claims = shown as ClaimsOf<{}>
    this.header = header as unknown as JWTHeaderParameters
    this.issuer = trust.issuer
    this.subject = claims['sub'] as string | undefined
    this.clientId = claims[trust.deviations.client_id] as string | undefined
    this.binding = EMPTY_SET as unknown as ReadonlySet<'dpop' | 'mtls'>
    Object.freeze(this)
    // A mapping is code of the application: it runs once per token, and its mistakes show at once.
    if (trust.authorities !== undefined) {
      for (const authority of AUTHORITIES)
        if (trust.authorities[authority] !== undefined) this.#valuesOf(authority)
    }
  }

  get scopes(): FrozenSet {
    return this.#valuesOf('scopes')
  }
  get roles(): FrozenSet {
    return this.#valuesOf('roles')
  }
  get groups(): FrozenSet {
    return this.#valuesOf('groups')
  }
  get entitlements(): FrozenSet {
    return this.#valuesOf('entitlements')
  }

  /** What `JSON.stringify` takes, the sets as lists. */
  toJSON(): object {
    const { scopes, roles, groups, entitlements } = this
    const { ...fields }: AccessToken = this
    return { ...fields, scopes, roles, groups, entitlements }
  }

  /** What made `token`; `undefined` for anything that no resource server of this library made. */
  static verificationOf(token: VerifiedAccessToken): Verification
  static verificationOf(token: unknown): Verification | undefined
  static verificationOf(token: unknown): Verification | undefined {
    return typeof token === 'object' && token !== null && #verification in token
      ? token.#verification
      : undefined
  }

  #valuesOf(authority: Authority): FrozenSet {
    const known = this.#read?.[authority]
    if (known !== undefined) return known
    const { claims, trust } = this.#verification
    this.#read ??= {}
    return (this.#read[authority] = readAuthority(
      authority,
      claims,
      trust.authorities,
      trust.allow[authority],
    ))
  }
}
