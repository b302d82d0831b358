import { generateKeyPairSync } from 'node:crypto'

import { clock, createResourceServer, customFetch, type IssuerEvent } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { AUDIENCE, createSigner, ISSUER, NOW, type Signer } from './properties/signer.ts'

const good = createSigner('ES256', 'good')
const rsa = createSigner('RS256', 'weak')
const ec = createSigner('ES256', 'weak')
const ed = createSigner('EdDSA', 'weak')

function number(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}

/**
 * A modulus with the fingerprint of CVE-2017-15361: one modulo each of the primes is a power of 65537 modulo each.
 * Nobody has its private key; none is needed to refuse it.
 */
function fingerprinted(bits: number): string {
  const primes = [11n, 13n, 17n, 19n, 37n, 53n, 61n, 71n, 73n, 79n, 97n, 103n, 107n, 109n, 127n, 151n, 157n]
  const product = primes.reduce((a, b) => a * b)
  const factor = (1n << BigInt(bits)) / product - 1n
  // Even, so that the modulus is odd.
  return number((factor - (factor % 2n)) * product + 1n)
}

function octets(encoded: unknown): Buffer {
  return Buffer.from(encoded as string, 'base64url')
}

const shortRSA = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' })
const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
const ed448 = generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' })
const privateRSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })

/** What an issuer publishes beside its good key, and why it is not used. */
const KEYS: Readonly<Record<string, readonly [key: unknown, reason: string, of?: Signer]>> = {
  'an RSA key of 1024 bits': [{ ...shortRSA, kid: 'weak' }, 'size_not_accepted'],
  'an RSA key of 16384 bits': [
    { ...rsa.jwk, n: Buffer.alloc(2048, 0xff).toString('base64url') },
    'size_not_accepted',
    rsa,
  ],
  'an RSA exponent of 1': [{ ...rsa.jwk, e: 'AQ' }, 'size_not_accepted', rsa],
  'an RSA exponent of 2': [{ ...rsa.jwk, e: 'Ag' }, 'size_not_accepted', rsa],
  'an RSA exponent of 65536': [{ ...rsa.jwk, e: 'AQAA' }, 'size_not_accepted', rsa],
  'an RSA exponent of 2^32 + 1': [{ ...rsa.jwk, e: 'AQAAAAE' }, 'size_not_accepted', rsa],
  'an RSA exponent as long as the modulus': [{ ...rsa.jwk, e: rsa.jwk['n'] }, 'size_not_accepted', rsa],
  'an even RSA modulus': [{ ...rsa.jwk, n: Buffer.alloc(256, 0xfe).toString('base64url') }, 'weak_key', rsa],
  'an RSA modulus of the faulty smart card library': [
    { ...rsa.jwk, n: fingerprinted(2048) },
    'weak_key',
    rsa,
  ],
  'an RSA modulus with a leading zero octet': [
    { ...rsa.jwk, n: Buffer.concat([Buffer.alloc(1), octets(rsa.jwk['n'])]).toString('base64url') },
    'member_malformed',
    rsa,
  ],
  'an RSA modulus with padding': [{ ...rsa.jwk, n: `${rsa.jwk['n'] as string}==` }, 'member_malformed', rsa],
  'a private RSA key': [{ ...privateRSA, kid: 'weak' }, 'private_key'],
  'a private member of any type': [{ ...rsa.jwk, d: null }, 'private_key', rsa],
  'an RSA key that says ES256': [{ ...rsa.jwk, alg: 'ES256' }, 'alg_mismatch', rsa],
  'an RSA key that says HS256': [{ ...rsa.jwk, alg: 'HS256' }, 'alg_unknown', rsa],
  'an RSA key that says none': [{ ...rsa.jwk, alg: 'none' }, 'alg_unknown', rsa],
  'a key for encryption': [{ ...rsa.jwk, use: 'enc' }, 'use_not_sig', rsa],
  'a key whose use is a list': [{ ...rsa.jwk, use: ['sig'] }, 'use_not_sig', rsa],
  'a key which must not verify': [{ ...rsa.jwk, key_ops: ['encrypt'] }, 'key_ops_without_verify', rsa],
  'a key whose kid is a number': [{ ...rsa.jwk, kid: 7 }, 'kid_malformed', rsa],
  'a P-256 key that says P-384': [{ ...ec.jwk, crv: 'P-384' }, 'size_not_accepted', ec],
  'a P-256 key that says ES384': [{ ...ec.jwk, alg: 'ES384' }, 'alg_mismatch', ec],
  'a key on secp256k1': [{ ...koblitz, kid: 'weak' }, 'kty_unknown'],
  'a key on P-192': [{ kty: 'EC', crv: 'P-192', x: 'AA', y: 'AA', kid: 'weak' }, 'kty_unknown'],
  'an EC key with a short coordinate': [
    { ...ec.jwk, x: octets(ec.jwk['x']).subarray(1).toString('base64url') },
    'size_not_accepted',
    ec,
  ],
  'an X25519 key': [{ ...x25519, kid: 'weak' }, 'kty_unknown'],
  'an Ed448 key': [{ ...ed448, kid: 'weak' }, 'kty_unknown'],
  'an Ed25519 key of 31 octets': [
    { ...ed.jwk, x: octets(ed.jwk['x']).subarray(1).toString('base64url') },
    'size_not_accepted',
    ed,
  ],
  'an AKP key without alg': [
    { kty: 'AKP', pub: Buffer.alloc(1312, 1).toString('base64url'), kid: 'weak' },
    'alg_mismatch',
  ],
  'a symmetric key': [{ kty: 'oct', k: 'c2VjcmV0', kid: 'weak' }, 'private_key'],
  'an empty symmetric key': [{ kty: 'oct', k: '', kid: 'weak' }, 'private_key'],
  'a symmetric key without a key': [{ kty: 'oct', kid: 'weak' }, 'kty_unknown'],
  'a key of no kind': [{ kid: 'weak' }, 'kty_unknown'],
  'a key of the kind __proto__': [JSON.parse('{"kty":"__proto__","kid":"weak"}'), 'kty_unknown'],
  'a PEM': ['-----BEGIN PUBLIC KEY-----', 'not_an_object'],
  null: [null, 'not_an_object'],
  'a list': [[ec.jwk], 'not_an_object'],
}

