import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A program of the examples in a process of its own, for tests. */
export interface Child extends AsyncDisposable {
  /** What it printed so far. */
  readonly stdout: string
  readonly stderr: string
  /** Resolves with the match as soon as stdout has one; rejects when the process ends before. */
  printed(pattern: RegExp): Promise<RegExpMatchArray>
  /** Sends a signal. */
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Starts `main` from source, with no more of the environment than `env` and PATH. */
export function run(main: URL, env: Record<string, string> = {}, args: readonly string[] = []): Child {
  const child = spawn(process.execPath, ['--conditions=@atjwt/source', fileURLToPath(main), ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // `close`, not `exit`: then everything that was printed has been read.
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  return {
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(stdout)
          if (match === null) return
          child.stdout.off('data', look)
          resolve(match)
        }
        child.stdout.on('data', look)
        void ended.then(() => reject(new Error(`ended without printing ${pattern}: ${stderr}`)))
        look()
      }),
    kill: (signal) => {
      child.kill(signal)
    },
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
