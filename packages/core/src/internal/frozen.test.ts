import { expect, test } from 'vitest'

import { isDeepFrozen } from './frozen.ts'

const freeze = Object.freeze.bind(Object)

test.each([
  [freeze({ a: freeze([1, 'b', null, freeze({})]) }), true],
  [freeze(Object.create(null) as object), true],
  [() => 1, true],
  [{}, false],
  [freeze({ a: {} }), false],
  [freeze([[]]), false],
  [freeze(new URL('https://as.example')), false],
  [freeze(new Map()), false],
  [freeze(Object.create({ inherited: {} }) as object), false],
  [
    freeze({
      get a() {
        return Math.random()
      },
    }),
    false,
  ],
  [freeze(Object.defineProperty({}, 'hidden', { value: {} })), false],
])('isDeepFrozen(%o) is %s', (value, expected) => {
  expect(isDeepFrozen(value)).toBe(expected)
})
