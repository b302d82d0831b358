import { describe, expect, test } from 'vitest'

import { createTestApi } from '../../../../test/helpers/api.ts'
import { type Verification, VerifiedAccessToken } from './access-token.ts'
import { TokenCache } from './cache.ts'
import type { Header } from '../jws/header.ts'

const { api, issuer } = await createTestApi()
const verified = async (): Promise<Verification> => {
  const verification = VerifiedAccessToken.verificationOf((await api.verify(await issuer.issue())) as unknown)
  if (verification === undefined) throw new Error('not of this library')
  return verification
}
const header: Header = { header: {}, typ: 'at+jwt', alg: 'ES256', kid: 'k' }
const bounds = { max: 10, maxSize: 1_000_000 }

describe('TokenCache', () => {
  test('finds a token by its digest, and its header by its text', async () => {
    const cache = new TokenCache(bounds)
    const token = await verified()
    cache.remember('id', 100, 'head', header, token)
    expect(cache.get('id')).toBe(token)
    expect(cache.header('head')).toBe(header)
    expect([cache.get('other'), cache.header('other')]).toEqual([undefined, undefined])
  })

  test('drops a token whose key is no longer trusted', async () => {
    const cache = new TokenCache(bounds)
    const token = await verified()
    cache.remember('id', 100, 'head', header, token)
    token.key.retired = true
    expect(cache.get('id')).toBeUndefined()
    expect(cache.size).toBe(0)
    token.key.retired = false
  })

  test('holds no more tokens than it may', async () => {
    const cache = new TokenCache({ max: 2, maxSize: 1_000_000 })
    const token = await verified()
    for (const id of ['a', 'b', 'c']) cache.remember(id, 100, 'head', header, token)
    expect([cache.get('a'), cache.get('c'), cache.size]).toEqual([undefined, token, 2])
  })

  test('holds no more octets than it may, by twice the length of a token and 512', async () => {
    const cache = new TokenCache({ max: 10, maxSize: 2 * (2 * 100 + 512) })
    const token = await verified()
    for (const id of ['a', 'b', 'c']) cache.remember(id, 100, 'head', header, token)
    expect([cache.get('a'), cache.size]).toEqual([undefined, 2])
    cache.remember('huge', 10_000, 'head', header, token)
    expect(cache.get('huge')).toBeUndefined()
  })

  test('remembers no header of a kilobyte and more', async () => {
    const cache = new TokenCache(bounds)
    cache.remember('id', 100, 'h'.repeat(1025), header, await verified())
    expect(cache.header('h'.repeat(1025))).toBeUndefined()
    expect(cache.size).toBe(1)
  })

  test('forgets everything at once', async () => {
    const cache = new TokenCache(bounds)
    cache.remember('id', 100, 'head', header, await verified())
    cache.clear()
    expect([cache.get('id'), cache.header('head'), cache.size]).toEqual([undefined, undefined, 0])
  })
})
