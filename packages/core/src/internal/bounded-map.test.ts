import * as fc from 'fast-check'
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
    // Spared once for one reading, not for ever.
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

  test('lets the new take the place of the old, although nobody reads them', () => {
    const map = new BoundedMap<number, number>({ max: 10 })
    for (let key = 0; key < 10; key += 1) map.set(key, key)
    for (let key = 0; key < 10; key += 1) map.get(key)
    for (let key = 10; key < 30; key += 1) map.set(key, key)
    expect([...map.values()]).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
  })

  test('drops something after a bounded search, also where everything was read', () => {
    const map = new BoundedMap<number, number>({ max: 1000 })
    for (let key = 0; key < 1000; key += 1) map.set(key, key)
    for (let key = 0; key < 1000; key += 1) map.get(key)
    map.set(1000, 1000)
    expect(map.has(64)).toBe(false)
    expect(map.size).toBe(1000)
  })

  test('bounds the sizes together, and takes nothing that is larger than all', () => {
    const map = new BoundedMap<string, number>({ max: 10, maxSize: 100 })
    map.set('a', 0, 60)
    map.set('b', 0, 40)
    map.set('c', 0, 40)
    expect(['a', 'b', 'c'].filter((key) => map.has(key))).toEqual(['b', 'c'])
    map.set('b', 0, 101)
    expect(['a', 'b', 'c'].filter((key) => map.has(key))).toEqual(['c'])
  })

  test('tells of everything that leaves', () => {
    const dropped = vi.fn<(value: string) => void>()
    const map = new BoundedMap<string, string>({ max: 2, maxSize: 10, dropped })
    map.set('a', 'replaced')
    map.set('a', 'pushed out')
    map.set('b', 'deleted')
    map.set('c', 'cleared')
    map.delete('b')
    map.delete('b')
    map.set('d', 'too large', 11)
    map.clear()
    expect(dropped.mock.calls.flat()).toEqual(['replaced', 'pushed out', 'deleted', 'too large', 'cleared'])
    expect([...map.values()]).toEqual([])
  })

  test('keeps its bounds, and never gives what was not set, whatever is done to it', () => {
    const operation = fc.oneof(
      fc.tuple(fc.constant('set'), fc.nat({ max: 12 }), fc.nat({ max: 9 })),
      fc.tuple(fc.constant('get'), fc.nat({ max: 12 }), fc.constant(0)),
      fc.tuple(fc.constant('delete'), fc.nat({ max: 12 }), fc.constant(0)),
      fc.tuple(fc.constant('clear'), fc.constant(0), fc.constant(0)),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(operation, { maxLength: 200 }),
        (max, operations) => {
          const held = new Map<number, { value: number; size: number }>()
          const map = new BoundedMap<number, { key: number; value: number }>({
            max,
            maxSize: 30,
            dropped: ({ key, value }) => {
              if (held.get(key)?.value === value) held.delete(key)
            },
          })
          for (const [value, [what, key, size]] of operations.entries()) {
            if (what === 'set') {
              map.set(key, { key, value }, size)
              held.set(key, { value, size })
            } else if (what === 'get') expect(map.get(key)?.value).toBe(held.get(key)?.value)
            else if (what === 'delete') map.delete(key)
            else map.clear()
            expect(map.size).toBe(held.size)
            expect(map.size).toBeLessThanOrEqual(max)
            expect([...held.values()].reduce((sum, slot) => sum + slot.size, 0)).toBeLessThanOrEqual(30)
          }
        },
      ),
    )
  })
})
