import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { PEER_HISTORIES } from './figures/peer-histories.ts'
import { loadPeer, VALIDATORS } from './figures/peer-validators.ts'

const run = promisify(execFile)
const child = fileURLToPath(new URL('figures/peer-process.ts', import.meta.url))
/** Milliseconds of real time for one validator in one history. */
const LIMIT = 60_000

async function play(validator: string, history: string): Promise<string> {
  try {
    const { stdout } = await run(
      process.execPath,
      ['--conditions=@atjwt/source', child, validator, history],
      { timeout: LIMIT, killSignal: 'SIGKILL' },
    )
    return stdout
  } catch (error) {
    const { killed, stderr = '' } = error as { killed?: boolean; stderr?: string }
    if (killed === true) return `no end within ${LIMIT / 1000} s`
    return `failed: ${/^\w*Error.*$/m.exec(stderr)?.[0] ?? 'no message'}`
  }
}

/** A package with its version, as it is installed for the benchmark. */
function versioned(validator: string): string {
  const [name = ''] = validator.split('/')
  const manifest = new URL(`../bench/node_modules/${name}/package.json`, import.meta.url)
  return `${name} ${(JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version}`
}

/** The same histories for this and for other libraries, on a real socket, side by side. Told, not judged. */
export async function comparePeers(): Promise<void> {
  try {
    loadPeer.resolve('jose')
  } catch {
    console.log('the other libraries are not installed: pnpm --dir test/bench install')
    return
  }
  const names = Object.keys(VALIDATORS)
  console.log('\nthe same for other libraries, over HTTP on this machine')
  console.log(`  ${names.slice(1).map(versioned).join(', ')}`)
  const width = Math.max(...names.map((name) => name.length))
  for (const history of Object.keys(PEER_HISTORIES)) {
    console.log(history)
    const waiting = [...names]
    const told = new Map<string, string>()
    const work = async (): Promise<void> => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
        told.set(name, await play(name, history))
    }
    await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work))
    for (const name of names) console.log(`  ${name.padEnd(width)}  ${told.get(name)}`)
  }
}
