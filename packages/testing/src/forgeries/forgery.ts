import { ERRORS, type ErrorCode } from '@atjwt/core'
import type { JWK } from 'jose'

import { base64url, jsonOf, type SigningKey, signCompact } from '../jws.ts'

/** A token which a resource server must refuse, and what it must say. */
export interface Forgery {
  readonly name: string
  /** What the forger tampers with. */
  readonly family:
    | 'algorithm'
    | 'key'
    | 'type'
    | 'header'
    | 'form'
    | 'claims'
    | 'audience'
    | 'time'
    | 'binding'
  /** Where the rule stands which the token breaks. */
  readonly spec: `RFC ${number} §${string}`
  /** The rule, in a sentence. */
  readonly sentence: string
  readonly token: string
  /** The reason of the refusal. */
  readonly expect: ErrorCode
  /** Its HTTP status. */
  readonly status: (typeof ERRORS)[ErrorCode]['status']
}

type Members = Readonly<Record<string, unknown>>

/** How a forgery is made. */
export interface Recipe extends Omit<Forgery, 'token' | 'status' | 'family'> {
  readonly make: (workshop: Workshop) => string | Promise<string>
  /** Only for issuers which sign with such an algorithm. */
  readonly when?: (alg: string) => boolean
}

/** What a forger has: a valid token's parts, the public key, keys of his own; and, for what an issuer may get wrong, its key. */
export class Workshop {
  readonly issuer: string
  readonly audience: string
  /** Seconds since the epoch. */
  readonly now: number
  readonly key: SigningKey
  /** A key of the same algorithm which the issuer does not have. */
  readonly stranger: SigningKey
  /** A key of another algorithm which the issuer does not have. */
  readonly other: SigningKey
  readonly header: Members
  readonly claims: Members

  constructor(
    parts: Pick<Workshop, 'issuer' | 'audience' | 'now' | 'key' | 'stranger' | 'other' | 'claims'>,
  ) {
    this.issuer = parts.issuer
    this.audience = parts.audience
    this.now = parts.now
    this.key = parts.key
    this.stranger = parts.stranger
    this.other = parts.other
    this.claims = parts.claims
    this.header = { alg: this.key.alg, typ: 'at+jwt', kid: this.key.kid }
  }

  get publicJwk(): JWK {
    return this.key.publicJwk
  }

  /** A valid token but for these claims and header members; `undefined` leaves one out. */
  issue(claims: Members = {}, header: Members = {}, key: SigningKey = this.key): Promise<string> {
    return signCompact(key, this.headerText(header), this.claimsText(claims))
  }

  /** The texts as they stand, signed by the issuer. */
  sign(header: string | Uint8Array, claims: string | Uint8Array): Promise<string> {
    return signCompact(this.key, header, claims)
  }

  headerText(header: Members = {}): string {
    return jsonOf({ ...this.header, ...header })
  }

  claimsText(claims: Members = {}): string {
    return jsonOf({ ...this.claims, ...claims })
  }

  /** Header and payload as they stand in a token, without a signature. */
  input(header: Members = {}, claims: Members = {}): string {
    return `${base64url(this.headerText(header))}.${base64url(this.claimsText(claims))}`
  }
}

/** A text with one member more in front; the later one of the same name follows. */
export function withMember(text: string, member: string): string {
  return `{${member},${text.slice(1)}`
}
