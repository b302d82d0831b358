/** An estimate with the interval in which it lies at 95 %. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('no values')
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const below = sorted[Math.floor(at)] as number
  const above = sorted[Math.ceil(at)] as number
  return below + (above - below) * (at - Math.floor(at))
}

const RESAMPLES = 2000

/** The median of the rounds and its bootstrap interval. Drawing is seeded: one set of rounds has one interval. */
export function estimate(rounds: readonly number[]): Estimate {
  const random = generator(rounds.length)
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(rounds.map(() => rounds[Math.floor(random() * rounds.length)] as number)),
  )
  return { value: median(rounds), low: quantile(medians, 0.025), high: quantile(medians, 0.975) }
}

/** The ratio of two contenders: round by round, since what disturbs a round disturbs both. */
export function ratio(over: readonly number[], under: readonly number[]): Estimate {
  return estimate(over.map((value, round) => value / (under[round] as number)))
}

/** A number that is known, not estimated. */
export function exact(value: number): Estimate {
  return { value, low: value, high: value }
}

/** The exponent `b` of `cost = a · size^b`, by least squares over the logarithms. */
export function exponent(points: readonly (readonly [size: number, cost: number])[]): number {
  const logs = points.map(([size, cost]) => [Math.log(size), Math.log(cost)] as const)
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return covariance / variance
}

/** mulberry32. */
export function generator(seed: number): () => number {
  let state = seed + 0x6d_2b_79_f5
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
