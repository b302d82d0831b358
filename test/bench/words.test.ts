import { expect, test } from 'vitest'

import { Words } from './words.ts'

test.each([1, 2, 3])('all words of %d letters come before one comes again', (length) => {
  const words = new Words()
  const count = 52 ** length
  const seen = new Set(Array.from({ length: count }, () => words.next(length)))
  expect(seen.size).toBe(count)
})

test.each([5, 8, 24])('words of %d letters do not come again', (length) => {
  const words = new Words()
  const made = Array.from({ length: 300_000 }, () => words.next(length))
  expect(new Set(made).size).toBe(made.length)
  expect(made.every((word) => word.length === length)).toBe(true)
})

test('words which mean something are left out', () => {
  const words = new Words(['iss', 'aud'])
  const made = new Set(Array.from({ length: 52 ** 3 }, () => words.next(3)))
  expect(made.has('iss') || made.has('aud')).toBe(false)
})
