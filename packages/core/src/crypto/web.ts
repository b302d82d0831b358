import { decodeBase64url, octetsOf } from '../internal/base64url.ts'
import { ALGORITHMS } from './algorithms.ts'
import type { CryptoImplementation, KeyHandle } from './crypto.ts'

/** What WebCrypto is told of an algorithm. */
interface Parameters {
  readonly name: string
  readonly hash?: string
  readonly namedCurve?: string
  readonly saltLength?: number
}

/** A key of WebCrypto, and the parameters with which its algorithm verifies. */
interface WebKey {
  readonly key: CryptoKey
  readonly verification: Parameters
}

type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8Encoder = new TextEncoder()

export const implementation: CryptoImplementation['implementation'] = 'web'

export const supports: CryptoImplementation['supports'] = (alg) => {
  if (!alg.startsWith('ML-DSA')) return true
  // https://wicg.github.io/webcrypto-modern-algos: the only way to ask without doing.
  const subtle = globalThis.SubtleCrypto as unknown as
    | { supports?: (operation: string, algorithm: string) => boolean }
    | undefined
  return subtle?.supports?.('verify', alg) === true
}

export const importKey: CryptoImplementation['importKey'] = async (jwk, alg) => {
  const parameters = parametersOf(alg)
  if (parameters === undefined) return undefined
  try {
    const { forImport, verification } = parameters
    const key = await crypto.subtle.importKey('jwk', { ...jwk }, forImport, false, ['verify'])
    return { key, verification } satisfies WebKey
  } catch {
    return undefined
  }
}

/**
 * RFC 7518 §3.3 to §3.5 and RFC 8037 §3.1 in the words of WebCrypto, whose ECDSA signatures are `r` and `s` in a row
 * as in a JWS.
 */
function parametersOf(
  alg: string,
): { readonly forImport: Parameters; readonly verification: Parameters } | undefined {
  const algorithm = ALGORITHMS.get(alg)
  if (algorithm === undefined) return undefined
  const { kty, crv, hash: digestName } = algorithm
  const bits = Number(digestName?.slice(3))
  const hash = `SHA-${bits}`
  if (kty === 'EC') {
    const name = 'ECDSA'
    return { forImport: { name, namedCurve: crv as string }, verification: { name, hash } }
  }
  if (kty !== 'RSA') return { forImport: { name: alg }, verification: { name: alg } }
  const pss = alg.startsWith('PS')
  const name = pss ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5'
  // RFC 7518 §3.5: the salt is exactly as long as the digest.
  return { forImport: { name, hash }, verification: pss ? { name, saltLength: bits / 8 } : { name } }
}

export const verifySignature: CryptoImplementation['verifySignature'] = async (
  _alg,
  handle: KeyHandle,
  token,
  signature,
) => {
  const { key, verification } = handle as WebKey
  try {
    const signed = octetsOf(token.slice(0, -signature.length - 1))
    return await crypto.subtle.verify(verification, key, decodeBase64url(signature), signed)
  } catch {
    return false
  }
}

export const digest: CryptoImplementation['digest'] = async (token) => {
  // In UTF-8: letters beyond ASCII must not have the octets of others, for nobody has read this text yet.
  const octets = await crypto.subtle.digest('SHA-256', utf8Encoder.encode(token))
  return String.fromCharCode(...new Uint8Array(octets))
}

export const isInBase64url: CryptoImplementation['isInBase64url'] = (text) =>
  text.length % 4 !== 1 && /^[A-Za-z0-9_-]*$/.test(text)

export const decodeText: CryptoImplementation['decodeText'] = (base64url) => {
  try {
    return utf8.decode(decodeBase64url(base64url))
  } catch {
    return undefined
  }
}
