import { parseArgs } from 'node:util'

import { PARTS, partsThatRun, roundsOf } from './parts.ts'

/** What is to be run. */
export interface Order {
  readonly full: boolean
  /** Numbers of parts, ascending. */
  readonly only: readonly number[]
  /** As asked for; each part has a number of its own otherwise. */
  readonly rounds: number | undefined
  /** The file to which the figures are written. */
  readonly json: string | undefined
}

export type CommandLine =
  | { readonly kind: 'run'; readonly order: Order }
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly reason: string }

const ROUNDS = { min: 7, max: 1000 } as const

export const USAGE = `Usage: pnpm bench [--full] [--only PARTS] [--rounds N] [--json FILE]

Measures what the documentation says of speed, memory and size, and judges it by the bars.

  --full         more rounds and larger floods, for figures which are published
  --only PARTS   numbers of parts, with commas: --only 1,2
  --rounds N     rounds of every part which has rounds, ${ROUNDS.min} to ${ROUNDS.max}
  --json FILE    writes the figures there too
  --help         this text

${PARTS.map(({ title }, index) => `  ${index + 1}  ${title}`).join('\n')}

Ends with 0 when no bar is missed; with 1 when one is, or when a part failed, which the JSON says as "failure"; with 2 when
nothing was run.`

/** Reads the arguments; whatever is wrong with them is found before anything runs. */
export function readCommandLine(args: readonly string[]): CommandLine {
  let values: ReturnType<typeof parse>
  try {
    values = parse(args)
  } catch (cause) {
    return { kind: 'refused', reason: (cause as Error).message }
  }
  if (values.help) return { kind: 'help' }
  const only = values.only === undefined ? PARTS.map((_part, index) => index + 1) : numbersOf(values.only)
  if (only.length === 0 || !only.every((part) => part >= 1 && part <= PARTS.length))
    return { kind: 'refused', reason: `--only takes numbers from 1 to ${PARTS.length}, with commas between` }
  const [rounds, ...more] = values.rounds === undefined ? [undefined] : numbersOf(values.rounds)
  const given = values.rounds !== undefined
  if (more.length > 0 || (given && !(rounds !== undefined && rounds >= ROUNDS.min && rounds <= ROUNDS.max)))
    return { kind: 'refused', reason: `--rounds takes a number from ${ROUNDS.min} to ${ROUNDS.max}` }
  if (values.json === '') return { kind: 'refused', reason: '--json takes the name of a file' }
  const ascending = [...new Set(only)].toSorted((a, b) => a - b)
  return { kind: 'run', order: { full: values.full, only: ascending, rounds, json: values.json } }
}

function parse(args: readonly string[]): {
  full: boolean
  help: boolean
  only?: string
  rounds?: string
  json?: string
} {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      full: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'string' },
    },
  })
  return values
}

/** Whole numbers with commas between; none where anything else stands. `Number` alone takes the empty word for 0. */
function numbersOf(text: string): number[] {
  return /^\d{1,6}(?:,\d{1,6})*$/.test(text) ? text.split(',').map(Number) : []
}

/** What is going to run, with how many rounds, and about how long it takes on two quiet cores. */
export function planOf(order: Order): readonly string[] {
  const minutes = ({ short, full }: { readonly short: number; readonly full: number }): number =>
    order.full ? full : short
  const rows = partsThatRun(order.only).map(({ part, title, minutes: taken, rounds }) => {
    const count = roundsOf(rounds, order)
    const said = count === undefined ? 'once' : `${count} rounds`
    return `  ${part}. ${title.padEnd(26)} ${said.padEnd(12)} about ${minutes(taken)} min`
  })
  const all = partsThatRun(order.only).reduce((sum, { minutes: taken }) => sum + minutes(taken), 0)
  return [...rows, `  about ${Math.ceil(all)} min in all; longer on a machine which does other work too`]
}
