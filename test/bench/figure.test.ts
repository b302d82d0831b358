import { expect, test } from 'vitest'

import { above, atLeast, atMost, type Bar, below, type Figure, verdictOf } from './figure.ts'

const figure = (value: number, low: number, high: number, bar?: Bar): Figure => ({
  part: 1,
  id: 'some',
  what: 'something',
  unit: '×',
  value,
  low,
  high,
  ...(bar === undefined ? {} : { bar }),
})

test.each([
  ['met', figure(1, 0.9, 1.1, atMost(1))],
  ['open', figure(1.05, 0.9, 1.1, atMost(1))],
  ['MISSED', figure(1.2, 1.1, 1.3, atMost(1))],
  ['met', figure(2.5, 2.4, 2.6, atLeast(2.5))],
  ['MISSED', figure(2.3, 2.2, 2.4, atLeast(2.5))],
  ['MISSED', figure(1, 1, 1, above(1))],
  ['MISSED', figure(1, 1, 1, below(1))],
  ['', figure(9, 8, 10)],
] as const)('a bar is %s', (verdict, one) => {
  expect(verdictOf(one)).toBe(verdict)
})
