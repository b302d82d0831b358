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
    expect(cache.alike(tokenOf('signature'))).toBe(known)
    expect(cache.header('head')).toBe(header)
    expect([cache.alike(tokenOf('others')), cache.header('other')]).toEqual([undefined, undefined])
    expect(cache.alike(tokenOf('signature', 201))).toBeUndefined()
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
    expect([cache.alike(one)?.id, cache.alike(two)?.id]).toEqual([`of ${two}`, `of ${two}`])
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
      const known = Array.from({ length: count }, (_none, n) => {
        const signature = sign(hash, Buffer.from(String(n)), { key: privateKey, dsaEncoding: 'ieee-p1363' })
        const token = `${'x'.repeat(200)}.${signature.toString('base64url')}`
        return { token, verification: remember(cache, token) }
      })
      // One pair in a thousand million looks alike.
      const found = known.filter(({ token, verification }) => cache.alike(token) === verification)
      expect(found.length).toBeGreaterThanOrEqual(count - 1)
    },
  )

  test('drops a token whose key is no longer trusted', () => {
    const cache = new TokenCache(bounds)
    remember(cache, tokenOf('signature'))
    key.retired = true
    expect(cache.alike(tokenOf('signature'))).toBeUndefined()
    key.retired = false
    expect(cache.alike(tokenOf('signature'))).toBeUndefined()
  })

  test('holds no more tokens than it may', () => {
    const cache = new TokenCache({ max: 2, maxSize: 1_000_000 })
    const tokens = ['the first', 'the second', 'the third'].map((end) => tokenOf(end))
    for (const token of tokens) remember(cache, token)
    expect(tokens.map((token) => cache.alike(token)?.id)).toEqual([
      undefined,
      `of ${tokens[1]}`,
      `of ${tokens[2]}`,
    ])
  })

  test.each([
    { what: 'twice its length and 512', length: 200, size: 2 * 200 + 512 },
    { what: 'twice its length and 512', length: 1512, size: 2 * 1512 + 512 },
    { what: 'three times its length less 1000', length: 1513, size: 3 * 1513 - 1000 },
    { what: 'three times its length less 1000', length: 12_288, size: 3 * 12_288 - 1000 },
  ])('counts a token of $length characters as $what', ({ length, size }) => {
    const tokens = ['the first', 'the second', 'the third'].map((end) => tokenOf(end, length))
    const idsHeldBy = (maxSize: number): (string | undefined)[] => {
      const cache = new TokenCache({ max: 10, maxSize })
      for (const token of tokens) remember(cache, token)
      return tokens.map((token) => cache.alike(token)?.id)
    }
    const [one, two, three] = tokens.map((token) => `of ${token}`)
    expect(idsHeldBy(3 * size)).toEqual([one, two, three])
    expect(idsHeldBy(3 * size - 1)).toEqual([undefined, two, three])
  })

  test('holds none which is larger than all it may hold', () => {
    const cache = new TokenCache({ max: 10, maxSize: 2 * 200 + 512 })
    expect([cache.takes(200), cache.takes(201)]).toEqual([true, false])
    for (const length of [200, 201]) remember(cache, tokenOf('end', length))
    expect(cache.alike(tokenOf('end', 200))).toBeDefined()
    expect(cache.alike(tokenOf('end', 201))).toBeUndefined()
  })

  test('remembers no header of a kilobyte and more', () => {
    const cache = new TokenCache(bounds)
    remember(cache, tokenOf('signature'), 'h'.repeat(1025))
    expect(cache.header('h'.repeat(1025))).toBeUndefined()
    expect(cache.alike(tokenOf('signature'))).toBeDefined()
  })

  test('forgets everything at once', () => {
    const cache = new TokenCache(bounds)
    remember(cache, tokenOf('signature'))
    expect(cache.header('head')).toBe(header)
    cache.clear()
    expect([cache.alike(tokenOf('signature')), cache.header('head')]).toEqual([undefined, undefined])
  })
})
