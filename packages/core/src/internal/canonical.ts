import { isInBase64url, misleads } from '#crypto'

/** The letters of base64url whose last four bits are zero. */
const FOUR_SPARE = 'AQgw'
/** The letters of base64url whose last two bits are zero. */
const TWO_SPARE = 'AEIMQUYcgkosw048'

/**
 * Whether `text` is canonical base64url of something, without padding, RFC 7515 §2: its alphabet alone, no impossible
 * length and no set spare bits (RFC 4648 §3.5). Otherwise one token would have many spellings, and whatever is keyed by
 * its text could be bypassed.
 *
 * @param isPlain whether no letter in it misleads, where that is known of what it is a part of
 */
export function isBase64url(text: string, isPlain: boolean = !misleads(text)): boolean {
  const spare = text.length % 4
  const last = text.charAt(text.length - 1)
  if ((spare === 2 && !FOUR_SPARE.includes(last)) || (spare === 3 && !TWO_SPARE.includes(last))) return false
  return text !== '' && isPlain && isInBase64url(text)
}
