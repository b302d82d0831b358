import { describe, expect, test } from 'vitest'

import { withoutStack } from './stack.ts'

describe('withoutStack()', () => {
  test('gives the limit back, also when making throws', () => {
    const before = Error.stackTraceLimit
    expect(() =>
      withoutStack(() => {
        throw new RangeError('x')
      }),
    ).toThrow(RangeError)
    expect(Error.stackTraceLimit).toBe(before)
  })

  test('makes the error also where intrinsics are frozen', () => {
    const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') as PropertyDescriptor
    Object.defineProperty(Error, 'stackTraceLimit', { ...limit, writable: false })
    try {
      expect(withoutStack(() => new Error('x')).message).toBe('x')
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', limit)
    }
  })
})
