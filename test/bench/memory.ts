import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { atMost, type Run } from './figure.ts'
import { withUs } from './interruption.ts'
import type { Growth } from './memory-process.ts'
import { exact } from './statistics.ts'

const FLOODS = [
  { name: 'valid', count: 1_000_000, what: 'distinct valid tokens of 800 characters' },
  { name: 'garbage', count: 1_000_000, what: 'distinct garbage tokens' },
  { name: 'groups', count: 100_000, what: 'distinct valid tokens of 12 KiB with 1,000 groups' },
] as const

/** The short form lets so much less run. */
const SHORT = 10

/** Part 5: what stays behind. Each flood has a process of its own, and another one which signs. */
export async function memory(run: Run): Promise<void> {
  const script = fileURLToPath(new URL('memory-process.ts', import.meta.url))
  for (const { name, count: whole, what } of FLOODS) {
    const count = run.full ? whole : whole / SHORT
    const many = count.toLocaleString('en')
    run.progress(`${many} ${what}`)
    const growth = await flood(script, name, count)
    const part = run.full ? '' : `, a tenth of what --full runs`
    run.note(`${many} ${what}${part}: ${growth.accepted.toLocaleString('en')} accepted`)
    run.figure(
      `memory.${name}`,
      `growth of the resident set over ${many}`,
      'MB',
      exact(growth.rss),
      atMost(64),
    )
    run.figure(`memory.${name}.peak`, 'the most of it on the way, garbage included', 'MB', exact(growth.peak))
    run.figure(`memory.${name}.heap`, 'growth of the heap after collection', 'MB', exact(growth.heap))
    if (name === 'valid') {
      const bar = atMost(2)
      run.figure(
        'memory.entry',
        `per token remembered (${growth.entries.toLocaleString('en')} are)`,
        'kB',
        exact(growth.entryBytes / 1000),
        bar,
      )
    }
    run.figure(
      `memory.${name}.entries`,
      'tokens remembered at the end',
      '',
      exact(growth.entries),
      atMost(growth.bound),
    )
  }
}

async function flood(script: string, name: string, count: number): Promise<Growth> {
  const running = promisify(execFile)(process.execPath, ['--expose-gc', script, name, String(count)], {
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  withUs(running.child)
  return JSON.parse((await running).stdout) as Growth
}
