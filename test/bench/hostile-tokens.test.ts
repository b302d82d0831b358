import { describe, expect, test } from 'vitest'

import { largest } from './hostile-tokens.ts'

describe('the largest size which is read', () => {
  test.each([0, 1, 2, 3, 4, 5, 1199, 2490, 65_536])('is found: %d', async (limit) => {
    expect(await largest(async (size) => size <= limit)).toBe(limit)
  })

  test('is looked for in vain where there is no limit', async () => {
    await expect(largest(async () => true)).rejects.toThrow('no limit')
  })
})