describe.each(Object.entries(KEYS))('%s in a JWK Set', (_name, [key, reason, signer]) => {
  test.each([
    ['before', [key, good.jwk]],
    ['behind', [good.jwk, key]],
  ])('is skipped and named, %s a good key which serves on', async (_where, keys) => {
    const events: IssuerEvent[] = []
    const api = createResourceServer({
      issuer: { issuer: ISSUER, jwks: new URL(`${ISSUER}/jwks`) },
      audience: AUDIENCE,
      [clock]: () => NOW,
      [customFetch]: async () => Response.json({ keys }),
      onIssuerEvent: (event) => events.push(event),
    })
    await api.ready()
    expect(events.filter(({ type }) => type === 'key_unusable')).toEqual([
      { type: 'key_unusable', issuer: ISSUER, reason },
    ])
    expect((await api.verify(good.issue())).header.kid).toBe('good')
    const claimed = (signer ?? rsa).issue({}, { kid: 'weak' })
    await expect(api.verify(claimed)).rejects.toMatchObject({ status: 401, code: 'kid_unknown' })
  })
})

test('a point which is not on its curve is no key, and does not spoil the set', async () => {
  const y = octets(ec.jwk['y'])
  y[31] = (y[31] as number) ^ 1
  const off = { ...ec.jwk, y: y.toString('base64url') }
  for (const keys of [
    [off, good.jwk],
    [good.jwk, off],
  ]) {
    const api = createResourceServer({
      issuer: { issuer: ISSUER, jwks: { keys: keys as never } },
      audience: AUDIENCE,
      [clock]: () => NOW,
    })
    // oxlint-disable-next-line no-await-in-loop -- two
    expect((await api.verify(good.issue())).subject).toBe('user-1')
    // oxlint-disable-next-line no-await-in-loop -- two
    await expect(api.verify(ec.issue())).rejects.toMatchObject({ code: 'signature_invalid' })
  }
})

describe('two keys of one kid', () => {
  const other = createSigner('ES256', 'good')
  const api = createResourceServer({
    issuer: { issuer: ISSUER, jwks: { keys: [other.jwk, good.jwk] as never } },
    audience: AUDIENCE,
    [clock]: () => NOW,
  })
  test('are both tried', async () => {
    expect((await api.verify(good.issue())).subject).toBe('user-1')
    expect((await api.verify(other.issue())).subject).toBe('user-1')
  })

  test('are not tried beyond four', async () => {
    const many = Array.from({ length: 6 }, () => createSigner('ES256', 'same'))
    const crowded = createResourceServer({
      issuer: { issuer: ISSUER, jwks: { keys: many.map(({ jwk }) => jwk) as never } },
      audience: AUDIENCE,
      [clock]: () => NOW,
    })
    const outcomes = await Promise.all(
      many.map((signer) =>
        crowded.verify(signer.issue()).then(
          () => 'accepted',
          (error: { code: string }) => error.code,
        ),
      ),
    )
    expect(outcomes).toEqual([...Array(4).fill('accepted'), ...Array(2).fill('signature_invalid')])
  })
})
