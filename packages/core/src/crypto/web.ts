import { decodeBase64url, octetsOf } from '../internal/base64url.ts'
import { type Algorithm, ALGORITHMS } from './algorithms.ts'
import type { CryptoImplementation, KeyHandle } from './crypto.ts'

/** A key of WebCrypto, and what that is told of its algorithm. */
interface WebKey {
  readonly key: CryptoKey
  readonly parameters: ParametersOfAll
}

interface ParametersOfAll {
  readonly name: string
  readonly hash: string
  readonly namedCurve: string
  readonly saltLength: number
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
  try {
    const parameters = parametersOf(alg)
    const key = await crypto.subtle.importKey('jwk', { ...jwk }, parameters, false, ['verify'])
    return { key, parameters } satisfies WebKey
  } catch {
    return undefined
  }
}

/**
 * RFC 7518 §3.3 to §3.5 and RFC 8037 §3.1 in the words of WebCrypto, whose ECDSA signatures are `r` and `s` in a row
 * as in a JWS. It reads of them what concerns the algorithm and what it is to do.
 */
function parametersOf(alg: string): ParametersOfAll {
  const { kty, crv, hash } = ALGORITHMS.get(alg) as Algorithm
  const bits = Number(hash?.slice(3))
  const rsa = alg.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5'
  return {
    name: kty === 'RSA' ? rsa : kty === 'EC' ? 'ECDSA' : alg,
    hash: `SHA-${bits}`,
    namedCurve: crv as string,
    // RFC 7518 §3.5: the salt is exactly as long as the digest.
    saltLength: bits / 8,
  }
}

export const verifySignature: CryptoImplementation['verifySignature'] = async (
  _alg,
  handle: KeyHandle,
  token,
  signature,
) => {
  const { key, parameters } = handle as WebKey
  try {
    const signed = octetsOf(token.slice(0, -signature.length - 1))
    return await crypto.subtle.verify(parameters, key, decodeBase64url(signature), signed)
  } catch {
    return false
  }
}

export const digest: CryptoImplementation['digest'] = async (token) => {
  // In UTF-8: letters beyond ASCII must not have the octets of others, for nobody has read this text yet.
  const octets = await crypto.subtle.digest('SHA-256', utf8Encoder.encode(token))
  return String.fromCharCode(...new Uint8Array(octets))
}

export const misleads: CryptoImplementation['misleads'] = () => false

export const isInBase64url: CryptoImplementation['isInBase64url'] = (text) =>
  text.length % 4 !== 1 && /^[\w-]*$/.test(text)

export const decodeText: CryptoImplementation['decodeText'] = (base64url) => {
  try {
    return utf8.decode(decodeBase64url(base64url))
  } catch {
    return undefined
  }
}
