import { BoundedMap } from '../internal/bounded-map.ts'
import type { Header } from '../jws/header.ts'
import type { Verification } from './access-token.ts'

/** Headers which are known to be good; an issuer has a few. */
const MAX_HEADERS = 256
const MAX_HEADER_LENGTH = 1024

/** The bounds of a {@link TokenCache}. */
export interface CacheBounds {
  /** Tokens. */
  readonly max: number
  /** Octets, estimated. */
  readonly maxSize: number
}

/**
 * Remembers which tokens a key has signed, by the SHA-256 of the whole token, signature included: by header and
 * payload alone any signature would do. No token is kept, and no refusal: garbage cannot push out what is good.
 *
 * One cache belongs to one resource server, so that no verdict of another configuration is ever met.
 */
export class TokenCache {
  readonly #tokens: BoundedMap<string, Verification>
  /** Written after a signature verified, so nobody without a key can fill it. */
  readonly #headers = new BoundedMap<string, Header>({ max: MAX_HEADERS })

  constructor({ max, maxSize }: CacheBounds) {
    this.#tokens = new BoundedMap({ max, maxSize })
  }

  get(id: string): Verification | undefined {
    const known = this.#tokens.get(id)
    if (known === undefined || !known.key.retired) return known
    this.#tokens.delete(id)
    return undefined
  }

  /** The header that was read from this text before: reading it again would give the same. */
  header(encoded: string): Header | undefined {
    return this.#headers.get(encoded)
  }

  remember(
    id: string,
    tokenLength: number,
    encodedHeader: string,
    header: Header,
    verification: Verification,
  ): void {
    this.#tokens.set(id, verification, 2 * tokenLength + 512)
    if (encodedHeader.length <= MAX_HEADER_LENGTH && !this.#headers.has(encodedHeader))
      this.#headers.set(copyOfText(encodedHeader), header)
  }

  clear(): void {
    this.#tokens.clear()
    this.#headers.clear()
  }

  get size(): number {
    return this.#tokens.size
  }
}

/** A part of a string may be a view which keeps the whole alive, here a token. */
function copyOfText(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}
