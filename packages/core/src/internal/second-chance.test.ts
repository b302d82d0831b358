import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'

import { SecondChance } from './second-chance.ts'

interface Named {
  readonly name: string
  readonly size: number
  used: boolean
}
const named = (name: string, size = 1): Named => ({ name, size, used: false })

// Whom it spares, and for how long, is tested with BoundedMap, which is made of it.
describe('SecondChance', () => {
  test('gives the very entry, and marks it as read', () => {
    const entries = new SecondChance<number, Named>({ max: 2 })
    const [a, b] = [named('a'), named('b')]
    entries.set(1, a)
    entries.set(2, b)
    expect(entries.get(1)).toBe(a)
    expect([entries.has(2), a.used, b.used]).toEqual([true, true, false])
  })

  test('takes the mark from an entry which it spares', () => {
    const entries = new SecondChance<number, Named>({ max: 2 })
    const [a, b] = [named('a'), named('b')]
    entries.set(1, a)
    entries.set(2, b)
    entries.get(1)
    entries.set(3, named('c'))
    expect([a.used, [...entries.values()].map(({ name }) => name)]).toEqual([false, ['a', 'c']])
  })

  test('counts the size which an entry says it has', () => {
    const entries = new SecondChance<number, Named>({ max: 10, maxSize: 10 })
    entries.set(1, named('a', 6))
    entries.set(2, named('b', 5))
    expect([...entries.values()].map(({ name }) => name)).toEqual(['b'])
  })

  test('drops at once, and says so, what is larger than all that may be held', () => {
    const dropped = vi.fn<(entry: Named) => void>()
    const entries = new SecondChance<number, Named>({ max: 10, maxSize: 10, dropped })
    entries.set(1, named('a', 5))
    entries.set(1, named('b', 11))
    expect(dropped.mock.calls.flat().map(({ name }) => name)).toEqual(['a', 'b'])
    expect([entries.has(1), entries.size]).toEqual([false, 0])
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
          const map = new SecondChance<number, { key: number; value: number } & Named>({
            max,
            maxSize: 30,
            dropped: ({ key, value }) => {
              if (held.get(key)?.value === value) held.delete(key)
            },
          })
          for (const [value, [what, key, size]] of operations.entries()) {
            if (what === 'set') {
              map.set(key, { key, value, ...named('', size) })
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
