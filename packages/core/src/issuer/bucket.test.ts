import { describe, expect, test } from 'vitest'

import { TokenBucket } from './bucket.ts'

const taken = (bucket: TokenBucket, ...times: number[]): boolean[] => times.map((time) => bucket.take(time))

describe('TokenBucket', () => {
  test('gives a burst, then one per interval (MD-13)', () => {
    expect(taken(new TokenBucket(), 0, 0, 0, 29, 30, 59, 60)).toEqual([
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ])
  })

  test('collects nothing while it is full', () => {
    expect(taken(new TokenBucket(), 0, 1000, 1000, 1029, 1030)).toEqual([true, true, true, false, true])
  })

  test('counts the time until the next one from when it was full last', () => {
    expect(taken(new TokenBucket(), 100, 129, 129.5, 130)).toEqual([true, true, false, true])
  })

  test('never gives more than a burst after a long rest', () => {
    const bucket = new TokenBucket()
    taken(bucket, 0, 0)
    expect(taken(bucket, 1_000_000, 1_000_000, 1_000_000)).toEqual([true, true, false])
  })

  test('takes back what was not used, and holds no more than a burst', () => {
    const bucket = new TokenBucket()
    taken(bucket, 0, 0)
    for (let i = 0; i < 5; i += 1) bucket.refund()
    expect(taken(bucket, 0, 0, 0)).toEqual([true, true, false])
  })

  test('loses no turn for longer than an interval when the clock is set back', () => {
    const bucket = new TokenBucket()
    expect(taken(bucket, 1_000_000, 1_000_000, 0, 29, 30)).toEqual([true, true, false, false, true])
  })
})
