// Draws the chart of the documentation from the figures of a run: `node test/bench/chart.ts FILE.json`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

import type { Figure } from './figure.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('chart: which JSON?')
const { figures, machine } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly figures: readonly Figure[]
  readonly machine: { readonly node: string; readonly cores: number }
}

interface Bar {
  readonly label: string
  readonly figure: Figure
}
const bars = (rows: readonly (readonly [id: string, label: string])[]): Bar[] =>
  rows.flatMap(([id, label]) => {
    const figure = figures.find((one) => one.id === id)
    return figure === undefined ? [] : [{ label, figure }]
  })
const GROUPS = [
  {
    title: 'A token not seen before, to crypto.verify alone (×)',
    bars: bars(['RS256', 'PS256', 'ES256', 'EdDSA'].map((alg) => [`cold.${alg}.ratio`, alg])),
  },
  {
    title: 'A token verified before (µs)',
    bars: bars([
      ['warm.hash', 'SHA-256 alone'],
      ['warm.verify', 'verify()'],
      ['warm.authorize', 'authorize()'],
    ]),
  },
  {
    title: 'Requests per second, to the same app without protection (×)',
    bars: bars(['express', 'koa', 'hono'].map((name) => [`requests.8000.${name}.ratio`, name])),
  },
].filter((group) => group.bars.length > 0)

const [LEFT, WIDTH, ROW, TITLE] = [130, 420, 24, 34]
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const parts: string[] = []
let y = 0
for (const { title, bars: rows } of GROUPS) {
  y += TITLE
  parts.push(`<text x="0" y="${y - 10}" class="title">${escape(title)}</text>`)
  const scale = WIDTH / Math.max(...rows.map(({ figure }) => figure.high))
  for (const { label, figure } of rows) {
    const [value, low, high] = [figure.value, figure.low, figure.high].map((x) =>
      Number((x * scale).toFixed(1)),
    ) as [number, number, number]
    parts.push(
      `<text x="${LEFT - 8}" y="${y + 15}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="${LEFT}" y="${y + 3}" width="${value}" height="${ROW - 8}"/>`,
      `<line x1="${LEFT + low}" y1="${y + 11}" x2="${LEFT + high}" y2="${y + 11}"/>`,
      `<text x="${LEFT + WIDTH + 10}" y="${y + 15}">${figure.value.toPrecision(3)}</text>`,
    )
    y += ROW
  }
}
const about = `Node ${machine.node}, ${machine.cores} cores; lines are 95 % intervals`
y += TITLE
parts.push(`<text x="0" y="${y - 10}">${about}</text>`)
const style =
  'text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#24292f}rect{fill:#4c78a8}line{stroke:#e45756;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#9aa4af}.title{fill:#e6edf3}}'
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + 70} ${y}" role="img" aria-label="Figures of the benchmark"><style>${style}</style>\n${parts.join('\n')}\n</svg>\n`
const folder = new URL('../../packages/core/docs/figures/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('speed.svg', folder), svg)
