import { styleText } from 'node:util'
import type { Outcome } from './outcome.ts'

const HEAD = ['server', 'call', 'status', 'reason', 'challenge'] as const
const MARK = { true: '', false: '  <- unexpected' } as const

export interface TableStyle {
  /** Columns of the terminal. */
  readonly width: number
  readonly colours: boolean
}

/** Outcomes as a table, one line each; whatever was not expected is marked at the end of its line. */
export function renderTable(outcomes: readonly Outcome[], { width, colours }: TableStyle): string {
  const rows = outcomes.map(({ framework, call, status, code }) => [
    framework,
    call,
    String(status),
    code ?? '-',
  ])
  const widths = HEAD.slice(0, -1).map((head, column) =>
    Math.max(head.length, ...rows.map((row) => (row[column] as string).length)),
  )
  const left = (cells: readonly string[]): string =>
    cells.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ')
  const room = width - left(HEAD.slice(0, -1)).length - 2
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(format, text, { validateStream: false }) : text

  const lines = [paint('bold', [left(HEAD.slice(0, -1)), HEAD.at(-1)].join('  '))]
  for (const [index, { framework, challenge, asExpected }] of outcomes.entries()) {
    // A gap where the next framework begins.
    if (index > 0 && outcomes[index - 1]?.framework !== framework) lines.push('')
    const mark = MARK[`${asExpected}`]
    const text = shorten(challenge ?? '-', room - mark.length)
    const line = [left(rows[index] as string[]), text].join('  ') + mark
    lines.push(asExpected ? line : paint('red', line))
  }
  return lines.join('\n')
}

/**
 * A challenge in as many columns as there are. What goes first is what stands elsewhere in the line or is the same in
 * each: the description says the reason in words, the realm is the API's name. A realm that stands alone stays, for
 * without it the challenge would look like one which no server may send.
 */
export function shorten(challenge: string, room: number): string {
  let text = challenge
  for (const param of [/, error_description="[^"]*"/, / realm="[^"]*",/]) {
    if (text.length <= room) return text
    text = text.replace(param, '')
  }
  if (text.length <= room) return text
  return `${text.slice(0, Math.max(room - 1, 0))}…`
}
