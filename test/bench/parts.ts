import type { Run } from './figure.ts'

/** A number for the short form and one for `--full`. */
export interface ByForm {
  readonly short: number
  readonly full: number
}

export interface Part {
  readonly title: string
  /** Absent where nothing is repeated. `times`: rounds are so short here that there are so many times as many. */
  readonly rounds?: ByForm & { readonly times?: number }
  /** How long it takes, about. */
  readonly minutes: ByForm
  run(run: Run): Promise<void>
}

const ROUNDS = { short: 15, full: 41 } as const

/** Each part is loaded when it runs: one measures what is not warm yet. */
export const PARTS: readonly Part[] = [
  {
    title: 'Tokens not seen before',
    rounds: ROUNDS,
    minutes: { short: 2.5, full: 7 },
    run: async (run) => (await import('./cold.ts')).cold(run),
  },
  {
    title: 'Tokens verified before',
    rounds: { ...ROUNDS, times: 8 },
    minutes: { short: 0.5, full: 1 },
    run: async (run) => (await import('./warm.ts')).warm(run),
  },
  {
    title: 'Requests over loopback',
    rounds: { short: 9, full: 21 },
    minutes: { short: 15, full: 35 },
    run: async (run) => (await import('./requests.ts')).requests(run),
  },
  {
    title: 'Hostile tokens and keys',
    rounds: ROUNDS,
    minutes: { short: 5, full: 20 },
    run: async (run) => (await import('./hostile.ts')).hostile(run),
  },
  {
    title: 'Memory',
    minutes: { short: 1, full: 8 },
    run: async (run) => (await import('./memory.ts')).memory(run),
  },
  {
    title: 'Size and start',
    rounds: ROUNDS,
    minutes: { short: 0.5, full: 1.5 },
    run: async (run) => (await import('./start.ts')).start(run),
  },
  {
    title: 'Growth',
    // What grows is small beside what does not.
    rounds: { ...ROUNDS, times: 3 },
    minutes: { short: 1, full: 1.5 },
    run: async (run) => (await import('./growth.ts')).growth(run),
  },
]

/** Those parts with their numbers. */
export function partsThatRun(only: readonly number[]): readonly (Part & { readonly part: number })[] {
  return PARTS.map((one, index) => ({ ...one, part: index + 1 })).filter(({ part }) => only.includes(part))
}

/** How many rounds a part has; `undefined` where nothing is repeated. */
export function roundsOf(
  rounds: Part['rounds'],
  order: { readonly full: boolean; readonly rounds: number | undefined },
): number | undefined {
  if (rounds === undefined) return undefined
  return (order.rounds ?? (order.full ? rounds.full : rounds.short)) * (rounds.times ?? 1)
}
