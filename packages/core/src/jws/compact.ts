import { Refusal } from '../errors.ts'
import { isCanonical } from '../internal/base64url.ts'

/** The three parts of a compact JWS, each canonical base64url. */
export interface Compact {
  readonly header: string
  readonly payload: string
  readonly signature: string
}

const JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * The compact form of RFC 7515 §3.1, strictly: a token has one spelling. Everything else is named for what it looks
 * like: five parts are an encrypted token, and what is not of three or five parts is no JWT.
 */
export function parseCompact(token: string): Compact | Refusal {
  if (!JWS.test(token)) return new Refusal(unlike(token))
  const first = token.indexOf('.')
  const last = token.lastIndexOf('.')
  const header = token.slice(0, first)
  const payload = token.slice(first + 1, last)
  const signature = token.slice(last + 1)
  if (!isCanonical(header) || !isCanonical(payload) || !isCanonical(signature))
    return new Refusal('token_malformed')
  return { header, payload, signature }
}

function unlike(token: string): 'token_malformed' | 'token_encrypted' | 'token_opaque' {
  // RFC 7516 §3.1: five parts, of which the encrypted key may be empty.
  if (/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){4}$/.test(token)) return 'token_encrypted'
  const dots = countDots(token)
  return dots !== 2 && dots !== 4 && /^[A-Za-z0-9\-._~+/]+=*$/.test(token)
    ? 'token_opaque'
    : 'token_malformed'
}

/** Up to 5: a token of a million dots is not walked through. */
function countDots(token: string): number {
  let dots = 0
  for (let at = token.indexOf('.'); at !== -1 && dots < 5; at = token.indexOf('.', at + 1)) dots += 1
  return dots
}
