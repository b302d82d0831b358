import { Buffer } from 'node:buffer'
import { generateKeyPairSync } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { type UnusableKey, readJWK, VerificationKey } from './jwk.ts'

type JWK = Record<string, unknown>

const publicJWK = (pair: { publicKey: { export(options: { format: 'jwk' }): object } }): JWK => ({
  ...pair.publicKey.export({ format: 'jwk' }),
})
const rsa = publicJWK(generateKeyPairSync('rsa', { modulusLength: 2048 }))
const p256 = publicJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const p384 = publicJWK(generateKeyPairSync('ec', { namedCurve: 'P-384' }))
const p521 = publicJWK(generateKeyPairSync('ec', { namedCurve: 'P-521' }))
const ed25519 = publicJWK(generateKeyPairSync('ed25519'))
const akp = { kty: 'AKP', alg: 'ML-DSA-44', pub: Buffer.alloc(1312, 7).toString('base64url') }

const octets = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const number = (value: bigint): string => {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
}

const algorithmsOf = (jwk: unknown): readonly string[] | UnusableKey => {
  const key = readJWK(jwk)
  return key instanceof VerificationKey ? [...key.algorithms] : key
}

describe('readJWK()', () => {
  test.each<[string, JWK, readonly string[]]>([
    ['an RSA key', rsa, ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
    ['an RSA key with alg (JO-07)', { ...rsa, alg: 'PS256' }, ['PS256']],
    ['a P-256 key', p256, ['ES256']],
    ['a P-384 key', p384, ['ES384']],
    ['a P-521 key', p521, ['ES512']],
    ['an Ed25519 key', ed25519, ['Ed25519']],
    ['an Ed25519 key called EdDSA (JO-16)', { ...ed25519, alg: 'EdDSA' }, ['Ed25519']],
    ['an AKP key with alg (JO-18)', akp, ['ML-DSA-44']],
    ['a key for signatures', { ...p256, use: 'sig', key_ops: ['verify'] }, ['ES256']],
    ['a key with members nobody knows', { ...p256, x5c: ['x'], 'x5t#S256': 1, other: {} }, ['ES256']],
  ])('takes %s for what it serves', (_what, jwk, algorithms) => {
    expect(algorithmsOf(jwk)).toEqual(algorithms)
  })

  test.each<[string, unknown, UnusableKey]>([
    ['null', null, 'not_an_object'],
    ['a list', [p256], 'not_an_object'],
    ['a string', 'key', 'not_an_object'],
    ['no kty', { ...p256, kty: undefined }, 'kty_unknown'],
    ['an unknown kty (JO-10)', { kty: 'X' }, 'kty_unknown'],
    ['a kty in another case', { ...rsa, kty: 'rsa' }, 'kty_unknown'],
    ['a kty from a prototype', { kty: '__proto__' }, 'kty_unknown'],
    ['a symmetric key (JO-11)', { kty: 'oct', k: 'AAAA' }, 'private_key'],
    ['a private RSA key (JO-11)', { ...rsa, d: 'AAAA' }, 'private_key'],
    ['a private EC key (JO-11)', { ...p256, d: 'AAAA' }, 'private_key'],
    ['a private AKP key (JO-11)', { ...akp, priv: 'AAAA' }, 'private_key'],
    ['a private member of no sense', { ...rsa, oth: [] }, 'private_key'],
    ['a key for encryption (JO-09, MD-09)', { ...p256, use: 'enc' }, 'use_not_sig'],
    ['a use which is no string', { ...p256, use: ['sig'] }, 'use_not_sig'],
    ['operations without verify (JO-09)', { ...p256, key_ops: ['sign'] }, 'key_ops_without_verify'],
    [
      'operations of another use (JO-09)',
      { ...p256, use: 'sig', key_ops: ['encrypt'] },
      'key_ops_without_verify',
    ],
    ['operations which are no list', { ...p256, key_ops: 'verify' }, 'key_ops_without_verify'],
    ['an alg nobody knows here', { ...p256, alg: 'ES256K' }, 'alg_unknown'],
    ['an alg for encryption', { ...rsa, alg: 'RSA-OAEP' }, 'alg_unknown'],
    ['a symmetric alg (JO-15)', { ...rsa, alg: 'HS256' }, 'alg_unknown'],
    ['an alg which is no string', { ...rsa, alg: null }, 'alg_unknown'],
    ['an alg of another kty (JO-08)', { ...rsa, alg: 'ES256' }, 'alg_mismatch'],
    ['an alg of another curve (JO-08)', { ...p384, alg: 'ES256' }, 'alg_mismatch'],
    ['an AKP key without alg (JO-18)', { ...akp, alg: undefined }, 'alg_mismatch'],
    ['an AKP key of another size', { ...akp, alg: 'ML-DSA-65' }, 'alg_mismatch'],
    ['a kid which is no string', { ...p256, kid: 7 }, 'kid_malformed'],
    ['a kid of a megabyte (JO-14)', { ...p256, kid: 'k'.repeat(1025) }, 'kid_malformed'],
    ['no modulus (JO-10)', { ...rsa, n: undefined }, 'member_malformed'],
    ['an empty modulus', { ...rsa, n: '' }, 'member_malformed'],
    ['a modulus which is no string', { ...rsa, n: 7 }, 'member_malformed'],
    [
      'a modulus in the other alphabet',
      { ...rsa, n: `${String(rsa['n']).slice(0, -2)}+/` },
      'member_malformed',
    ],
    [
      'a modulus with a leading zero octet',
      { ...rsa, n: octets(Buffer.concat([Buffer.from([0]), Buffer.from(String(rsa['n']), 'base64url')])) },
      'member_malformed',
    ],
    ['no exponent', { ...rsa, e: undefined }, 'member_malformed'],
    ['an exponent with a leading zero octet', { ...rsa, e: 'AAEAAQ' }, 'member_malformed'],
    [
      'a modulus of 1024 bits (JO-08)',
      publicJWK(generateKeyPairSync('rsa', { modulusLength: 1024 })),
      'size_not_accepted',
    ],
    ['a modulus of 2047 bits (JO-08)', { ...rsa, n: number((1n << 2046n) + 1n) }, 'size_not_accepted'],
    ['a modulus of 8193 bits', { ...rsa, n: number((1n << 8192n) + 1n) }, 'size_not_accepted'],
    ['a modulus of a megabyte', { ...rsa, n: 'A'.repeat(1_000_000) }, 'size_not_accepted'],
    ['the exponent 1', { ...rsa, e: 'AQ' }, 'size_not_accepted'],
    ['an even exponent', { ...rsa, e: octets(Uint8Array.of(1, 0, 0)) }, 'size_not_accepted'],
    ['an exponent of 33 bits', { ...rsa, e: octets(Uint8Array.of(1, 0, 0, 0, 1)) }, 'size_not_accepted'],
    ['an exponent as long as a key', { ...rsa, e: rsa['n'] }, 'size_not_accepted'],
    ['an even modulus', { ...rsa, n: number((1n << 2047n) + 2n) }, 'weak_key'],
    ['a modulus with the fingerprint of CVE-2017-15361', { ...rsa, n: number(65_537n ** 128n) }, 'weak_key'],
    ['an unknown curve', { ...p256, crv: 'secp256k1' }, 'kty_unknown'],
    ['no coordinate (JO-10)', { ...p256, y: undefined }, 'member_malformed'],
    ['a coordinate which is too short', { ...p256, x: octets(new Uint8Array(31)) }, 'size_not_accepted'],
    ['a coordinate of another curve', { ...p256, y: p384['y'] }, 'size_not_accepted'],
    ['another Edwards curve (JO-16)', { ...ed25519, crv: 'Ed448' }, 'kty_unknown'],
    ['an Ed25519 key which is too long', { ...ed25519, x: octets(new Uint8Array(33)) }, 'size_not_accepted'],
    ['an Ed25519 key without x', { ...ed25519, x: undefined }, 'member_malformed'],
    ['an AKP key without pub', { ...akp, pub: undefined }, 'member_malformed'],
  ])('does not use %s', (_what, jwk, reason) => {
    expect(algorithmsOf(jwk)).toBe(reason)
  })

  test('takes the largest sizes there are', () => {
    expect(
      algorithmsOf({ ...rsa, n: number((1n << 8191n) + 1n), e: octets(Uint8Array.of(255, 255, 255, 255)) }),
    ).toContain('RS256')
    expect(algorithmsOf({ ...rsa, e: 'Aw' })).toContain('RS256')
    expect(algorithmsOf({ ...p256, kid: 'k'.repeat(1024) })).toEqual(['ES256'])
  })
})

describe('VerificationKey', () => {
  const read = (jwk: JWK): VerificationKey => {
    const key = readJWK(jwk)
    if (typeof key === 'string') throw new Error(key)
    return key
  }

  test('shows the public key and nothing else of the JWK', () => {
    const { x, y } = p256
    expect(read({ ...p256, kid: 'k', alg: 'ES256', other: 1 }).toJWK()).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x,
      y,
      kid: 'k',
      alg: 'ES256',
      use: 'sig',
    })
    expect(read(p256).toJWK()).toEqual({ kty: 'EC', crv: 'P-256', x, y, use: 'sig' })
  })

  test('is the same key by material, kid and alg', () => {
    const key = { ...rsa, kid: 'k', alg: 'RS256' }
    expect(read({ other: 1, ...key, use: 'sig' }).identity).toBe(read(key).identity)
    const others = [
      { ...key, kid: 'K' },
      { ...key, alg: 'PS256' },
      { ...rsa, kid: 'k' },
      { ...p256, kid: 'k' },
    ]
    expect(new Set([key, ...others].map((jwk) => read(jwk).identity)).size).toBe(5)
  })

  test('knows how long its signatures are (JO-08)', () => {
    expect(read(p256).signatureLength('ES256')).toBe(64)
    expect(read(p521).signatureLength('ES512')).toBe(132)
    expect(read(rsa).signatureLength('RS256')).toBe(256)
    expect(read(p256).signatureLength('none')).toBe(0)
  })

  test('is imported once per algorithm', async () => {
    const key = read(rsa)
    const handle = await key.handle('RS256')
    expect(handle).toBeDefined()
    expect(await key.handle('RS256')).toBe(handle)
    expect(await key.handle('PS256')).not.toBe(handle)
  })

  test('has no handle for a point which is not on its curve (JO-08)', async () => {
    const key = read({
      ...p256,
      x: octets(new Uint8Array(32).fill(1)),
      y: octets(new Uint8Array(32).fill(1)),
    })
    expect(await key.handle('ES256')).toBeUndefined()
    expect(await key.handle('ES256')).toBeUndefined()
  })
})
