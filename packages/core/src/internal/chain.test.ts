import { describe, expect, test } from 'vitest'

import { chain, rejection } from './chain.ts'

describe('chain()', () => {
  test('goes on at once with a value, and later with a promise', async () => {
    const add = (a: number, b: number): number => a + b
    expect(chain(1, add, 2)).toBe(3)
    const later = chain(Promise.resolve(1), add, 2)
    expect(later).toBeInstanceOf(Promise)
    expect(await later).toBe(3)
  })
})

describe('rejection()', () => {
  test('rejects, and nothing is reported of it when somebody waits', async () => {
    const reported: unknown[] = []
    const listener = (reason: unknown): void => {
      reported.push(reason)
    }
    process.on('rejectionHandled', listener)
    process.on('unhandledRejection', listener)
    try {
      const error = new Error('no')
      await expect(rejection(error)).rejects.toBe(error)
      await new Promise(setImmediate)
      expect(reported).toEqual([])
    } finally {
      process.off('rejectionHandled', listener)
      process.off('unhandledRejection', listener)
    }
  })
})
