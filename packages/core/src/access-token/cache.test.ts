import { describe, expect, test } from 'vitest'

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

/** As it would be remembered under a digest. */
const verified = (id: string): Verification =>
  new Verification(id, verifier, header.header, claims, trust, key, claims)

function remember(cache: TokenCache, id: string, length = 100, encodedHeader = 'head'): Verification {
  const verification = verified(id)
  cache.remember(id, verification, length, encodedHeader, header)
  return verification
}

describe('TokenCache', () => {
  test('finds a token by its digest, and its header by its text', () => {
    const cache = new TokenCache(bounds)
    const known = remember(cache, 'digest')
    expect(cache.get('digest')).toBe(known)
    expect(cache.header('head')).toBe(header)
    expect([cache.get('other'), cache.header('other')]).toEqual([undefined, undefined])
  })

  test('takes no token for another whose digest begins alike', () => {
    const cache = new TokenCache(bounds)
    remember(cache, 'ABCDEone')
    expect(cache.get('ABCDEtwo')).toBeUndefined()
    const second = remember(cache, 'ABCDEtwo')
    expect([cache.get('ABCDEone'), cache.get('ABCDEtwo'), cache.size]).toEqual([undefined, second, 1])
  })

  test('drops a token whose key is no longer trusted', () => {
    const cache = new TokenCache(bounds)
    remember(cache, 'digest')
    key.retired = true
    expect(cache.get('digest')).toBeUndefined()
    expect(cache.size).toBe(0)
    key.retired = false
  })

  test('holds no more tokens than it may', () => {
    const cache = new TokenCache({ max: 2, maxSize: 1_000_000 })
    const [, , last] = ['first', 'second', 'third'].map((id) => remember(cache, id))
    expect([cache.get('first'), cache.get('third'), cache.size]).toEqual([undefined, last, 2])
  })

  test('holds no more octets than it may, by twice the length of a token and 512', () => {
    const cache = new TokenCache({ max: 10, maxSize: 2 * (2 * 100 + 512) })
    for (const id of ['first', 'second', 'third']) remember(cache, id)
    expect([cache.get('first'), cache.size]).toEqual([undefined, 2])
    remember(cache, 'fourth', 10_000)
    expect(cache.get('fourth')).toBeUndefined()
  })

  test('remembers no header of a kilobyte and more', () => {
    const cache = new TokenCache(bounds)
    remember(cache, 'digest', 100, 'h'.repeat(1025))
    expect(cache.header('h'.repeat(1025))).toBeUndefined()
    expect(cache.size).toBe(1)
  })

  test('forgets everything at once', () => {
    const cache = new TokenCache(bounds)
    remember(cache, 'digest')
    cache.clear()
    expect([cache.get('digest'), cache.header('head'), cache.size]).toEqual([undefined, undefined, 0])
  })
})
