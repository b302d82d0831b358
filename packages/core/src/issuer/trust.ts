import type { JSONWebKeySet } from 'jose'

import type { Authorities, Authority } from '../access-token/authorities.ts'
import type { ResourceRequest } from '../request.ts'
import type { KeySource } from './key-source.ts'

/** One value or several. An empty list throws at construction. */
export type OneOrMore<T> = T | readonly T[]

/** What of RFC 9068 an issuer does not keep. Everything that is not named here is judged as the RFC says. */
export interface Deviations {
  /**
   * Values of `typ` accepted beside `at+jwt`, for example `'JWT'`; `null` stands for a token without `typ`. A token
   * which looks like an ID token is refused all the same.
   */
  readonly typ?: readonly (string | null)[]
  /** Claims among `sub`, `client_id`, `iat` and `jti` which may be missing; present, they must be right. */
  readonly optionalClaims?: readonly string[]
  /** The name under which the issuer writes `client_id`, for example `'azp'`. */
  readonly client_id?: string
  /** The name under which the issuer writes `jti`, for example `'uti'`. */
  readonly jti?: string
}

/** An issuer whose access tokens are accepted, and by which rules. */
export interface TrustedIssuer {
  /** The issuer identifier, compared code point by code point. */
  readonly issuer: string
  /** Replaces discovery of the keys: their place, or the keys themselves. */
  readonly jwks?: URL | JSONWebKeySet
  /** Where the metadata is read when not at a well-known place of `issuer`; its `issuer` must still be equal. */
  readonly metadata?: URL
  /** Origins from which documents may be fetched; any https origin by default, the issuer's for a resolved issuer. */
  readonly jwksOrigins?: readonly string[]
  /** Replaces the audience of the resource server, it does not extend it. */
  readonly audience?: OneOrMore<string>
  /** Replaces the algorithms of the resource server, it does not extend them. */
  readonly algorithms?: OneOrMore<string>
  /** Replaces the mapping of the resource server, authority by authority. */
  readonly authorities?: Authorities
  /** Only these values may come from this issuer; others are not held. */
  readonly allow?: Partial<Record<Authority, readonly string[]>>
  readonly deviations?: Deviations
}

/**
 * Asked for every request, after size, grammar and header passed; its author memoises. `undefined`: not trusted, 401, no
 * fetch. Whether `typ` and `alg` may be is judged by the answer. Throwing, or more than 5 s: 503. Only key state is
 * cached, by the content of the answer.
 *
 * `iss` is what the token says and nobody has verified: look it up among issuers you know, never in the network.
 */
export type IssuerResolver = (
  iss: string,
  request: ResourceRequest | undefined,
) => TrustedIssuer | undefined | Promise<TrustedIssuer | undefined>

/** A {@link TrustedIssuer}, checked and resolved: what the request path reads. */
export interface Trust {
  readonly issuer: string
  readonly audience: ReadonlySet<string>
  /** Canonical names. */
  readonly algorithms: ReadonlySet<string>
  readonly authorities: Authorities | undefined
  readonly allow: Readonly<Partial<Record<Authority, ReadonlySet<string> | undefined>>>
  readonly deviations: {
    /** Lower case, without `application/`. */
    readonly typ: ReadonlySet<string | null>
    readonly optionalClaims: ReadonlySet<string>
    readonly client_id: string
    readonly jti: string
  }
  readonly keys: KeySource
}
