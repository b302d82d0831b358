/** The number of octets which canonical base64url of this length stands for. */
export function decodedLength(text: string): number {
  return Math.floor((text.length * 3) / 4)
}

/** Decodes text that passed `isBase64url()`. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const octets = new Uint8Array(letters.length)
  for (let i = 0; i < letters.length; i += 1) octets[i] = letters.charCodeAt(i)
  return octets
}

/** Without padding, RFC 7515 §2. Not for more octets than a call may have arguments. */
export function encodeBase64url(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
