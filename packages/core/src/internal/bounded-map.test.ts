import { describe, expect, test, vi } from 'vitest'

import { BoundedMap } from './bounded-map.ts'

describe('BoundedMap', () => {
  test('gives what was set last', () => {
    const map = new BoundedMap<string, number>({ max: 2 })
    map.set('a', 1)
    map.set('a', 2)
    expect([map.get('a'), map.has('a'), map.size]).toEqual([2, true, 1])
    expect([map.get('b'), map.has('b')]).toEqual([undefined, false])
  })

  test('holds as many as it may, however they are read in turns', () => {
    const map = new BoundedMap<number, number>({ max: 100 })
    for (let round = 0; round < 5; round += 1) {
      for (let key = 0; key < 100; key += 1) {
        if (round === 0) map.set(key, key)
        else expect(map.get(key)).toBe(key)
      }
    }
  })

  test('drops first what was not read', () => {
    const map = new BoundedMap<string, number>({ max: 3 })
    for (const key of ['a', 'b', 'c']) map.set(key, 0)
    map.get('a')
    map.set('d', 0)
    expect(['a', 'b', 'c', 'd'].filter((key) => map.has(key))).toEqual(['a', 'c', 'd'])
    for (const key of ['e', 'f', 'g']) map.set(key, 0)
    expect(['a', 'c', 'd', 'e', 'f', 'g'].filter((key) => map.has(key))).toEqual(['e', 'f', 'g'])
  })

  test('keeps what is read between any two additions', () => {
    const map = new BoundedMap<number, string>({ max: 10 })
    map.set(-1, 'busy')
    for (let key = 0; key < 1000; key += 1) {
      expect(map.get(-1)).toBe('busy')
      map.set(key, '')
    }
  })

  test('tells of everything that leaves', () => {
    const dropped = vi.fn<(value: string) => void>()
    const map = new BoundedMap<string, string>({ max: 2, dropped })
    map.set('a', 'replaced')
    map.set('a', 'pushed out')
    map.set('b', 'deleted')
    map.set('c', 'cleared')
    map.delete('b')
    map.delete('b')
    map.clear()
    expect(dropped.mock.calls.flat()).toEqual(['replaced', 'pushed out', 'deleted', 'cleared'])
    expect([...map.values()]).toEqual([])
  })
})
