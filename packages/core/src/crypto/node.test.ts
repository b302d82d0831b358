import { constants, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { KeyHandle, PublicJWK } from './crypto.ts'
import { decodeText, importKey, isInBase64url, verifySignature } from './node.ts'

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

  test('accepts every signature, whatever its numbers begin with', async () => {
    // P-521 numbers have 521 bits in 528: none begins with a high octet.
    const wanted = new Set(alg === 'ES512' ? ['zero', 'low'] : ['zero', 'low', 'high'])
    while (wanted.size > 0) {
      const signature = sign(hash, input, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      for (const octet of [signature[0], signature[half]]) {
        wanted.delete(octet === 0 ? 'zero' : (octet as number) >= 0x80 ? 'high' : 'low')
      }
      // oxlint-disable-next-line no-await-in-loop -- until one of each kind has come
      expect(await ours(signature)).toBe(true)
    }
  })

  test('refuses what is none, as the runtime does by the same encoding', async () => {
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
    expect(signatures.map((signature) => verify(hash, input, key, signature))).not.toContain(true)
    expect(await Promise.all(signatures.map(ours))).toEqual(signatures.map(() => false))
  })
})

describe('a key with which a verification takes long', () => {
  const P521 = generateKeyPairSync('ec', { namedCurve: 'P-521' })
  const RSA = generateKeyPairSync('rsa', { modulusLength: 4160 })
  const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const P384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const SLOW = [
    { alg: 'ES384', hash: 'sha384', ...P384, options: { dsaEncoding: 'ieee-p1363' } },
    { alg: 'ES512', hash: 'sha512', ...P521, options: { dsaEncoding: 'ieee-p1363' } },
    { alg: 'RS256', hash: 'sha256', ...RSA, options: {} },
    { alg: 'PS512', hash: 'sha512', ...RSA, options: PSS },
  ] as const

  test.each(SLOW)(
    'leaves the thread to others: $alg',
    async ({ alg, hash, privateKey, publicKey, options }) => {
      const handle = importKey(publicKey.export({ format: 'jwk' }) as PublicJWK, alg) as KeyHandle
      const tokenOf = (input: string): readonly [token: string, signature: string] => {
        const signature = sign(hash, Buffer.from(input), { key: privateKey, ...options }).toString(
          'base64url',
        )
        return [`${input}.${signature}`, signature]
      }
      const [good, signature] = tokenOf('header.payload')
      const [other, signatureOfOther] = tokenOf('another.text')
      // All of them are decoded into the same octets before the first is verified.
      const verdicts = [
        verifySignature(alg, handle, good, signature),
        verifySignature(alg, handle, `another.text.${signature}`, signature),
        verifySignature(alg, handle, other, signatureOfOther),
        verifySignature(alg, handle, `header.payload.${signatureOfOther}`, signatureOfOther),
      ]
      expect(verdicts.every((verdict) => verdict instanceof Promise)).toBe(true)
      expect(await Promise.all(verdicts)).toEqual([true, false, true, false])
    },
  )

  test('is refused where the runtime throws', async () => {
    const handle = { hash: 'no such digest', input: P521.publicKey, half: undefined, isSlow: true }
    expect(await verifySignature('ES512', handle, 'header.payload.AAAA', 'AAAA')).toBe(false)
  })

  test('is not one of the usual sizes', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 })
    const handle = importKey(publicKey.export({ format: 'jwk' }) as PublicJWK, 'RS256') as KeyHandle
    const signature = sign('sha256', Buffer.from('header.payload'), privateKey).toString('base64url')
    expect(verifySignature('RS256', handle, `header.payload.${signature}`, signature)).toBe(true)
  })
})

test('what was decoded is never taken for another text, in whatever order they come', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const handle = importKey(publicKey.export({ format: 'jwk' }) as PublicJWK, 'Ed25519') as KeyHandle
  // Two of one length, which only their letters tell apart; one for which there is no place kept.
  const texts = ['one', 'two', '\u00d6l', '\uFFFD', 'x'.repeat(70_000)]
  const inputs = ['header.one', 'header.two']
  const signatures = inputs.map((input) => sign(null, Buffer.from(input), privateKey).toString('base64url'))
  /** Each time in a string of its own, as another request brings it. */
  const anew = (text: string): string => Buffer.from(text).toString()
  const encoded = (index: number): string => Buffer.from(texts[index] as string).toString('base64url')
  const signature = (index: number): string => anew(signatures[index] as string)

  const text = fc.nat({ max: texts.length - 1 })
  const one = fc.nat({ max: inputs.length - 1 })
  const doing = fc.oneof(
    text.map((index) => () => isInBase64url(encoded(index))),
    one.map((index) => () => isInBase64url(signature(index))),
    text.map((index) => () => decodeText(encoded(index)) === texts[index]),
    fc.tuple(one, one).map(([input, of]) => () => {
      const token = `${inputs[input] as string}.${signature(of)}`
      return verifySignature('Ed25519', handle, token, signature(of)) === (input === of)
    }),
  )
  fc.assert(
    fc.property(fc.array(doing, { minLength: 2, maxLength: 20 }), (all) => {
      expect(all.map((isRight) => isRight())).not.toContain(false)
    }),
    { numRuns: 500 },
  )
})
