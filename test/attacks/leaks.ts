import { inspect } from 'node:util'
import { vi } from 'vitest'

import { CORPUS, type HostileCase } from './hostile.ts'

/** As many characters of a token as no text has by chance. */
const WINDOW = 12
const SHORTEST_VALUE = 8

/** What the operator configured is theirs to see. */
const CONFIGURED = [CORPUS.issuer, CORPUS.audience]

/**
 * Everything of a case that must stay unseen and occurs in `text`: pieces of the token's parts, and values of its
 * header and claims.
 */
export function leaksOf(one: HostileCase, text: string): string[] {
  let searched = text
  for (const value of CONFIGURED) searched = searched.replaceAll(value, '\0')
  const leaks = secretsOf(one).filter((secret) => searched.includes(secret))
  const sent = [one.token ?? '', ...(one.request?.headers ?? []).map(([, value]) => value)].map(
    hideConfigured,
  )
  for (let i = 0; i + WINDOW <= searched.length; i += 1) {
    const window = searched.slice(i, i + WINDOW)
    if (!window.includes('\0') && sent.some((value) => value.includes(window))) leaks.push(window)
  }
  return leaks
}

/** A token with an unencoded payload carries the audience in clear. */
function hideConfigured(value: string): string {
  return CONFIGURED.reduce((text, configured) => text.replaceAll(configured, '\0'), value)
}

/** The strings in the header and claims of a case, each of its tokens. */
export function secretsOf(one: HostileCase): string[] {
  const found = new Set<string>()
  const tokens = [
    one.token ?? '',
    ...(one.request?.headers ?? []).map(([, value]) => value.split(' ').at(-1) ?? ''),
  ]
  for (const part of tokens.flatMap((token) => token.split('.').slice(0, 2))) {
    if (part.length > 100_000) continue
    let value: unknown
    try {
      value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    } catch {
      continue
    }
    collect(value, found)
  }
  return [...found].filter(
    (value) => value.length >= SHORTEST_VALUE && !CONFIGURED.some((configured) => configured.includes(value)),
  )
}

function collect(root: unknown, found: Set<string>): void {
  const pending = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value === 'string') found.add(value)
    else if (typeof value === 'object' && value !== null) pending.push(...Object.values(value))
  }
}

/** An error as loggers and serializers see it, causes included. */
export function everythingOf(error: unknown): string {
  const texts: string[] = []
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    texts.push(
      String(at),
      String(at.stack),
      JSON.stringify(at),
      JSON.stringify({ ...at }),
      inspect(at, { depth: 8, showHidden: true }),
    )
  }
  return texts.join('\n')
}

/** Records what is written to the console, to standard output and as a process warning, from now on. */
export function recordOutput(): { text(): string; restore(): void } {
  const written: string[] = []
  const record = (...values: unknown[]): boolean => {
    written.push(
      values.map((value) => (typeof value === 'string' ? value : inspect(value, { depth: 8 }))).join(' '),
    )
    return true
  }
  const spies = [
    ...(['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(record),
    ),
    vi.spyOn(process.stdout, 'write').mockImplementation(record),
    vi.spyOn(process.stderr, 'write').mockImplementation(record),
  ]
  process.on('warning', record)
  return {
    text: () => written.join('\n'),
    restore() {
      for (const spy of spies) spy.mockRestore()
      process.off('warning', record)
    },
  }
}
