import { describe, expect, test } from 'vitest'

import { SecondChance } from './second-chance.ts'

interface Named {
  readonly name: string
  readonly size: number
  used: boolean
}
const named = (name: string, size = 1): Named => ({ name, size, used: false })

// What it drops, and when, is tested with BoundedMap, which is made of it.
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
})
