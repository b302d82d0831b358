import { describe, expect, test } from 'vitest'

import { createHash, generateKeyPairSync, sign } from 'node:crypto'

import { createTestApi } from '../../../../test/helpers/api.ts'
import { Verification, VerifiedAccessToken } from './access-token.ts'
import { TokenCache } from './cache.ts'
import type { Header } from '../jws/header.ts'

const { api, issuer } = await createTestApi()
const trusted = VerifiedAccessToken.verificationOf((await api.verify(await issuer.issue())) as unknown)
if (trusted === undefined) throw new Error('not of this library')
const { verifier, claims, trust, key } = trusted
const header: Header = { header: {}, typ: 'at+jwt', alg: 'ES256', kid: 'k' }
const bounds = { max: 10, maxSize: 1_000_000 }

/** A text which ends as with a signature over its name. */
const tokenOf = (name: string, length = 200): string =>
  createHash('sha512').update(name).digest('base64url').padStart(length, 'x')

function remember(cache: TokenCache, token: string, encodedHeader = 'head'): Verification {
  const verification = new Verification(`of ${token}`, verifier, header.header, claims, trust, key, claims)
  cache.remember(token, verification, encodedHeader, header)
  return verification
}

describe('TokenCache', () => {
  test('finds a token by its length and its signature, and its header by its text', () => {
    const cache = new TokenCache(bounds)
    const known = remember(cache, tokenOf('signature'))
    expect(cache.lookalike(tokenOf('signature'))).toBe(known)
    expect(cache.header('head')).toBe(header)
    expect([cache.lookalike(tokenOf('others')), cache.header('other')]).toEqual([undefined, undefined])
    expect(cache.lookalike(tokenOf('signature', 201))).toBeUndefined()
  })

  test('finds one of several headers, whichever was asked for before', () => {
    const cache = new TokenCache(bounds)
    const headers = ['one', 'two', 'three'].map((kid): Header => ({ ...header, kid }))
    for (const known of headers)
      cache.remember(tokenOf(`${known.kid}-signature`), trusted, known.kid ?? '', known)
    for (const known of [...headers, ...headers.toReversed(), ...headers])
      expect(cache.header(known.kid ?? '')).toBe(known)
  })

  test('knows of two which look alike the later one, which says by its digest that it is not the other', () => {
    const cache = new TokenCache(bounds)
    const [one, two] = ['one', 'two'].map((payload) => payload + tokenOf('signature')) as [string, string]
    expect(remember(cache, one).id).not.toBe(remember(cache, two).id)
    expect([cache.lookalike(one)?.id, cache.lookalike(two)?.id, cache.size]).toEqual([
      `of ${two}`,
      `of ${two}`,
      1,
    ])
  })

  const pairs = {
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    Ed25519: generateKeyPairSync('ed25519'),
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    'ML-DSA-44': generateKeyPairSync('ml-dsa-44'),
    'ML-DSA-65': generateKeyPairSync('ml-dsa-65'),
    'ML-DSA-87': generateKeyPairSync('ml-dsa-87'),
  }
  test.each(Object.entries(pairs))(
    'tells apart tokens of one length by signatures of %s',
    (alg, { privateKey }) => {
      const count = alg === 'RS256' ? 200 : 500
      const cache = new TokenCache({ max: count, maxSize: 10_000_000 })
      const hash = alg.endsWith('256') ? 'sha256' : alg === 'ES512' ? 'sha512' : null
      for (let n = 0; n < count; n += 1) {
        const signature = sign(hash, Buffer.from(String(n)), { key: privateKey, dsaEncoding: 'ieee-p1363' })
        remember(cache, `${'x'.repeat(200)}.${signature.toString('base64url')}`)
      }
      // One pair in a thousand million looks alike.
      expect(cache.size).toBeGreaterThanOrEqual(count - 1)
    },
  )

  test('drops a token whose key is no longer trusted', () => {
    const cache = new TokenCache(bounds)
    remember(cache, tokenOf('signature'))
    key.retired = true
    expect(cache.lookalike(tokenOf('signature'))).toBeUndefined()
    expect(cache.size).toBe(0)
    key.retired = false
  })

  test('holds no more tokens than it may', () => {
    const cache = new TokenCache({ max: 2, maxSize: 1_000_000 })
    const tokens = ['the first', 'the second', 'the third'].map((end) => tokenOf(end))
    for (const token of tokens) remember(cache, token)
    expect(tokens.map((token) => cache.lookalike(token)?.id)).toEqual([
      undefined,
      `of ${tokens[1]}`,
      `of ${tokens[2]}`,
    ])
    expect(cache.size).toBe(2)
  })

  test('holds no more octets than it may, by twice the length of a token and 512', () => {
    const cache = new TokenCache({ max: 10, maxSize: 2 * (2 * 200 + 512) })
    for (const end of ['the first', 'the second', 'the third']) remember(cache, tokenOf(end))
    expect([cache.lookalike(tokenOf('the first')), cache.size]).toEqual([undefined, 2])
    const long = tokenOf('the fourth', 10_000)
    expect(cache.takes(long.length)).toBe(false)
    remember(cache, long)
    expect(cache.lookalike(long)).toBeUndefined()
  })

  test('remembers no header of a kilobyte and more', () => {
    const cache = new TokenCache(bounds)
    remember(cache, tokenOf('signature'), 'h'.repeat(1025))
    expect(cache.header('h'.repeat(1025))).toBeUndefined()
    expect(cache.size).toBe(1)
  })

  test('forgets everything at once', () => {
    const cache = new TokenCache(bounds)
    remember(cache, tokenOf('signature'))
    expect(cache.header('head')).toBe(header)
    cache.clear()
    expect([cache.lookalike(tokenOf('signature')), cache.header('head'), cache.size]).toEqual([
      undefined,
      undefined,
      0,
    ])
  })
})
