import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

import { encodeText } from './tokens.ts'

/** A kind of key a set may hold, and a signature of the right size which no such key made. */
export interface KeyKind {
  readonly name: string
  readonly alg: string
  /** A new key of this kind, as a set holds it. */
  jwk(kid?: string): Record<string, unknown>
  /** With this signature everything is computed before it turns out to be wrong. */
  readonly signature: string
}

/** The kinds which this runtime knows. */
export function keyKinds(): readonly KeyKind[] {
  return [
    rsa(2048, 'RS256'),
    rsa(4096, 'RS256'),
    rsa(8192, 'RS256'),
    rsa(8192, 'PS512'),
    byPair('P-256', 'ES256', 'sha256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    byPair('P-384', 'ES384', 'sha384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })),
    byPair('P-521', 'ES512', 'sha512', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })),
    byPair('Ed25519', 'EdDSA', null, () => generateKeyPairSync('ed25519')),
    ...(['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const).flatMap(postQuantum),
  ]
}

/** The greatest exponent a key in use may have: with the usual one a verification takes half of the multiplications. */
const EXPONENT = Buffer.from([0xff, 0xff, 0xff, 0xfb]).toString('base64url')

/** A modulus nobody knows the factors of does to verify with, and takes no minutes to make. */
function rsa(bits: number, alg: string): KeyKind {
  const octets = bits / 8
  return {
    name: `RSA ${bits}, exponent near 2^32, ${alg}`,
    alg,
    jwk: (kid) => {
      const modulus = randomBytes(octets)
      modulus[0] = 0xff
      modulus[octets - 1] = (modulus[octets - 1] as number) | 1
      return described({ kty: 'RSA', n: modulus.toString('base64url'), e: EXPONENT }, alg, kid)
    },
    // Below every modulus, so that the exponentiation is done.
    signature: Buffer.alloc(octets, 0x11).toString('base64url'),
  }
}

interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** The signature is that of a stranger, with all its numbers in range. */
function byPair(name: string, alg: string, digest: string | null, make: () => KeyPair): KeyKind {
  const { privateKey: key } = make()
  const signature = sign(digest, Buffer.from('something else'), { key, dsaEncoding: 'ieee-p1363' })
  return {
    name,
    alg,
    jwk: (kid) => described(make().publicKey.export({ format: 'jwk' }), alg, kid),
    signature: signature.toString('base64url'),
  }
}

/** Where OpenSSL has it. */
function postQuantum(alg: 'ML-DSA-44' | 'ML-DSA-65' | 'ML-DSA-87'): KeyKind[] {
  const type = alg.toLowerCase() as 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87'
  try {
    return [byPair(alg, alg, null, () => generateKeyPairSync(type))]
  } catch {
    return []
  }
}

function described(material: object, alg: string, kid: string | undefined): Record<string, unknown> {
  return { ...material, alg, use: 'sig', ...(kid === undefined ? {} : { kid }) }
}

/** Tokens of which the signature is computed and wrong, each with claims of its own. */
export function forgeries(
  { alg, signature }: KeyKind,
  kid: string | undefined,
  count: number,
  claims: () => Record<string, unknown>,
): Buffer[] {
  const header = encodeText(JSON.stringify({ alg, typ: 'at+jwt', ...(kid === undefined ? {} : { kid }) }))
  return Array.from({ length: count }, () =>
    Buffer.from(`${header}.${encodeText(JSON.stringify(claims()))}.${signature}`),
  )
}
