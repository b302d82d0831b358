import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

import { bundleWorker } from './bundle-worker.ts'
import type { Setup } from './app.ts'

const here = import.meta.dirname
const { resolve } = createRequire(path.join(here, 'package.json'))

/** The native file: the shims of `.bin` would outlive a kill. */
export function native(name: string, file: string): string {
  try {
    return path.join(path.dirname(resolve(`${name}/package.json`)), file)
  } catch (cause) {
    throw new Error('The runtimes are not installed; `pnpm run pretest` does it', { cause })
  }
}

export interface Served extends AsyncDisposable {
  readonly url: string
}

export interface Runtime {
  readonly name: string
  /** What `#crypto` resolves to there. */
  readonly crypto: 'node' | 'web'
  start(setup: Setup): Promise<Served>
}

const node = (name: string, file: () => string): Runtime => ({
  name,
  crypto: 'node',
  start: (setup) => run(file(), ['serve-node.ts'], setup),
})

export const RUNTIMES: readonly Runtime[] = [
  node('Node 22', () => native('node22', 'bin/node')),
  node('Node 24', () => process.execPath),
  node('Node 26', () => native('node26', 'bin/node')),
  {
    name: 'Bun',
    crypto: 'node',
    start: (setup) => run(native('bun', 'bin/bun.exe'), ['serve-bun.ts'], setup),
  },
  {
    name: 'Deno',
    crypto: 'node',
    // Offline, and with no permission but those which serving and discovery need.
    start: (setup) =>
      run(
        native('deno', 'deno'),
        [
          'run',
          '--no-prompt',
          '--no-remote',
          '--cached-only',
          '--allow-net=127.0.0.1',
          '--allow-env=SETUP',
          'serve-deno.ts',
        ],
        setup,
      ),
  },
  {
    name: 'workerd',
    crypto: 'web',
    start: async (setup) => {
      await bundleWorker()
      return run(native('workerd', 'bin/workerd'), ['serve', 'worker.capnp', '--control-fd=3'], setup)
    },
  },
]

async function run(command: string, args: readonly string[], setup: Setup): Promise<Served> {
  const child = spawn(command, args, {
    cwd: here,
    env: { ...process.env, SETUP: JSON.stringify(setup) },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  })
  try {
    return {
      url: `http://127.0.0.1:${await listening(child)}`,
      [Symbol.asyncDispose]: () => stop(child),
    }
  } catch (error) {
    await stop(child)
    throw error
  }
}

/** The port, from the line which the servers print or from the control channel of workerd. */
async function listening(child: ChildProcess): Promise<number> {
  const [, stdout, , control] = child.stdio as unknown as [null, Readable, null, Readable]
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`ended with code ${code} before it listened`)
  })
  const port = new Promise<number>((found) => {
    for (const stream of [stdout, control]) {
      createInterface(stream).on('line', (line) => {
        const match = /^listening on (\d+)$|"port":(\d+)/.exec(line)
        if (match !== null) found(Number(match[1] ?? match[2]))
      })
    }
  })
  return Promise.race([port, ended])
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  child.kill()
  await exited
}
