import { importJWK } from 'jose/key/import'
import { compactVerify } from 'jose/jws/compact/verify'

import { decodeBase64url } from '../internal/base64url.ts'
import type { CryptoImplementation } from './crypto.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const ascii = new TextEncoder()

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
    const key = await importJWK({ ...jwk }, alg === 'Ed25519' ? 'EdDSA' : alg)
    return key instanceof Uint8Array ? undefined : key
  } catch {
    return undefined
  }
}

export const verifySignature: CryptoImplementation['verifySignature'] = async (_alg, key, token) => {
  try {
    // The header was judged before; the algorithm is fixed by the key which was chosen for it.
    await compactVerify(token, key as Awaited<ReturnType<typeof importJWK>>)
    return true
  } catch {
    return false
  }
}

export const digest: CryptoImplementation['digest'] = async (token) => {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', ascii.encode(token)))
  return btoa(String.fromCharCode(...bytes))
}

export const decodeText: CryptoImplementation['decodeText'] = (base64url) => {
  try {
    return utf8.decode(decodeBase64url(base64url))
  } catch {
    return undefined
  }
}
