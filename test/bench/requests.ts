import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import type { AppInfo, Setup } from './apps.ts'
import { tokensOf } from './cold.ts'
import { above, atLeast, atMost, type Run } from './figure.ts'
import { Load } from './load.ts'
import { shuffled } from './rounds.ts'
import { estimate, generator, ratio } from './statistics.ts'
import { createSigner, type Signer } from './tokens.ts'

/** What one app did in each round. */
interface Rounds {
  readonly perSecond: number[]
  /** Microseconds of the server's CPU per request. */
  readonly cpu: number[]
}

const FRAMEWORKS = [
  {
    name: 'express',
    limit: 0.92,
    fifth: ['express-oauth2-jwt-bearer'],
    ahead: ['express-jwt', 'jose by hand', 'fast-jwt with cache'],
  },
  { name: 'koa', limit: 0.92, fifth: ['koa-jwt with jwks-rsa'], ahead: [] },
  { name: 'hono', limit: 0.85, fifth: [], ahead: [] },
] as const

/** Part 3: servers on one core, the load on the other, and each token in its turn. */
export async function requests(run: Run): Promise<void> {
  const signer = createSigner('RS256')
  const tokens = tokensOf(signer, 20_000).map((octets) => requestOf(octets.toString('latin1')))
  const pinned = pin()
  if (!pinned) run.note('without taskset: server and load share the cores')
  for (const count of [1, 1000, 8000]) await compare(run, signer, tokens.slice(0, count), {})
  await compare(run, signer, tokens, { oursOnly: true })
  await compare(run, signer, tokens, { oursOnly: true, cache: 25_000 })
}

function requestOf(token: string): Buffer {
  return Buffer.from(`GET / HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer ${token}\r\n\r\n`)
}

/** Moves this process to the last core. */
function pin(): boolean {
  try {
    execFileSync('taskset', ['-acp', '1', String(process.pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function start(
  setup: Setup,
): Promise<{ readonly server: ChildProcess; readonly apps: readonly AppInfo[] }> {
  const script = fileURLToPath(new URL('apps.ts', import.meta.url))
  const server = spawn('taskset', ['-c', '0', process.execPath, script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' },
  })
  server.send(setup)
  const [apps] = (await once(server, 'message')) as [AppInfo[]]
  return { server, apps }
}

async function cpuOf(server: ChildProcess): Promise<number> {
  server.send({})
  return ((await once(server, 'message')) as [number])[0]
}

async function compare(
  run: Run,
  signer: Signer,
  all: readonly Buffer[],
  { oursOnly = false, cache }: { readonly oursOnly?: boolean; readonly cache?: number },
): Promise<void> {
  const { server, apps } = await start({
    jwk: signer.jwk,
    pem: signer.pem,
    ...(cache === undefined ? {} : { cache }),
  })
  try {
    const chosen = apps.filter(({ name }) => !oursOnly || !name.includes(': ') || name.endsWith(': ours'))
    const loads = new Map<string, Load>()
    for (const { name, port } of chosen) {
      const load = await Load.open(port, all).catch((cause: unknown) => {
        throw new Error(`cannot load ${name}`, { cause })
      })
      loads.set(name, load)
      // Compilers, and every token once.
      await load.times(
        Math.max(1000, name.endsWith(': ours') || name.includes('cache') ? 1.2 * all.length : 0),
      )
    }
    const rounds = new Map<string, Rounds>(chosen.map(({ name }) => [name, { perSecond: [], cpu: [] }]))
    const random = generator(all.length)
    for (let round = 0; round < Math.max(7, run.full ? 21 : 9); round += 1) {
      for (const [name, load] of shuffled([...loads], random)) {
        const before = await cpuOf(server)
        const { requests: answered, seconds } = await load.during(run.full ? 500 : 250)
        const spent = (await cpuOf(server)) - before
        const { perSecond, cpu } = rounds.get(name) as Rounds
        perSecond.push(answered / seconds)
        cpu.push(spent / answered)
      }
    }
    for (const load of loads.values()) load.close()
    report(run, rounds, all.length, cache)
  } finally {
    const gone = once(server, 'exit')
    server.disconnect()
    await gone
  }
}

function report(
  run: Run,
  rounds: ReadonlyMap<string, Rounds>,
  tokens: number,
  cache: number | undefined,
): void {
  run.note(
    `${tokens.toLocaleString('en')} distinct tokens${cache === undefined ? '' : `, cache of ${cache.toLocaleString('en')}`}`,
  )
  const id = `requests.${tokens}${cache === undefined ? '' : '.large'}`
  // Beyond the bounds of the cache nothing is promised.
  const warm = tokens <= 10_000
  for (const { name, limit, fifth, ahead } of FRAMEWORKS) {
    const open = rounds.get(name) as Rounds
    const ours = rounds.get(`${name}: ours`) as Rounds
    const added = ({ cpu }: Rounds): number[] => cpu.map((cost, round) => cost - (open.cpu[round] as number))
    run.figure(`${id}.${name}.open`, `${name}, unprotected`, 'req/s', estimate(open.perSecond))
    run.figure(`${id}.${name}`, `${name}, protected`, 'req/s', estimate(ours.perSecond))
    run.figure(
      `${id}.${name}.ratio`,
      'protected to unprotected',
      '×',
      ratio(ours.perSecond, open.perSecond),
      warm ? atLeast(limit) : undefined,
    )
    run.figure(`${id}.${name}.added`, 'CPU which protection adds to a request', 'µs', estimate(added(ours)))
    for (const peer of [...fifth, ...ahead]) {
      const theirs = rounds.get(`${name}: ${peer}`)
      if (theirs === undefined) continue
      run.figure(`${id}.${name}.${peer}`, peer, 'req/s', estimate(theirs.perSecond))
      if ((fifth as readonly string[]).includes(peer)) {
        const bar = warm ? atMost(0.2) : undefined
        run.figure(
          `${id}.${name}.${peer}.added`,
          `CPU added, to that of ${peer}`,
          '×',
          ratio(added(ours), added(theirs)),
          bar,
        )
      } else {
        run.figure(
          `${id}.${name}.${peer}.ahead`,
          `requests/s, to those of ${peer}`,
          '×',
          ratio(ours.perSecond, theirs.perSecond),
          warm ? above(1) : undefined,
        )
      }
    }
  }
}
