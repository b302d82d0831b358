import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

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
