/** The number of octets which canonical base64url of this length stands for. */
export function decodedLength(text: string): number {
  return Math.floor((text.length * 3) / 4)
}

/** Decodes text that passed `isBase64url()`. */
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
