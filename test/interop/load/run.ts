import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

import { flood, type Flooded, makeParty } from './flood.ts'

/** A flood against a server in another process. */
export async function runFlood(seconds: number): Promise<Flooded> {
  let issuer = ''
  const valid = await makeParty('service', () => issuer)
  const forger = await makeParty('service', () => issuer)
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--conditions=@atjwt/source', path.join(import.meta.dirname, 'serve.ts')],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        CONFIG: JSON.stringify({ clients: [{ client_id: 'service', jwks: { keys: [valid.jwk] } }] }),
      },
    },
  )
  const ended = once(child, 'exit')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('the server ended')
    return value as string
  }
  try {
    issuer = /^listening on (\S+)$/.exec(await next())?.[1] as string
    const heap = async (): Promise<number> => {
      child.stdin.write('heap\n')
      return Number(/^heap (\d+)$/.exec(await next())?.[1]) / 2 ** 20
    }
    return await flood({ issuer, valid, forger, seconds, connections: 32, heap })
  } finally {
    child.stdin.end()
    child.kill()
    await ended
  }
}
