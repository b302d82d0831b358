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

/** What a statistic says of the rounds, and its bootstrap interval. Drawing is seeded: one set of rounds has one interval. */
export function bootstrap<Round>(
  rounds: readonly Round[],
  statistic: (drawn: readonly Round[]) => number,
): Estimate {
  const random = generator(rounds.length)
  const drawn = Array.from({ length: RESAMPLES }, () =>
    statistic(rounds.map(() => rounds[Math.floor(random() * rounds.length)] as Round)),
  )
  return { value: statistic(rounds), low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) }
}

/** The median of the rounds with its interval. */
export function estimate(rounds: readonly number[]): Estimate {
  return bootstrap(rounds, median)
}

/** The ratio of two contenders, as the median of the ratios of each round: what disturbs a round disturbs both. */
export function ratio(over: readonly number[], under: readonly number[]): Estimate {
  return estimate(over.map((value, round) => value / (under[round] as number)))
}

/** A number that is known, not estimated. */
export function exact(value: number): Estimate {
  return { value, low: value, high: value }
}

/** One size with what it costs more than the smallest does. */
interface Grown {
  /** By how much it is larger than the smallest. */
  readonly beyond: number
  readonly growth: number
  /** Costs are known to so many percent, so that a dear one counts for less than its size. */
  readonly weight: number
}

/**
 * The exponent `k` of `cost = base + factor · size^k`. What does not grow is taken away first: a signature costs so much
 * that next to it even a square looks flat. Sizes are counted from the smallest, so that a straight line has the
 * exponent 1 wherever it begins.
 *
 * @param sizes ascending
 * @param rounds in each, the costs at these sizes
 */
export function growthExponent(sizes: readonly number[], rounds: readonly (readonly number[])[]): number {
  const smallest = sizes[0] as number
  const range = (sizes.at(-1) as number) - smallest
  const points = sizes.slice(1).map((size, index): Grown => {
    const cost = median(rounds.map((costs) => costs[index + 1] as number))
    const growth = median(rounds.map((costs) => (costs[index + 1] as number) - (costs[0] as number)))
    return { beyond: (size - smallest) / range, growth, weight: 1 / cost ** 2 }
  })
  let best = { exponent: 0, misfit: Number.POSITIVE_INFINITY }
  for (let hundredths = 0; hundredths <= 100 * MAX_EXPONENT; hundredths += 1) {
    const misfit = misfitOf(points, hundredths / 100)
    if (misfit < best.misfit) best = { exponent: hundredths / 100, misfit }
  }
  return best.exponent
}

const MAX_EXPONENT = 4

/** What `factor · size^exponent` leaves unexplained with the factor which fits best. Not by logarithms: noise may make a growth negative. */
function misfitOf(points: readonly Grown[], exponent: number): number {
  let [products, squares] = [0, 0]
  for (const { beyond, growth, weight } of points) {
    const power = beyond ** exponent
    products += weight * growth * power
    squares += weight * power * power
  }
  const factor = Math.max(0, products / squares)
  return points.reduce(
    (sum, { beyond, growth, weight }) => sum + weight * (growth - factor * beyond ** exponent) ** 2,
    0,
  )
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
