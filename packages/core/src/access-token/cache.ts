import { type Bounds, SecondChance } from '../internal/second-chance.ts'
import type { Header } from '../jws/header.ts'
import type { Verification } from './access-token.ts'

/** Headers which are known to be good; an issuer has a few. */
const MAX_HEADERS = 256
const MAX_HEADER_LENGTH = 1024

interface KnownHeader {
  readonly encoded: string
  readonly header: Header
}

/** Tokens, and octets, estimated. */
export type CacheBounds = Bounds

/**
 * Remembers which tokens a key has signed. A token is one of them when the SHA-256 of the whole of it is, signature
 * included: by header and payload alone any signature would do. No token is kept, and no refusal: garbage cannot push
 * out what is good.
 *
 * One cache belongs to one resource server, so that no verdict of another configuration is ever met.
 */
export class TokenCache {
  /**
   * By some letters of the signature, which nobody chooses: of what has others no digest is needed to tell that it is
   * not known. Numbers lie in the table itself, strings would have to be fetched to compare.
   */
  readonly #tokens: SecondChance<number, Verification>
  readonly #maxSize: number
  /** Written after a signature verified, so nobody without a key can fill it. */
  readonly #headers = new Map<string, KnownHeader>()
  /** The one which was asked for last: most issuers write one, which then need not be looked up. */
  #last: KnownHeader | undefined

  constructor(bounds: CacheBounds) {
    this.#tokens = new SecondChance(bounds)
    this.#maxSize = bounds.maxSize
  }

  /** The token which has the same letters where they are looked at. It is this one only if its `id` is the digest of this one. */
  alike(token: string): Verification | undefined {
    const sample = sampleOf(token)
    const known = this.#tokens.get(sample)
    if (known?.key.retired !== true) return known
    this.#tokens.delete(sample)
    return undefined
  }

  /** The header that was read from this text before: reading it again would give the same. */
  header(encoded: string): Header | undefined {
    if (encoded === this.#last?.encoded) return this.#last.header
    if (encoded.length > MAX_HEADER_LENGTH) return undefined
    const known = this.#headers.get(encoded)
    if (known !== undefined) this.#last = known
    return known?.header
  }

  /** Whether a token of so many characters is remembered: one which is larger than all that may be held is not. */
  takes(tokenLength: number): boolean {
    return sizeOf(tokenLength) <= this.#maxSize
  }

  /** Takes the place of a token which looks alike, if there is one. */
  remember(token: string, verification: Verification, encodedHeader: string, header: Header): void {
    verification.size = sizeOf(token.length)
    this.#tokens.set(sampleOf(token), verification)
    if (header === this.#last?.header || encodedHeader.length > MAX_HEADER_LENGTH) return
    if (this.#headers.has(encodedHeader)) return
    // By an issuer which signs ever new ones: none of them comes again.
    if (this.#headers.size >= MAX_HEADERS) this.#headers.clear()
    const encoded = copyOfText(encodedHeader)
    this.#headers.set(encoded, { encoded, header })
  }

  clear(): void {
    this.#tokens.clear()
    this.#headers.clear()
    this.#last = undefined
  }
}

/**
 * Octets which a remembered token takes, estimated. What makes one long is lists of short names, each of which is an
 * object: they take several times what other claims of the same length do.
 */
function sizeOf(tokenLength: number): number {
  return Math.max(2 * tokenLength + 512, 3 * tokenLength - 1000)
}

/** How far from its end the letters of a token are looked at, and how far they are from each other. */
const SAMPLED = 128
const STEP = 16

/**
 * The length of a token and some of its letters as one number so small that engines need no object for it. They are
 * spread over more than a short signature has, since a long one may end in what hardly varies: ML-DSA ends in hints,
 * which are counted and padded with zeros (FIPS 204 §7.1).
 */
function sampleOf(token: string): number {
  let sample = token.length
  for (let at = token.length - SAMPLED; at < token.length; at += STEP)
    sample = Math.imul(sample ^ token.charCodeAt(at), 0x01000193)
  return sample >>> 2
}

/** A part of a string may be a view which keeps the whole alive, here a token. */
function copyOfText(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}
