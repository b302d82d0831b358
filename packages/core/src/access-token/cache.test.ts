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

/** A text which ends as a signature may, with letters before it. */
const tokenOf = (end: string, length = 100): string => end.padStart(length, 'x')

function remember(cache: TokenCache, token: string, encodedHeader = 'head'): Verification {
  const verification = new Verification(`of ${token}`, verifier, header.header, claims, trust, key, claims)
  cache.remember(token, verification, encodedHeader, header)
  return verification
}

describe('TokenCache', () => {
  test('finds a token by its length and its end, and its header by its text', () => {
    const cache = new TokenCache(bounds)
    const known = remember(cache, tokenOf('signature'))
    expect(cache.lookalike(tokenOf('signature'))).toBe(known)
    expect(cache.header('head')).toBe(header)
    expect([cache.lookalike(tokenOf('others')), cache.header('other')]).toEqual([undefined, undefined])
    expect(cache.lookalike(tokenOf('signature', 101))).toBeUndefined()
  })

  test('finds one of several headers, whichever was asked for before', () => {
    const cache = new TokenCache(bounds)
    const headers = ['one', 'two', 'three'].map((kid): Header => ({ ...header, kid }))
    for (const known of headers)
      cache.remember(tokenOf(`${known.kid}-signature`), trusted, known.kid ?? '', known)
    for (const known of [...headers, ...headers.toReversed(), ...headers])
      expect(cache.header(known.kid ?? '')).toBe(known)
  })

  test('knows of two which end alike the later one, which says by its digest that it is not the other', () => {
    const cache = new TokenCache(bounds)
    const [one, two] = [tokenOf('one-signature'), tokenOf('two-signature')]
    expect(remember(cache, one).id).not.toBe(remember(cache, two).id)
    expect([cache.lookalike(one)?.id, cache.lookalike(two)?.id, cache.size]).toEqual([
      `of ${two}`,
      `of ${two}`,
      1,
    ])
  })

  test('tells ends apart which differ in one letter, or in the order of two', () => {
    const ends = new Set<string>()
    for (const at of [0, 1, 2, 3, 4, 5])
      for (const letter of 'AZaz09-_') ends.add('signat'.slice(0, at) + letter + 'signat'.slice(at + 1))
    ends.add('isgnat').add('signta')
    const cache = new TokenCache({ max: 100, maxSize: 1_000_000 })
    for (const end of ends) remember(cache, tokenOf(`${end}XA`))
    expect(cache.size).toBe(ends.size)
    for (const end of ends) expect(cache.lookalike(tokenOf(`${end}XA`))?.id).toBe(`of ${tokenOf(`${end}XA`)}`)
  })

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
    const cache = new TokenCache({ max: 10, maxSize: 2 * (2 * 100 + 512) })
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
