import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'

import { SecondChance } from './second-chance.ts'

interface Named {
  readonly name: string
  readonly size: number
  used: boolean
}
const named = (name: string, size = 1): Named => ({ name, size, used: false })

/** Of one-letter names, which are their keys too. */
function queueOf(max: number, names: string): SecondChance<string, Named> {
  const entries = new SecondChance<string, Named>({ max, maxSize: Number.POSITIVE_INFINITY })
  add(entries, names)
  return entries
}
const add = (entries: SecondChance<string, Named>, names: string): void => {
  for (const name of names) entries.set(name, named(name))
}
/** Which of them are held. Asking is reading, so it comes last. */
const held = (entries: SecondChance<string, Named>, names: string): string =>
  [...names].filter((name) => entries.get(name)?.name === name).join('')

describe('SecondChance', () => {
  test('gives the very entry, and marks it as read', () => {
    const entries = queueOf(2, '')
    const [a, b] = [named('a'), named('b')]
    entries.set('a', a)
    entries.set('b', b)
    expect(entries.get('a')).toBe(a)
    expect([a.used, b.used]).toEqual([true, false])
    expect(entries.get('b')).toBe(b)
  })

  test('begins its queue anew where much was deleted, for V8 keeps what an old iterator could walk over', () => {
    const begun = vi.spyOn(Map.prototype, 'entries')
    const entries = queueOf(100, 'abc')
    expect(begun).toHaveBeenCalledTimes(1)
    for (let times = 0; times < 10_000; times += 1) add(entries, 'a')
    // Often enough to hold little, and seldom enough to cost little.
    expect(begun.mock.calls.length).toBeGreaterThan(100)
    expect(begun.mock.calls.length).toBeLessThan(200)
    begun.mockRestore()
    expect(held(entries, 'abc')).toBe('abc')
  })

  test('begins its queue anew when it is cleared, for V8 keeps the cleared table with all that was in it', () => {
    const begun = vi.spyOn(Map.prototype, 'entries')
    const entries = queueOf(100, 'abc')
    for (let times = 1; times <= 3; times += 1) {
      entries.clear()
      expect(begun).toHaveBeenCalledTimes(1 + times)
      add(entries, 'abc')
    }
    begun.mockRestore()
    expect(held(entries, 'abc')).toBe('abc')
  })

  test('gives what was set last', () => {
    const entries = queueOf(2, 'aa')
    const last = named('a')
    entries.set('a', last)
    expect(entries.get('a')).toBe(last)
    expect(entries.get('b')).toBeUndefined()
  })

  test('drops first what was not read, and spares once for one reading', () => {
    const entries = queueOf(3, 'abc')
    entries.get('a')
    add(entries, 'd')
    add(entries, 'e')
    expect(held(entries, 'abcde')).toBe('ade')
    const again = queueOf(3, 'abc')
    again.get('a')
    add(again, 'defg')
    expect(held(again, 'abcdefg')).toBe('efg')
  })

  test('takes the mark from an entry which it spares', () => {
    const entries = queueOf(2, '')
    const a = named('a')
    entries.set('a', a)
    add(entries, 'b')
    entries.get('a')
    add(entries, 'c')
    expect(a.used).toBe(false)
    expect(held(entries, 'abc')).toBe('ac')
  })

  test('holds as many as it may, however they are read in turns', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz'
    const entries = queueOf(letters.length, letters)
    for (let round = 0; round < 5; round += 1) expect(held(entries, letters)).toBe(letters)
  })

  test('keeps what is read between any two additions', () => {
    const entries = new SecondChance<number, Named>({ max: 10, maxSize: 10 })
    entries.set(-1, named('busy'))
    for (let key = 0; key < 1000; key += 1) {
      expect(entries.get(-1)?.name).toBe('busy')
      entries.set(key, named(''))
    }
  })

  test('lets the new take the place of the old, although nobody reads them', () => {
    const entries = queueOf(3, 'abc')
    held(entries, 'abc')
    add(entries, 'defghi')
    expect(held(entries, 'abcdefghi')).toBe('ghi')
  })

  test('drops something after a bounded search, also where everything was read', () => {
    const entries = new SecondChance<number, Named>({ max: 1000, maxSize: 1000 })
    for (let key = 0; key < 1000; key += 1) entries.set(key, named(''))
    for (let key = 0; key < 1000; key += 1) entries.get(key)
    entries.set(1000, named(''))
    const there = Array.from({ length: 1001 }, (_none, key) => key).filter((key) => entries.get(key))
    expect(there).toHaveLength(1000)
    expect(there).not.toContain(64)
  })

  test('counts the size which an entry says it has', () => {
    const entries = new SecondChance<string, Named>({ max: 10, maxSize: 10 })
    entries.set('a', named('a', 6))
    entries.set('b', named('b', 5))
    expect(held(entries, 'ab')).toBe('b')
  })

  test('does not hold what is larger than all that may be held, and not what it takes the place of', () => {
    const entries = new SecondChance<string, Named>({ max: 10, maxSize: 10 })
    entries.set('b', named('b', 5))
    entries.set('a', named('a', 5))
    entries.set('a', named('a', 11))
    expect(held(entries, 'ab')).toBe('b')
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
          const set = new Map<number, Named>()
          const entries = new SecondChance<number, Named>({ max, maxSize: 30 })
          for (const [what, key, size] of operations) {
            if (what === 'set') {
              const entry = named('', size)
              entries.set(key, entry)
              set.set(key, entry)
              // What came last is there.
              expect(entries.get(key)).toBe(entry)
            } else if (what === 'get') {
              const entry = entries.get(key)
              if (entry !== undefined) expect(entry).toBe(set.get(key))
            } else if (what === 'delete') {
              entries.delete(key)
              set.delete(key)
              expect(entries.get(key)).toBeUndefined()
            } else {
              entries.clear()
              set.clear()
            }
            const there = [...set.keys()]
              .map((known) => entries.get(known))
              .filter((entry) => entry !== undefined)
            expect(there.length).toBeLessThanOrEqual(max)
            expect(there.reduce((sum, entry) => sum + entry.size, 0)).toBeLessThanOrEqual(30)
          }
        },
      ),
    )
  })
})
