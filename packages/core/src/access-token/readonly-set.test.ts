import { inspect } from 'node:util'

import { describe, expect, test, vi } from 'vitest'

import { EMPTY_SET, FrozenSet } from './readonly-set.ts'

describe('FrozenSet', () => {
  const set = new FrozenSet(['b', 'a', 'b'])

  test('reads like a set, in order of first occurrence', () => {
    expect(set.size).toBe(2)
    expect(set.has('a')).toBe(true)
    expect(set.has('c')).toBe(false)
    expect([...set]).toEqual(['b', 'a'])
    expect([...set.keys()]).toEqual(['b', 'a'])
    expect([...set.values()]).toEqual(['b', 'a'])
    expect([...set.entries()]).toEqual([
      ['b', 'b'],
      ['a', 'a'],
    ])
  })

  test('gives forEach() itself, never what is behind it', () => {
    const seen: unknown[] = []
    const self = {}
    set.forEach(function (this: unknown, value, key, whole) {
      seen.push([this === self, value, key, whole === set])
    }, self)
    expect(seen).toEqual([
      [true, 'b', 'b', true],
      [true, 'a', 'a', true],
    ])
  })

  test('calculates with sets of both kinds', () => {
    const other = new Set(['a', 'c'])
    expect([...set.union(other)]).toEqual(['b', 'a', 'c'])
    expect([...set.intersection(other)]).toEqual(['a'])
    expect([...set.difference(other)]).toEqual(['b'])
    expect([...set.symmetricDifference(other)]).toEqual(['b', 'c'])
    expect(set.isSubsetOf(new Set(['a', 'b', 'c']))).toBe(true)
    expect(set.isSupersetOf(new FrozenSet(['a']))).toBe(true)
    expect(set.isDisjointFrom(other)).toBe(false)
    expect([...other.union(set)]).toEqual(['a', 'c', 'b'])
  })

  test('cannot be changed, by no way a set is changed', () => {
    for (const method of ['add', 'delete', 'clear'] as const) {
      expect(method in set).toBe(false)
      const change = Set.prototype[method] as (this: unknown, value: string) => unknown
      expect(() => change.call(set, 'c')).toThrow(TypeError)
    }
    expect(Reflect.set(set, 'has', () => true)).toBe(false)
    expect(Reflect.set(FrozenSet.prototype, 'has', () => true)).toBe(false)
    expect(Reflect.defineProperty(FrozenSet, 'from', { value: 1 })).toBe(false)
    set.union(new Set(['c'])).add('d')
    expect([...set]).toEqual(['b', 'a'])
  })

  test('keeps a copy of what it was made of', () => {
    const source = ['a']
    const copy = new FrozenSet(source)
    source.push('b')
    expect([...copy]).toEqual(['a'])
  })

  test('serializes to a list, and shows its values to whoever debugs', () => {
    expect(JSON.stringify({ scopes: set })).toBe('{"scopes":["b","a"]}')
    expect(inspect(set)).toBe("Set(2) { 'b', 'a' }")
  })

  test('has an empty one', () => {
    expect([...EMPTY_SET]).toEqual([])
  })

  test('says the same of a long list however often it is asked', () => {
    const long = new FrozenSet(Array.from({ length: 1000 }, (_none, n) => `group-${n}`))
    for (let n = 0; n < 30; n += 1) {
      expect([long.has(`group-${n}`), long.has('none'), long.size]).toEqual([true, false, 1000])
    }
  })

  test('makes no more sets when it is asked often, in whatever way', () => {
    const made = vi.fn()
    vi.stubGlobal(
      'Set',
      class<T> extends Set<T> {
        constructor(values?: Iterable<T>) {
          made()
          super(values)
        }
      },
    )
    try {
      for (const length of [3, 1000]) {
        const set = new FrozenSet(Array.from({ length }, (_none, n) => `group-${n}`))
        const ask = (): unknown[] => [set.size, [...set].length, set.has('group-2'), set.has('none')]
        for (let n = 0; n < 8; n += 1) expect(ask()).toEqual([length, length, true, false])
        made.mockClear()
        for (let n = 0; n < 8; n += 1) expect(ask()).toEqual([length, length, true, false])
        expect(made).not.toHaveBeenCalled()
      }
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
