import { describe, expect, test } from 'vitest'

import { privateSlot } from './private-slot.ts'

describe('privateSlot()', () => {
  test('keeps one value with an object, and replaces it', () => {
    const slot = privateSlot<number>()
    const object = {}
    expect(slot.get(object)).toBeUndefined()
    slot.set(object, 1)
    expect(slot.get(object)).toBe(1)
    slot.set(object, 2)
    expect(slot.get(object)).toBe(2)
  })

  test('is another one for each slot', () => {
    const [one, two] = [privateSlot<number>(), privateSlot<number>()]
    const object = {}
    one.set(object, 1)
    expect(two.get(object)).toBeUndefined()
  })

  test.each([
    ['what inherits from the object', (object: object): object => Object.create(object)],
    ['a copy of it', (object: object): object => ({ ...object })],
    [
      'a copy of its own members',
      (object: object): object => Object.defineProperties({}, Object.getOwnPropertyDescriptors(object)),
    ],
    ['a proxy of it', (object: object): object => new Proxy(object, {})],
  ])('has nothing for %s', (_what, derive) => {
    const slot = privateSlot<number>()
    const object = { a: 1 }
    slot.set(object, 1)
    expect(slot.get(derive(object))).toBeUndefined()
  })

  test('shows nothing on the object', () => {
    const object = { a: 1 }
    privateSlot<number>().set(object, 1)
    expect(Reflect.ownKeys(object)).toEqual(['a'])
    expect(JSON.stringify(object)).toBe('{"a":1}')
  })

  test.each([Object.freeze, Object.seal, Object.preventExtensions])(
    'takes an object to which nothing can be added: %o',
    (close) => {
      const slot = privateSlot<number>()
      const object = close({ a: 1 })
      slot.set(object, 1)
      slot.set(object, 2)
      expect(slot.get(object)).toBe(2)
      expect(slot.get(close({ a: 1 }))).toBeUndefined()
    },
  )

  test.each([undefined, null, 'a', 1])('has nothing for %j, which is no object', (value) => {
    expect(privateSlot<number>().get(value as unknown as object)).toBeUndefined()
  })

  test('takes functions and proxies, by their identity', () => {
    const slot = privateSlot<number>()
    const proxy = new Proxy({}, {})
    const callable = (): void => {}
    slot.set(proxy, 1)
    slot.set(callable, 2)
    expect([slot.get(proxy), slot.get(callable)]).toEqual([1, 2])
  })
})
