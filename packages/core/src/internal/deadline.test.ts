import { describe, expect, test } from 'vitest'

import { withDeadline } from './deadline.ts'

describe('withDeadline()', () => {
  test('hands on what work returns, at once or later', async () => {
    expect(await withDeadline(1, () => null)).toBeNull()
    expect(await withDeadline(1, async () => 'later')).toBe('later')
    const foreign = {
      // oxlint-disable-next-line unicorn/no-thenable -- libraries have promises of their own
      then: (resolve: (value: string) => void) => resolve('foreign'),
    } as unknown as Promise<string>
    expect(await withDeadline(1, () => foreign)).toBe('foreign')
  })

  test('hands on what work throws, at once or later', async () => {
    const fail = (): never => {
      throw new RangeError('x')
    }
    expect(() => withDeadline(1, fail)).toThrow(RangeError)
    await expect(withDeadline(1, async () => fail())).rejects.toThrow(RangeError)
  })

  test('rejects when work never ends', async () => {
    await expect(withDeadline(0.01, () => new Promise(() => {}))).rejects.toThrow('no answer in time')
  })
})
