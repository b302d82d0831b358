import { describe, expect, test } from 'vitest'

import { clock } from '../options.ts'
import { burn, memoryReplayStore, replayKey } from './replay.ts'

const NOW = 1_700_000_000

describe('memoryReplayStore()', () => {
  test('gives a key away once, until it expired', () => {
    let now = NOW
    const store = memoryReplayStore({ [clock]: () => now })
    expect(store.claim('a', NOW + 60)).toBe(true)
    expect(store.claim('a', NOW + 60)).toBe(false)
    now = NOW + 59
    expect(store.claim('a', NOW + 60)).toBe(false)
    now = NOW + 60
    expect(store.claim('a', NOW + 120)).toBe(true)
  })

  test('refuses when it is full, and goes on when something expired', () => {
    let now = NOW
    const store = memoryReplayStore({ max: 2, [clock]: () => now })
    expect(store.claim('a', NOW + 60)).toBe(true)
    expect(store.claim('b', NOW + 600)).toBe(true)
    expect(() => store.claim('c', NOW + 60)).toThrow('full')
    expect(store.claim('a', NOW + 60)).toBe(false)
    now = NOW + 71
    expect(store.claim('c', NOW + 120)).toBe(true)
    expect(store.claim('b', NOW + 600)).toBe(false)
  })

  test('refuses what expired by its own clock: it could not remember that it was used', () => {
    const store = memoryReplayStore({ [clock]: () => NOW })
    for (const expiresAt of [NOW - 1e8, NOW - 1, NOW, Number.NaN])
      expect(() => store.claim('a', expiresAt)).toThrow('expired')
    expect(store.claim('a', NOW + 1)).toBe(true)
  })

  test('remembers on when the clock goes back', () => {
    let now = NOW
    const store = memoryReplayStore({ [clock]: () => now })
    expect(store.claim('a', NOW + 60)).toBe(true)
    now = NOW - 10_000
    expect(store.claim('a', NOW + 60)).toBe(false)
  })

  test.for([[{ max: 0 }], [{ max: Number.NaN }], [{ max: '5' }], [{ maximum: 5 }], [{ [clock]: 5 }]])(
    'throws on %o',
    ([options]) => {
      expect(() => memoryReplayStore(options as object)).toThrow(TypeError)
    },
  )
})

describe('replayKey()', () => {
  test('differs for whatever differs, also where a joint would not', async () => {
    const key = (
      purpose: 'client-authentication' | 'authorization-grant',
      iss: string,
      jti: string,
      aud: unknown,
    ) => replayKey(purpose, { iss, jti, claims: { aud } })
    const keys = await Promise.all([
      key('client-authentication', 'a', 'bc', 'd'),
      key('client-authentication', 'ab', 'c', 'd'),
      key('client-authentication', 'a"', '"b', 'd'),
      key('client-authentication', 'a","', 'b', 'd'),
      key('client-authentication', 'a', '","b', 'd'),
      key('authorization-grant', 'a', 'bc', 'd'),
      key('client-authentication', 'a', '\u0000bc', 'd'),
      key('client-authentication', 'a', 'bc', 'e'),
      key('client-authentication', 'a', 'bc', ['d', 'e']),
      key('client-authentication', 'a', 'bc', ['d","e']),
    ])
    expect(new Set(keys).size).toBe(keys.length)
    expect(await key('client-authentication', 'a', 'bc', ['d'])).toBe(keys[0])
  })
})

describe('burn()', () => {
  const one = { iss: 'a', jti: 'b', exp: NOW + 0.5, claims: { aud: 'c' } }

  test('accepts only a store which says true', async () => {
    for (const [answer, code] of [
      [true, undefined],
      [false, 'assertion_replayed'],
      [undefined, 'replay_store_failed'],
      [1, 'replay_store_failed'],
      ['OK', 'replay_store_failed'],
    ] as const) {
      const claim = () => answer as boolean
      expect((await burn({ claim }, 'authorization-grant', one))?.code).toBe(code)
    }
  })

  test('refuses when the store throws, rejects or never answers', async () => {
    const stores = [
      () => {
        throw new Error('full')
      },
      () => Promise.reject(new Error('no connection')),
      () => new Promise<boolean>(() => {}),
    ]
    for (const claim of stores)
      expect((await burn({ claim }, 'authorization-grant', one))?.code).toBe('replay_store_failed')
  })

  test('keeps an assertion for a minute longer than any verifier could accept it, in whole seconds', async () => {
    const seen: number[] = []
    const claim = (_key: string, expiresAt: number): boolean => seen.push(expiresAt) > 0
    await burn({ claim }, 'authorization-grant', one)
    expect(seen).toEqual([NOW + 361])
  })
})
