import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { describe, expect, test } from 'vitest'

import type { KeyHandle, PublicJWK } from './crypto.ts'
import { importKey, verifySignature } from './node.ts'

const CURVES = [
  { alg: 'ES256', namedCurve: 'P-256', hash: 'sha256', half: 32 },
  { alg: 'ES384', namedCurve: 'P-384', hash: 'sha384', half: 48 },
  { alg: 'ES512', namedCurve: 'P-521', hash: 'sha512', half: 66 },
] as const

/** Octets which begin with this many zeros. */
function number(half: number, zeros: number): Buffer {
  const octets = randomBytes(half).fill(0, 0, zeros)
  if (zeros < half) octets[zeros] = (octets[zeros] as number) | 1
  return octets
}

describe.each(CURVES)('verifySignature() with $alg', ({ alg, namedCurve, hash, half }) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
  const handle = importKey(publicKey.export({ format: 'jwk' }) as PublicJWK, alg) as KeyHandle
  const input = Buffer.from('header.payload')
  const ours = (signature: Buffer): boolean | Promise<boolean> => {
    const text = signature.toString('base64url')
    return verifySignature(alg, handle, `${input.toString()}.${text}`, text)
  }
  const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const

  test('accepts every signature, whatever its numbers begin with', () => {
    // P-521 numbers have 521 bits in 528: none begins with a high octet.
    const wanted = new Set(alg === 'ES512' ? ['zero', 'low'] : ['zero', 'low', 'high'])
    while (wanted.size > 0) {
      const signature = sign(hash, input, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      for (const octet of [signature[0], signature[half]]) {
        wanted.delete(octet === 0 ? 'zero' : (octet as number) >= 0x80 ? 'high' : 'low')
      }
      expect(ours(signature)).toBe(true)
    }
  })

  test('refuses what is none, as the runtime does by the same encoding', () => {
    const good = sign(hash, input, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const zeros = [0, 1, 2, half - 1, half]
    const signatures = [
      ...zeros.flatMap((r) => zeros.map((s) => Buffer.concat([number(half, r), number(half, s)]))),
      ...zeros.map((r) => Buffer.concat([number(half, r), good.subarray(half)])),
      ...zeros.map((s) => Buffer.concat([good.subarray(0, half), number(half, s)])),
      Buffer.alloc(2 * half, 0xff),
      Buffer.alloc(0),
      good.subarray(1),
      Buffer.concat([good, Buffer.alloc(1)]),
      Buffer.concat([Buffer.alloc(1), good]),
      Buffer.concat([good.subarray(half), good.subarray(0, half)]),
      sign(hash, input, privateKey),
    ]
    for (const signature of signatures) {
      expect(verify(hash, input, key, signature)).toBe(false)
      expect(ours(signature)).toBe(false)
    }
  })
})
