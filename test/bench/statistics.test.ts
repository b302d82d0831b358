import { describe, expect, test } from 'vitest'

import { bootstrap, estimate, generator, growthExponent, median, quantile, ratio } from './statistics.ts'

describe('quantiles', () => {
  test('lie between the values next to them', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(quantile([0, 100], 0.99)).toBe(99)
  })

  test('of nothing do not exist', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError)
  })
})

describe('an estimate', () => {
  const noisy = (center: number, count: number): number[] => {
    const random = generator(7)
    return Array.from({ length: count }, () => center + random() - 0.5)
  }

  test('is the median, within its interval', () => {
    const { value, low, high } = estimate(noisy(10, 15))
    expect(value).toBe(median(noisy(10, 15)))
    expect(low).toBeLessThanOrEqual(value)
    expect(high).toBeGreaterThanOrEqual(value)
  })

  test('of the same rounds has the same interval', () => {
    expect(estimate(noisy(10, 15))).toEqual(estimate(noisy(10, 15)))
  })

  test('grows narrower with more rounds', () => {
    const width = (count: number): number => {
      const { low, high } = estimate(noisy(10, count))
      return high - low
    }
    expect(width(400)).toBeLessThan(width(9))
  })

  test('draws whole rounds, so that what belongs together stays together', () => {
    const rounds = [1, 2, 3].map((n) => [n, 10 * n] as const)
    const { low, high } = bootstrap(rounds, (drawn) => median(drawn.map(([a, b]) => b / a)))
    expect([low, high]).toEqual([10, 10])
  })

  test('of a ratio is the median of the ratios of each round, not the ratio of the medians', () => {
    expect(ratio([1, 10, 3], [1, 1, 1]).value).toBe(3)
    expect(ratio([2, 30, 40], [1, 10, 40]).value).toBe(2)
  })
})

describe('the exponent of what grows', () => {
  const sizes = [500, 1000, 2000, 4000, 8000, 16_000]
  /** Rounds of costs by a law, each cost by itself up to so much beside it. */
  const rounds = (sizes: readonly number[], law: (size: number) => number, noise = 0): number[][] => {
    const random = generator(3)
    return Array.from({ length: 15 }, () => sizes.map((size) => law(size) * (1 + noise * (random() - 0.5))))
  }

  test.each([1, 1.5, 2, 3])('is found: %d', (power) => {
    const law = (size: number): number => 60 + 1e-4 * (size - 500) ** power
    expect(growthExponent(sizes, rounds(sizes, law))).toBeCloseTo(power, 1)
  })

  test('is 1 for a straight line, wherever it begins and however much does not grow', () => {
    for (const base of [0, 60, 10_000]) {
      expect(
        growthExponent(
          sizes,
          rounds(sizes, (size) => base + 0.002 * size),
        ),
      ).toBe(1)
    }
  })

  test('tells a square from a line also where the signature costs most of it', () => {
    const exponent = bootstrap(
      rounds(sizes, (size) => 68 + 100 * (size / 16_000) ** 2, 0.04),
      (drawn) => growthExponent(sizes, drawn),
    )
    expect(exponent.low).toBeGreaterThan(1.2)
    const line = bootstrap(
      rounds(sizes, (size) => 68 + 100 * (size / 16_000), 0.04),
      (drawn) => growthExponent(sizes, drawn),
    )
    expect(line.high).toBeLessThan(1.2)
  })

  test('is found over decades', () => {
    const decades = [1, 10, 100, 1000]
    expect(
      growthExponent(
        decades,
        rounds(decades, (size) => 68 + 20 * (size / 100) ** 2, 0.04),
      ),
    ).toBeGreaterThan(1.8)
    expect(
      growthExponent(
        decades,
        rounds(decades, (size) => 68 + size / 10, 0.04),
      ),
    ).toBeLessThan(1.2)
  })

  test('is 0 where nothing grows', () => {
    expect(
      growthExponent(
        sizes,
        rounds(sizes, () => 68),
      ),
    ).toBe(0)
    expect(
      growthExponent(
        sizes,
        rounds(sizes, (size) => 68 - size / 1000),
      ),
    ).toBe(0)
  })
})
