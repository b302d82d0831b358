const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * Whether `text`, already known to use only the base64url alphabet, is the canonical spelling of some octets: no
 * impossible length and no set spare bits (RFC 4648 §3.5). Otherwise one token would have many spellings, and
 * whatever is keyed by its text could be bypassed.
 */
export function isCanonical(text: string): boolean {
  const rest = text.length % 4
  if (rest === 0) return true
  if (rest === 1) return false
  const last = ALPHABET.indexOf(text.charAt(text.length - 1))
  return (last & (rest === 2 ? 0b1111 : 0b11)) === 0
}

/** Whether `text` is canonical base64url without padding, RFC 7515 §2. */
export function isBase64url(text: string): boolean {
  return /^[A-Za-z0-9_-]*$/.test(text) && isCanonical(text)
}

/** The number of octets which canonical base64url of this length stands for. */
export function decodedLength(text: string): number {
  return Math.floor((text.length * 3) / 4)
}

/** Decodes text that passed {@link isBase64url}. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> {
  return octetsOf(atob(text.replaceAll('-', '+').replaceAll('_', '/')))
}

/** Without padding, RFC 7515 §2. Not for more octets than a call may have arguments. */
export function encodeBase64url(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** The octets of a text without letters beyond U+00FF, each as one. */
export function octetsOf(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i += 1) octets[i] = text.charCodeAt(i)
  return octets
}
