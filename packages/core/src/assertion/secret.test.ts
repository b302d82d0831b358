import { CompactSign } from 'jose'
import { describe, expect, test } from 'vitest'

import { type ClientSecretOptions, clientSecretJwt, isClientSecret } from './secret.ts'

const utf8 = new TextEncoder()
const SECRET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäöü'
const sign = (alg: string, secret: string): Promise<string> =>
  new CompactSign(utf8.encode('{}')).setProtectedHeader({ alg }).sign(utf8.encode(secret))

describe('clientSecretJwt()', () => {
  test.for(['HS256', 'HS384', 'HS512'] as const)('verifies %s', async (alg) => {
    const secret = clientSecretJwt({ secret: SECRET, alg })
    const assertion = await sign(alg, SECRET)
    expect(await secret.verify(assertion)).toBe(true)
    expect(await secret.verify(assertion)).toBe(true)
    expect(await secret.verify(await sign(alg, `${SECRET}x`))).toBe(false)
    expect(await secret.verify(assertion.replace('.', 'A.'))).toBe(false)
    expect(await secret.verify(assertion.slice(0, -4))).toBe(false)
  })

  test('takes octets as well, and copies them', async () => {
    const octets = utf8.encode(SECRET)
    const secret = clientSecretJwt({ secret: octets, alg: 'HS256' })
    octets.fill(0)
    expect(await secret.verify(await sign('HS256', SECRET))).toBe(true)
  })

  test('never rejects, whatever it is given', async () => {
    const secret = clientSecretJwt({ secret: SECRET, alg: 'HS256' })
    for (const text of ['', '.', 'a.b.%%%', 'ä.ö.ü', '...']) expect(await secret.verify(text)).toBe(false)
  })

  test('shows its secret to nobody', () => {
    const secret = clientSecretJwt({ secret: SECRET, alg: 'HS256' })
    expect(JSON.stringify(secret)).toBe('{"alg":"HS256"}')
    expect(Object.isFrozen(secret)).toBe(true)
  })

  const pem = `-----BEGIN PUBLIC KEY-----\n${'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE'.repeat(3)}\n-----END PUBLIC KEY-----`
  test.for<[string, string, object]>([
    ['too short for HS256', 'secret', { secret: SECRET.slice(0, 31) }],
    ['too short for HS384', 'secret', { secret: SECRET.slice(0, 47), alg: 'HS384' }],
    ['too short for HS512', 'secret', { secret: SECRET.slice(0, 58), alg: 'HS512' }],
    ['empty', 'secret', { secret: '' }],
    ['absent', 'secret', { secret: undefined }],
    ['enormous', 'secret', { secret: SECRET.repeat(50) }],
    ['of few characters', 'secret', { secret: 'abcabc'.repeat(10) }],
    ['a PEM', 'secret', { secret: pem }],
    ['a JWK', 'secret', { secret: JSON.stringify({ kty: 'EC', crv: 'P-256', x: SECRET, y: SECRET }) }],
    ['an SSH key', 'secret', { secret: `ssh-ed25519 ${SECRET}` }],
    ['of an asymmetric algorithm', 'alg', { alg: 'ES256' }],
    ['of a name which every object has', 'alg', { alg: 'constructor' }],
    ['beside a typing mistake', 'algorithm', { algorithm: 'HS256' }],
  ])('throws when the secret is %s', ([, option, options]) => {
    const make = () => clientSecretJwt({ secret: SECRET, alg: 'HS256', ...options } as ClientSecretOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(option)
    expect(make).toThrow('Cannot create a client secret')
  })
})

test('isClientSecret() knows what was made here, not what looks like it', () => {
  expect(isClientSecret(clientSecretJwt({ secret: SECRET, alg: 'HS256' }))).toBe(true)
  expect(isClientSecret({ alg: 'HS256', verify: () => Promise.resolve(true) })).toBe(false)
  expect(isClientSecret(undefined)).toBe(false)
})
