import { Buffer } from 'node:buffer'
import { generateKeyPairSync } from 'node:crypto'

import { expect, test } from 'vitest'

import { isROCA } from './roca.ts'

const octets = (value: bigint): Uint8Array => {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

test('isROCA() knows what the faulty library made: powers of 65537 modulo the small primes', () => {
  for (const power of [1n, 2n, 77n, 128n]) expect(isROCA(octets(65_537n ** power))).toBe(true)
})

test('isROCA() is wrong about no key that was made at random', () => {
  for (let i = 0; i < 3; i += 1) {
    const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
    expect(isROCA(Buffer.from(n as string, 'base64url'))).toBe(false)
  }
})
