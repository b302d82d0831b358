import { parseArgs } from 'node:util'

import type { Figure } from './figures/figure.ts'
import { HISTORIES } from './figures/histories.ts'

const { values } = parseArgs({
  options: { peers: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
})

const line = ({ what, measured, bar, met }: Figure): string =>
  `  ${what.padEnd(54)} ${measured.padStart(14)}   ${bar.padEnd(14)} ${bar === '' ? '' : met ? 'met' : 'MISSED'}`.trimEnd()

let missed = 0
for (const history of HISTORIES) {
  const started = performance.now()
  const figures = await history.run({ quick: values.quick })
  missed += figures.filter(({ met }) => !met).length
  console.log(`${history.name} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  for (const figure of figures) console.log(line(figure))
}
console.log(missed === 0 ? 'every bar is met' : `bars missed: ${missed}`)

if (values.peers) {
  const { comparePeers } = await import('./peers.ts')
  await comparePeers()
}
process.exitCode = missed === 0 ? 0 : 1
