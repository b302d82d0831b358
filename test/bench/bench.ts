// Measures what the documentation says of speed, memory and size: `pnpm bench --help`.
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { argv, exit, stderr } from 'node:process'

import { type Order, planOf, readCommandLine, USAGE } from './command-line.ts'
import { type Figure, lineOf, verdictOf } from './figure.ts'
import { leaveNothingBehind } from './interruption.ts'
import { type Heard, partsThatRun, roundsOf, runAside } from './parts.ts'

/** Says why nothing is run. */
function refuse(reason: string): never {
  console.error(`bench: ${reason}\n\n${USAGE}`)
  exit(2)
}

/** Why a file cannot be written: to learn it after a quarter of an hour would be late. */
function whyUnwritable(file: string): string | undefined {
  const isNew = !existsSync(file)
  try {
    closeSync(openSync(file, 'a'))
  } catch (cause) {
    return (cause as Error).message
  }
  if (isNew) rmSync(file)
  return undefined
}

function orderOf(): Order {
  const commandLine = readCommandLine(argv.slice(2))
  if (commandLine.kind === 'refused') return refuse(commandLine.reason)
  if (commandLine.kind === 'help') {
    console.log(USAGE)
    return exit(0)
  }
  const { order } = commandLine
  const unwritable = order.json === undefined ? undefined : whyUnwritable(order.json)
  if (unwritable !== undefined) refuse(`--json cannot be written: ${unwritable}`)
  // Without it the garbage of one contender is collected on the time of the next.
  if (globalThis.gc === undefined) refuse('needs node --expose-gc, as `pnpm bench` starts it')
  return order
}

const order = orderOf()
leaveNothingBehind()

const machine = {
  node: process.version,
  cores: availableParallelism(),
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  loadBefore: loadavg()[0] as number,
}
console.log(
  `Node ${machine.node}, ${machine.cores} ${machine.cores === 1 ? 'core' : 'cores'} (${machine.processor}), load ${machine.loadBefore.toFixed(2)}`,
)
if (machine.cores === 1)
  console.log(
    'One core only: whoever measures and what is measured take turns on it, so requests a second and stalls say little',
  )
console.log('Runs, with nothing left behind:')
for (const line of planOf(order)) console.log(line)
console.log(
  'Figures are medians over rounds with their 95 % intervals. A ratio is the median of the ratios of each round, and is not quite the quotient of two medians.',
)

const figures: Figure[] = []

/** Progress is overwritten where somebody looks at it, and stays out of the results. */
function progress(text: string): void {
  if (stderr.isTTY) stderr.write(`\r\u001B[K${text}`)
  else console.error(`   … ${text}`)
}

function say(text: string): void {
  if (stderr.isTTY) stderr.write('\r\u001B[K')
  console.log(text)
}

function hear(part: number, said: Heard): void {
  if (said.kind === 'figure') {
    const figure = { part, ...said.figure }
    figures.push(figure)
    say(lineOf(figure))
  } else if (said.kind === 'note') say(` ${said.text}`)
  else progress(said.text)
}

/** Runs the parts; the reason where one failed, behind which nothing runs. */
async function runParts(): Promise<string | undefined> {
  for (const { part, title, rounds } of partsThatRun(order.only)) {
    const started = performance.now()
    console.log(`\n${part}. ${title}`)
    try {
      await runAside(part, { rounds: roundsOf(rounds, order) ?? 1, full: order.full }, (said) => {
        hear(part, said)
      })
    } catch (cause) {
      return `part ${part} failed: ${cause instanceof Error ? cause.message : String(cause)}`
    }
    say(` (${((performance.now() - started) / 1000).toFixed(0)} s)`)
  }
  return undefined
}

const failure = await runParts()
const missed = figures.filter((figure) => verdictOf(figure) === 'MISSED')
const open = figures.filter((figure) => verdictOf(figure) === 'open')
const barred = figures.filter(({ bar }) => bar !== undefined)
console.log(`\nload at the end ${(loadavg()[0] as number).toFixed(2)}`)
console.log(
  `${barred.length} bars: ${barred.length - missed.length - open.length} met, ${open.length} open, ${missed.length} missed`,
)
for (const figure of [...open, ...missed]) console.log(`  ${verdictOf(figure).padEnd(6)} ${figure.id}`)
if (failure !== undefined) console.log(`NOT COMPLETE: ${failure}`)
if (order.json !== undefined) {
  const rounds = Object.fromEntries(
    partsThatRun(order.only).map(({ part, rounds }) => [part, roundsOf(rounds, order) ?? 1]),
  )
  const dated = {
    machine: { ...machine, loadAfter: loadavg()[0] },
    full: order.full,
    rounds,
    ...(failure === undefined ? {} : { failure }),
    figures,
  }
  writeFileSync(order.json, `${JSON.stringify(dated, undefined, 2)}\n`)
}
// What is still open of a part that failed must not hold the end up.
exit(missed.length === 0 && failure === undefined ? 0 : 1)
