import type { JWTHeaderParameters } from 'jose'

import type { JSONObject } from '../internal/json.ts'
import { type Authority, AUTHORITIES, readAuthority } from './authorities.ts'
import { EMPTY_SET, type FrozenSet } from './readonly-set.ts'
import type { VerificationKey } from '../issuer/jwk.ts'
import type { Trust } from '../issuer/trust.ts'

/**
 * Claims of a JWT access token by their wire names.
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

/** What made a token: kept with it, to judge it again later. */
export interface Origin {
  readonly verifier: Verifier
  readonly header: JSONObject
  /** The claims as signed, before a schema made others of them. */
  readonly claims: JSONObject
  readonly trust: Trust
  readonly key: VerificationKey
}

export class VerifiedAccessToken implements AccessToken {
  readonly claims: ClaimsOf<{}>
  readonly header: JWTHeaderParameters
  readonly issuer: string
  readonly subject: string | undefined
  readonly clientId: string | undefined
  readonly scopes: FrozenSet
  readonly roles: FrozenSet
  readonly groups: FrozenSet
  readonly entitlements: FrozenSet
  readonly binding: ReadonlySet<'dpop' | 'mtls'>
  readonly #origin: Origin
  /** The authorities about which the token says more than could be read. */
  readonly #incomplete: number

  static {
    // Else every token would lead to this class, which makes tokens out of anything.
    delete (this.prototype as { constructor?: unknown }).constructor
    // Reachable from every token, and shared by all.
    Object.freeze(this.prototype)
    Object.freeze(this)
  }

  /** @param shown the claims which handlers see; everything else is read from the signed ones */
  constructor(origin: Origin, shown: JSONObject) {
    const { trust, claims } = origin
    this.#origin = origin
    this.claims = shown as ClaimsOf<{}>
    this.header = origin.header as unknown as JWTHeaderParameters
    this.issuer = trust.issuer
    this.subject = claims['sub'] as string | undefined
    this.clientId = claims[trust.clientIdClaim] as string | undefined
    let incomplete = 0
    const read = (authority: Authority): FrozenSet => {
      const { values, complete } = readAuthority(authority, claims, trust.authorities, trust.allow[authority])
      if (!complete) incomplete |= bit(authority)
      return values
    }
    this.scopes = read('scopes')
    this.roles = read('roles')
    this.groups = read('groups')
    this.entitlements = read('entitlements')
    this.binding = EMPTY_SET as unknown as ReadonlySet<'dpop' | 'mtls'>
    this.#incomplete = incomplete
    Object.freeze(this)
  }

  /** What made `token`; `undefined` for anything that no resource server of this library made. */
  static originOf(token: VerifiedAccessToken): Origin
  static originOf(token: unknown): Origin | undefined
  static originOf(token: unknown): Origin | undefined {
    return typeof token === 'object' && token !== null && #origin in token ? token.#origin : undefined
  }

  /** Whether the token's claim could be read in full. A token that was not verified here is taken as it looks. */
  static isComplete(token: object, authority: Authority): boolean {
    return !(#incomplete in token) || (token.#incomplete & bit(authority)) === 0
  }
}

function bit(authority: Authority): number {
  return 1 << AUTHORITIES.indexOf(authority)
}
