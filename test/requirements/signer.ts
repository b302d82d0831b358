import { Buffer } from 'node:buffer'
import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  sign,
  type SignKeyObjectInput,
} from 'node:crypto'

/** A JWK as plain data: tests break it in ways which no type allows. */
export type Jwk = Record<string, unknown>

/** A key which signs whatever it is given. */
export interface Signer {
  readonly alg: string
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** The public key. */
  readonly jwk: Jwk
}

const CURVES: Readonly<Record<string, string>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  ES256K: 'secp256k1',
}

/** A key made at run time. `extra` is laid over its public JWK; `undefined` takes a member away. */
export function makeSigner(alg: string, kid = 'k1', extra: Jwk = {}, modulusLength = 2048): Signer {
  const { privateKey, publicKey } = makePair(alg, modulusLength)
  const jwk: Jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig', ...extra }
  for (const [name, value] of Object.entries(jwk)) if (value === undefined) delete jwk[name]
  return { alg, kid, privateKey, publicKey, jwk }
}

function makePair(alg: string, modulusLength: number): { privateKey: KeyObject; publicKey: KeyObject } {
  const namedCurve = CURVES[alg]
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve })
  if (alg === 'Ed25519' || alg === 'EdDSA') return generateKeyPairSync('ed25519')
  if (alg === 'Ed448') return generateKeyPairSync('ed448')
  if (alg === 'ML-DSA-65') return generateKeyPairSync('ml-dsa-65')
  return generateKeyPairSync('rsa', { modulusLength })
}

/** A part of a compact JWS: JSON, a text or octets, as they are. */
export type Part = object | string | Uint8Array

/** base64url of a part. */
export function encode(part: Part): string {
  if (typeof part === 'string' || part instanceof Uint8Array) return Buffer.from(part).toString('base64url')
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** Signs octets as `alg` says, whatever a header says. */
export function signOctets(alg: string, key: KeyObject, octets: Uint8Array): Buffer {
  const digest = `sha${/\d{3}/.exec(alg)?.[0] ?? '256'}`
  let input: SignKeyObjectInput = { key }
  if (alg.startsWith('ES')) input = { key, dsaEncoding: 'ieee-p1363' }
  if (alg.startsWith('PS')) {
    input = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  }
  const own = alg.startsWith('Ed') || alg.startsWith('ML-DSA')
  return sign(own ? null : digest, octets, input)
}

/**
 * A compact JWS by hand: header and payload as they are given, signed rightly by the signer's key. What a library
 * refuses to make, an attacker makes.
 */
export function forge(header: Part, payload: Part, signer: Signer): string {
  const signed = `${encode(header)}.${encode(payload)}`
  return `${signed}.${signOctets(signer.alg, signer.privateKey, Buffer.from(signed)).toString('base64url')}`
}

/** Likewise, with an HMAC. */
export function forgeHmac(header: Part, payload: Part, secret: string | Uint8Array): string {
  const signed = `${encode(header)}.${encode(payload)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
