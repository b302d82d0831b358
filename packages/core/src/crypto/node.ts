import { Buffer, isAscii } from 'node:buffer'
import { constants, createHash, createPublicKey, hash, verify, type KeyObject } from 'node:crypto'

import { ALGORITHMS } from './algorithms.ts'
import type { CryptoImplementation, KeyHandle } from './crypto.ts'

interface NodeKey {
  readonly hash: string | undefined
  readonly options: {
    readonly key: KeyObject
    readonly padding?: number
    readonly saltLength?: number
    readonly dsaEncoding?: 'ieee-p1363'
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

let mldsa: boolean | undefined
function supportsMLDSA(): boolean {
  if (mldsa === undefined) {
    try {
      const pub = Buffer.alloc(1312).toString('base64url')
      createPublicKey({ key: { kty: 'AKP', alg: 'ML-DSA-44', pub }, format: 'jwk' })
      mldsa = true
    } catch {
      mldsa = false
    }
  }
  return mldsa
}

export const implementation: CryptoImplementation['implementation'] = 'node'

export const supports: CryptoImplementation['supports'] = (alg) =>
  !alg.startsWith('ML-DSA') || supportsMLDSA()

export const importKey = ((jwk, alg) => {
  const algorithm = ALGORITHMS.get(alg)
  if (algorithm === undefined) return undefined
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    let options: NodeKey['options'] = { key }
    if (algorithm.kty === 'EC') options = { key, dsaEncoding: 'ieee-p1363' }
    else if (alg.startsWith('PS')) {
      options = {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        // RFC 7518 §3.5: the salt is exactly as long as the digest.
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }
    } else if (alg.startsWith('RS')) options = { key, padding: constants.RSA_PKCS1_PADDING }
    return { hash: algorithm.hash, options } satisfies NodeKey
  } catch {
    return undefined
  }
}) satisfies CryptoImplementation['importKey'] as CryptoImplementation['importKey']

export const verifySignature: (alg: string, key: KeyHandle, token: string) => boolean = (
  _alg,
  key,
  token,
) => {
  const { hash: digestName, options } = key as NodeKey
  const dot = token.lastIndexOf('.')
  try {
    return verify(
      digestName,
      Buffer.from(token.slice(0, dot), 'latin1'),
      options,
      Buffer.from(token.slice(dot + 1), 'base64url'),
    )
  } catch {
    return false
  }
}

export const digest: (token: string) => string =
  // One-shot hashing came to Node in 21.7, and later to the runtimes which follow it.
  typeof hash === 'function'
    ? (token) => hash('sha256', token, 'base64')
    : (token) => createHash('sha256').update(token).digest('base64')

export const decodeText: CryptoImplementation['decodeText'] = (base64url) => {
  const bytes = Buffer.from(base64url, 'base64url')
  if (isAscii(bytes)) return bytes.toString('latin1')
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
