import { CompactSign, exportJWK, exportSPKI, generateKeyPair } from 'jose'
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
    ['a JWK in quotes', 'secret', { secret: JSON.stringify(JSON.stringify({ kty: 'EC', x: SECRET })) }],
    ['a PEM under a comment', 'secret', { secret: `# of the client\n${pem}` }],
    ['base64 of a PEM', 'secret', { secret: btoa(pem) }],
    [
      'a list of JWKs',
      'secret',
      { secret: ` ${JSON.stringify([{ kty: 'EC', crv: 'P-256', x: SECRET, y: SECRET }])}` },
    ],
    [
      'base64url of a JWK Set',
      'secret',
      { secret: btoa(JSON.stringify({ keys: [{ kty: 'EC', x: 'abc', y: 'def' }] })) },
    ],
    ...[
      'ecdsa-sha2-nistp256',
      'sk-ssh-ed25519@openssh.com',
      'sk-ecdsa-sha2-nistp256@openssh.com',
      'ssh-rsa',
    ].map((name): [string, string, object] => [
      `an SSH key of ${name}`,
      'secret',
      { secret: `${name} ${SECRET}` },
    ]),
    ['a JWK in a list which goes on', 'secret', { secret: `{"kty":"OKP","x":"${SECRET}"},` }],
    ['a JWK as code has it', 'secret', { secret: `{ kty: 'OKP', x: '${SECRET}' }` }],
    ['a line of known hosts', 'secret', { secret: `as.example ssh-ed25519 AAAA${SECRET}` }],
    ['the armour of RFC 4716', 'secret', { secret: `---- BEGIN SSH2 PUBLIC KEY ----\n${SECRET}` }],
    [
      'what an SSH line holds in base64',
      'secret',
      { secret: btoa(`\0\0\0\x0Bssh-ed25519\0\0\0\x20${SECRET.slice(0, 32)}`) },
    ],
    [
      'an RSA key in XML',
      'secret',
      { secret: `<RSAKeyValue><Modulus>${SECRET}</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>` },
    ],
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

test.for(['Ed25519', 'ES256', 'ES384', 'ES512', 'RS256'])(
  'clientSecretJwt() throws when the secret is a public key of %s, in DER or base64 of it',
  async (alg) => {
    const { publicKey } = await generateKeyPair(alg, { extractable: true })
    const pem = await exportSPKI(publicKey)
    const spki = Uint8Array.from(atob(pem.replaceAll(/-----[^-]+-----|\n/g, '')), (c) => c.charCodeAt(0))
    // An RSAPublicKey is what stands in the bit string.
    for (const der of alg === 'RS256' ? [spki, spki.slice(24)] : [spki]) {
      const text = btoa(String.fromCharCode(...der))
      const url = text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
      for (const secret of [der, text, url, text.replaceAll(/.{64}/g, '$&\n')])
        expect(() => clientSecretJwt({ secret, alg: 'HS256' })).toThrow('must not be a key')
    }
  },
)

const utf16 = (text: string, isBigEndian = false): Uint8Array =>
  Uint8Array.from(
    [...`\uFEFF${text}`].flatMap((letter) => {
      const octets = [letter.charCodeAt(0) & 0xff, letter.charCodeAt(0) >> 8]
      return isBigEndian ? octets.toReversed() : octets
    }),
  )
const base64 = (octets: Uint8Array): string => btoa(String.fromCharCode(...octets))
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')

test.for(['Ed25519', 'ES256', 'RS256'])(
  'clientSecretJwt() throws when the secret is a public key of %s which was copied carelessly',
  async (alg) => {
    const { publicKey } = await generateKeyPair(alg, { extractable: true })
    const pem = await exportSPKI(publicKey)
    const body = pem.replaceAll(/-----[^-]+-----|\n/g, '')
    const der = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0))
    const jwk = JSON.stringify(await exportJWK(publicKey))
    const lines = body.match(/.{1,32}/g) ?? []
    const copies: Readonly<Record<string, string | Uint8Array>> = {
      'PEM in UTF-16': utf16(pem),
      'PEM in big-endian UTF-16': utf16(pem, true),
      'a JWK in UTF-16': utf16(jwk),
      'base64 of that': base64(utf16(jwk)),
      'DER in base64 in UTF-16': utf16(body),
      'DER and a line break': Uint8Array.from([...der, 10]),
      'a mark and DER': Uint8Array.from([0xef, 0xbb, 0xbf, ...der]),
      'base64 of DER and a line break': base64(Uint8Array.from([...der, 10])),
      'base64 in quotes': `"${body}"`,
      'base64 in lines with quotes and commas': lines.map((line) => `"${line}"`).join(',\n'),
      'base64 in lines as code spells them': lines.join('\\n'),
      'base64 of base64': btoa(body),
      'base64 of base64 of a JWK': btoa(btoa(jwk)),
      'hexadecimal digits': hex(der),
      'hexadecimal digits with colons': hex(der).replaceAll(/..(?=.)/g, '$&:'),
      'hexadecimal octets of code': [...der]
        .map((octet) => `0x${octet.toString(16).padStart(2, '0')}`)
        .join(', '),
      'hexadecimal digits of PEM': hex(utf8.encode(pem)),
      'base64 of hexadecimal digits': btoa(hex(der)),
    }
    for (const [name, secret] of Object.entries(copies)) {
      if (secret.length > 1024) continue
      expect(() => clientSecretJwt({ secret, alg: 'HS256' }), name).toThrow('must not be a key')
    }
  },
)

test('clientSecretJwt() takes random secrets whatever they begin with', () => {
  const random = [
    `{${SECRET}`,
    `[${SECRET}}`,
    `"${SECRET}"`,
    ` {"a":${SECRET}`,
    `ssh-${SECRET}`,
    `sk-${SECRET}`,
    '12345678901234567890123456789012',
    utf8.encode(`0${SECRET}`),
    // A sequence which is as long as it says, of something that is no key.
    Uint8Array.from([0x30, 30, ...utf8.encode(SECRET.slice(0, 30))]),
    // Tags of a key, and another length.
    Uint8Array.from([0x30, 31, 0x30, 5, 6, ...utf8.encode(SECRET.slice(0, 27))]),
    Uint8Array.from([0x30, 0x82, 1, 0, 0x30, ...utf8.encode(SECRET)]),
    Uint8Array.from([0x30, 0x84, ...utf8.encode(SECRET)]),
  ]
  for (const secret of random) expect(() => clientSecretJwt({ secret, alg: 'HS256' })).not.toThrow()
  for (let i = 0; i < 2000; i += 1) {
    const octets = crypto.getRandomValues(new Uint8Array(32))
    for (const secret of [octets, hex(octets), base64(octets), btoa(hex(octets)), hex(octets).slice(1)])
      expect(() => clientSecretJwt({ secret, alg: 'HS256' })).not.toThrow()
    const printable = String.fromCharCode(...octets.map((octet) => 33 + (octet % 94)))
    expect(() => clientSecretJwt({ secret: `{${printable}`, alg: 'HS256' })).not.toThrow()
  }
})

test('isClientSecret() knows what was made here, not what looks like it', () => {
  expect(isClientSecret(clientSecretJwt({ secret: SECRET, alg: 'HS256' }))).toBe(true)
  expect(isClientSecret({ alg: 'HS256', verify: () => Promise.resolve(true) })).toBe(false)
  expect(isClientSecret(undefined)).toBe(false)
})
