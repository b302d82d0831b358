// Measures what the documentation says of speed, memory and size: `pnpm bench [--full] [--only 1,2] [--json FILE]`.
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'

import { type Figure, lineOf, type Run, verdictOf } from './figure.ts'

const PARTS: readonly { readonly title: string; run(run: Run): Promise<void> }[] = [
  { title: 'Tokens not seen before', run: async (run) => (await import('./cold.ts')).cold(run) },
  { title: 'Tokens verified before', run: async (run) => (await import('./warm.ts')).warm(run) },
  { title: 'Requests over loopback', run: async (run) => (await import('./requests.ts')).requests(run) },
  { title: 'Hostile tokens and keys', run: async (run) => (await import('./hostile.ts')).hostile(run) },
  { title: 'Memory', run: async (run) => (await import('./memory.ts')).memory(run) },
  { title: 'Size and start', run: async (run) => (await import('./start.ts')).start(run) },
  { title: 'Growth', run: async (run) => (await import('./growth.ts')).growth(run) },
]

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
    rounds: { type: 'string' },
  },
})
const only = values.only?.split(',').map(Number) ?? PARTS.map((_part, index) => index + 1)
const rounds = Number(values.rounds ?? (values.full ? 41 : 15))
if (!only.every((part) => part >= 1 && part <= PARTS.length) || !(rounds >= 7)) {
  console.error(`bench: --only takes parts from 1 to ${PARTS.length}, --rounds takes 7 or more`)
  process.exit(2)
}

const machine = {
  node: process.version,
  cores: availableParallelism(),
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  loadBefore: loadavg()[0] as number,
}
console.log(
  `Node ${machine.node}, ${machine.cores} cores (${machine.processor}), load ${machine.loadBefore.toFixed(2)}`,
)
console.log(`medians of ${rounds} interleaved rounds, with their 95 % intervals`)

const figures: Figure[] = []
for (const [index, { title, run }] of PARTS.entries()) {
  const part = index + 1
  if (!only.includes(part)) continue
  const started = performance.now()
  console.log(`\n${part}. ${title}`)
  await run({
    full: values.full,
    rounds,
    note: (text) => {
      console.log(` ${text}`)
    },
    figure: (id, what, unit, estimate, bar) => {
      const figure: Figure = { part, id, what, unit, ...estimate, ...(bar === undefined ? {} : { bar }) }
      figures.push(figure)
      console.log(lineOf(figure))
    },
  })
  console.log(` (${((performance.now() - started) / 1000).toFixed(0)} s)`)
}

const missed = figures.filter((figure) => verdictOf(figure) === 'MISSED')
const open = figures.filter((figure) => verdictOf(figure) === 'open')
const barred = figures.filter(({ bar }) => bar !== undefined)
console.log(`\nload at the end ${(loadavg()[0] as number).toFixed(2)}`)
console.log(
  `${barred.length} bars: ${barred.length - missed.length - open.length} met, ${open.length} open, ${missed.length} missed`,
)
for (const figure of [...open, ...missed]) console.log(`  ${verdictOf(figure).padEnd(6)} ${figure.id}`)
if (values.json !== undefined) {
  const dated = { machine: { ...machine, loadAfter: loadavg()[0] }, full: values.full, rounds, figures }
  writeFileSync(values.json, `${JSON.stringify(dated, undefined, 2)}\n`)
}
process.exitCode = missed.length === 0 ? 0 : 1
