import { encode } from 'jose/base64url'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import type { CryptoKey, JWK } from 'jose'

/** A key pair which signs, with what is published of it. */
export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
}

export async function makeKey(alg: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  const kid = (await calculateJwkThumbprint({ ...jwk, alg })).slice(0, 8)
  return { kid, alg, privateKey, publicKey, publicJwk: { ...jwk, kid, alg, use: 'sig' } }
}

/** Base64url of a text or of octets. */
export function base64url(value: string | Uint8Array): string {
  return encode(value)
}

/** A header and a payload as they stand, whatever they say, signed by the key with its own algorithm. */
export async function signCompact(
  key: SigningKey,
  header: string | Uint8Array,
  payload: string | Uint8Array,
): Promise<string> {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${base64url(await signatureOf(key, input))}`
}

export async function signatureOf(key: SigningKey, input: string): Promise<Uint8Array> {
  const octets = new TextEncoder().encode(input)
  return new Uint8Array(await crypto.subtle.sign(parametersOf(key.alg), key.privateKey, octets))
}

/** RFC 7518 §3: what WebCrypto must be told beside the key. */
function parametersOf(alg: string): { name: string; hash?: string; saltLength?: number } {
  const bits = Number(alg.slice(-3))
  if (alg.startsWith('ES')) return { name: 'ECDSA', hash: `SHA-${bits}` }
  if (alg.startsWith('RS')) return { name: 'RSASSA-PKCS1-v1_5' }
  if (alg.startsWith('PS')) return { name: 'RSA-PSS', saltLength: bits / 8 }
  return { name: alg === 'EdDSA' ? 'Ed25519' : alg }
}

/** JSON without the members which are `undefined`. */
export function jsonOf(members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(members)
}
