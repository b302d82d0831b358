import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

const folders = new Set<string>()
const children = new Set<ChildProcess>()

/** A folder for a while, which is gone in the end, also when somebody loses patience. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'atjwt-bench-'))
  folders.add(path)
  return {
    path,
    [Symbol.dispose]: () => {
      rmSync(path, { recursive: true, force: true })
      folders.delete(path)
    },
  }
}

/** A process which does not outlive this one. */
export function withUs<T extends ChildProcess>(child: T): T {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** The next message; one that ended or hangs has none. */
export async function answerOf(child: ChildProcess): Promise<number> {
  const patience = new AbortController()
  const { signal } = patience
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a process ended with ${String(code)}`)
  })
  const late = setTimeout(30_000, undefined, { signal }).then(() => {
    throw new Error('a process did not answer within 30 s')
  })
  try {
    const [answer] = (await Promise.race([once(child, 'message', { signal }), ended, late])) as [number]
    return answer
  } finally {
    for (const other of [ended, late]) other.catch(() => {})
    patience.abort()
  }
}

/** From here on nothing is left behind, however the run ends. */
export function leaveNothingBehind(): void {
  process.once('exit', () => {
    for (const child of children) child.kill('SIGTERM')
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // The status by which a shell knows it.
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
}
