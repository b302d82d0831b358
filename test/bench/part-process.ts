// Runs one part of the benchmark, in a process which no other part has warmed or filled: PART ROUNDS FORM.
import { argv, exit } from 'node:process'

import type { Run } from './figure.ts'
import { leaveNothingBehind } from './interruption.ts'
import { PARTS, type Part, type Said } from './parts.ts'

const [part, rounds, form] = argv.slice(2) as [string, string, 'short' | 'full']
if (process.send === undefined) throw new Error('is started by bench.ts')
leaveNothingBehind()
// Whoever wanted to know has gone.
process.once('disconnect', () => exit(1))

/** Once it has arrived: a process which ends takes with it what is still on its way. */
function say(said: Said): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(said, (error: Error | null) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

const run: Run = {
  full: form === 'full',
  rounds: Number(rounds),
  note: (text) => void say({ kind: 'note', text }),
  progress: (text) => void say({ kind: 'progress', text }),
  figure: (id, what, unit, estimate, bar) =>
    void say({
      kind: 'figure',
      figure: { id, what, unit, ...estimate, ...(bar === undefined ? {} : { bar }) },
    }),
}

try {
  await (PARTS[Number(part) - 1] as Part).run(run)
} catch (cause) {
  console.error(cause)
  await say({ kind: 'failed', reason: cause instanceof Error ? cause.message : String(cause) })
  exit(1)
}
await say({ kind: 'done' })
exit(0)
