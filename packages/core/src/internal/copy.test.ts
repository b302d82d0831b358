import { expect, test } from 'vitest'

import { copyOf } from './copy.ts'

test('copyOf() copies lists, plain objects and URLs, through and through', () => {
  const original = { list: [{ a: 1 }], url: new URL('https://issuer.example/'), text: 'x' }
  const copy = copyOf(original)
  expect(copy).toEqual(original)
  ;(original.list[0] as { a: number }).a = 2
  original.list.push({ a: 3 })
  original.url.pathname = '/other'
  expect(copy).toEqual({ list: [{ a: 1 }], url: new URL('https://issuer.example/'), text: 'x' })
})

test('copyOf() leaves functions and objects of a class as they are', () => {
  const map = new Map()
  const read = (): number => 1
  const copy = copyOf({ map, read, nothing: null, absent: undefined })
  expect(copy.map).toBe(map)
  expect(copy.read).toBe(read)
  expect(copy).toHaveProperty('absent', undefined)
  expect(copy.nothing).toBeNull()
})

test('copyOf() takes a member named __proto__ for a member, and keeps symbols', () => {
  const name = Symbol('name')
  const copy = copyOf({ ...(JSON.parse('{"__proto__":{"admin":true}}') as object), [name]: 1 })
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  expect(Object.hasOwn(copy, '__proto__')).toBe(true)
  expect(Reflect.ownKeys(copy)).toContain(name)
})
