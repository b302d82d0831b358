import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import type { Figure, Run } from './figure.ts'
import { withUs } from './interruption.ts'

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

/** Each part is loaded when it runs, in a process of its own. */
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

/** What the process of a part tells on its way. */
export type Heard =
  | { readonly kind: 'note' | 'progress'; readonly text: string }
  | { readonly kind: 'figure'; readonly figure: Omit<Figure, 'part'> }
/** What it tells, with how it ended. */
export type Said = Heard | { readonly kind: 'failed'; readonly reason: string } | { readonly kind: 'done' }

/**
 * Runs a part in a process of its own: heaps which other parts have left make collections of garbage longer, and what
 * engines learned from them makes code slower. Those who are compared share that process.
 *
 * @throws {Error} when it fails, or ends before it is done
 */
export async function runAside(
  part: number,
  { rounds, full }: Pick<Run, 'rounds' | 'full'>,
  hear: (said: Heard) => void,
): Promise<void> {
  const script = fileURLToPath(new URL('part-process.ts', import.meta.url))
  const child = fork(script, [String(part), String(rounds), full ? 'full' : 'short'], {
    // An interval of a figure may be without an end, of which JSON knows nothing.
    serialization: 'advanced',
  })
  withUs(child)
  let outcome: Said | undefined
  child.on('message', (said: Said) => {
    if (said.kind === 'failed' || said.kind === 'done') outcome = said
    else hear(said)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (outcome?.kind === 'failed') throw new Error(outcome.reason)
  if (outcome === undefined) throw new Error(`its process ended early (${code ?? 'by a signal'})`)
}
