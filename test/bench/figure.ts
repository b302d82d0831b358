import type { Estimate } from './statistics.ts'

/** What is promised of a figure. */
export interface Bar {
  readonly at: '≤' | '≥' | '<' | '>'
  readonly limit: number
}

export interface Figure extends Estimate {
  /** The number of the part, as `--only` takes it. */
  readonly part: number
  /** Stands for the figure in the JSON. */
  readonly id: string
  readonly what: string
  readonly unit: string
  readonly bar?: Bar
}

export type Verdict = 'met' | 'MISSED' | 'open' | ''

/** A bar is missed when the whole interval misses it; while the interval holds the bar, the noise leaves it open. */
export function verdictOf({ bar, value, low, high }: Figure): Verdict {
  if (bar === undefined) return ''
  const within = (x: number): boolean =>
    bar.at === '≤'
      ? x <= bar.limit
      : bar.at === '<'
        ? x < bar.limit
        : bar.at === '≥'
          ? x >= bar.limit
          : x > bar.limit
  if (within(value)) return 'met'
  return within(low) || within(high) ? 'open' : 'MISSED'
}

/** What a part runs with. */
export interface Run {
  readonly full: boolean
  /** Interleaved rounds. */
  readonly rounds: number
  /** Says what the figures below it are of. */
  note(text: string): void
  /** Tells the person who waits how far it is; not a part of the results. */
  progress(text: string): void
  /** Adds a figure and prints it. */
  figure(id: string, what: string, unit: string, estimate: Estimate, bar?: Bar): void
}

export const atMost = (limit: number): Bar => ({ at: '≤', limit })
export const atLeast = (limit: number): Bar => ({ at: '≥', limit })
export const below = (limit: number): Bar => ({ at: '<', limit })
export const above = (limit: number): Bar => ({ at: '>', limit })

export function lineOf(figure: Figure): string {
  const { what, unit, value, low, high, bar } = figure
  const interval = low === high ? '' : `[${short(low)}, ${short(high)}]`
  const promise = bar === undefined ? '' : `${bar.at} ${bar.limit}`
  return `  ${what.padEnd(62)} ${short(value).padStart(9)} ${unit.padEnd(8)} ${interval.padEnd(20)} ${promise.padEnd(9)} ${verdictOf(figure)}`.trimEnd()
}

export function short(value: number): string {
  const size = Math.abs(value)
  return size >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}
