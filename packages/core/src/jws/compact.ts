import { misleads } from '#crypto'

import { isB64Token } from '../credentials/parse.ts'
import { Refusal } from '../errors.ts'
import { isBase64url } from '../internal/canonical.ts'

/** The three parts of a compact JWS, each canonical base64url. */
export interface Compact {
  readonly header: string
  readonly payload: string
  readonly signature: string
}

/** RFC 7516 §3.1: five parts, of which the encrypted key may be empty. */
const JWE = /^[\w-]+(?:\.[\w-]*){4}$/

/**
 * The compact form of RFC 7515 §3.1, strictly: a token has one spelling. Everything else is named for what it looks
 * like: five parts are an encrypted token, and what is not of three or five parts is no JWT.
 */
export function parseCompact(token: string): Compact | Refusal {
  const first = token.indexOf('.')
  const last = token.indexOf('.', first + 1)
  if (last === -1 || token.includes('.', last + 1)) return new Refusal(unlike(token))
  const header = token.slice(0, first)
  const payload = token.slice(first + 1, last)
  const signature = token.slice(last + 1)
  const isPlain = !misleads(token)
  const isCanonical =
    isBase64url(header, isPlain) && isBase64url(payload, isPlain) && isBase64url(signature, isPlain)
  return isCanonical ? { header, payload, signature } : new Refusal('token_malformed')
}

function unlike(token: string): 'token_malformed' | 'token_encrypted' | 'token_opaque' {
  // Up to one more: a token of a million dots is not walked through.
  if (token.split('.', 6).length === 5) return JWE.test(token) ? 'token_encrypted' : 'token_malformed'
  return isB64Token(token) ? 'token_opaque' : 'token_malformed'
}
