import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { Setup } from './apps.ts'
import { tokensOf } from './cold.ts'
import { above, atLeast, atMost, type Run } from './figure.ts'
import { answerOf, temporaryFolder, withUs } from './interruption.ts'
import { Load } from './load.ts'
import { shuffled } from './rounds.ts'
import { estimate, generator, ratio } from './statistics.ts'
import { createSigner } from './tokens.ts'

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
  { name: 'hono', limit: 0.85, fifth: [], ahead: ['hono/jwk'] },
] as const

/** What stands beside the figures, to tell what of them is the framework's and what the least that a guard can do. */
const REFERENCES = [
  {
    id: 'idle',
    app: 'a middleware that does nothing',
    says: 'with a middleware that does nothing, to unprotected',
  },
  {
    id: 'floor',
    app: 'digest and look-up',
    says: 'with a SHA-256 of the token and a look-up, no check, to unprotected',
  },
] as const

/** Takes requests a second of an app at this port for a while. */
type Generator = (port: number) => Promise<{ readonly requests: number; readonly seconds: number }>

/** Tokens in rotation, and what holds more of them than there is room for by default. */
const COMPARISONS: readonly {
  readonly count: number
  readonly oursOnly: boolean
  readonly cache?: number
}[] = [
  { count: 1, oursOnly: false },
  { count: 1000, oursOnly: false },
  { count: 8000, oursOnly: false },
  { count: 20_000, oursOnly: true },
  { count: 20_000, oursOnly: true, cache: 25_000 },
]

/** Requests before anything is measured, the same for everybody: compilers, and every token once. */
const warmUpOf = (tokens: number): number => Math.max(5000, 1.2 * tokens)

/** Part 3: each app in a process of its own on one core, the load on the other, and each token in its turn. */
export async function requests(run: Run): Promise<void> {
  const signer = createSigner('RS256')
  const tokens = tokensOf(signer, 20_000).map((octets) => octets.toString('latin1'))
  // On one core there is nothing to keep apart.
  const pinned = availableParallelism() > 1 && pin('1')
  if (!pinned)
    run.note('without taskset, or with one core: server and load share what there is, and figures say little')
  const withWrk = works('wrk', ['-v'])
  run.note(withWrk ? 'load by wrk' : 'load by a generator of our own: wrk is not installed')
  run.note('ratios are medians of the ratios of each round; absolute figures are medians of their own')
  const setup: Setup = { jwk: signer.jwk, pem: signer.pem }
  for (const [index, { count, oursOnly, cache }] of COMPARISONS.entries()) {
    await compare(run, cache === undefined ? setup : { ...setup, cache }, tokens.slice(0, count), {
      withWrk,
      pinned,
      oursOnly,
      step: `${index + 1} of ${COMPARISONS.length}`,
    })
  }
  // What is measured afterwards has all of the machine again, and the threads of the engine theirs.
  pin(`0-${cpus().length - 1}`)
}

/** Whether a command is there; wrk prints its version and ends with 1. */
function works(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch (cause) {
    return (cause as { readonly status?: number | null }).status === 1
  }
}

/** Moves this process to these cores. */
function pin(cores: string): boolean {
  try {
    execFileSync('taskset', ['-acp', cores, String(process.pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function start(
  name: string,
  setup: Setup,
  pinned: boolean,
): Promise<{ readonly server: ChildProcess; readonly port: number }> {
  const script = fileURLToPath(new URL('apps.ts', import.meta.url))
  const [command, ...args] = [...(pinned ? ['taskset', '-c', '0'] : []), process.execPath, script, name]
  const server = withUs(
    spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' },
    }),
  )
  server.send(setup)
  return { server, port: await answerOf(server) }
}

async function cpuOf(server: ChildProcess): Promise<number> {
  server.send({})
  return answerOf(server)
}

/** wrk takes whole seconds, which start when it has read its tokens. */
function wrk(tokens: string): Generator {
  const script = fileURLToPath(new URL('load.lua', import.meta.url))
  return async (port) => {
    const running = promisify(execFile)(
      'wrk',
      [
        ...['--threads', '1', '--connections', '16', '--duration', '1s', '--script', script],
        ...[`http://127.0.0.1:${port}`, '--', tokens],
      ],
      { timeout: 60_000 },
    )
    withUs(running.child)
    const { stdout } = await running
    const summary = /^\{.*\}$/m.exec(stdout)?.[0]
    if (summary === undefined) throw new Error('wrk printed no summary')
    const { requests: answered, microseconds, failed } = JSON.parse(summary) as Record<string, number>
    if (failed !== 0) throw new Error(`${failed} requests failed`)
    return { requests: answered as number, seconds: (microseconds as number) / 1e6 }
  }
}

async function compare(
  run: Run,
  setup: Setup,
  tokens: readonly string[],
  {
    withWrk,
    pinned,
    oursOnly,
    step,
  }: {
    readonly withWrk: boolean
    readonly pinned: boolean
    readonly oursOnly: boolean
    readonly step: string
  },
): Promise<void> {
  const names = FRAMEWORKS.flatMap(({ name, fifth, ahead }) => [
    name,
    ...REFERENCES.map(({ app }) => `${name}: ${app}`),
    `${name}: ours`,
    ...(oursOnly ? [] : [...fifth, ...ahead].map((peer) => `${name}: ${peer}`)),
  ])
  using folder = temporaryFolder()
  const file = join(folder.path, 'tokens')
  writeFileSync(file, `${tokens.join('\n')}\n`)
  const apps = new Map<
    string,
    Awaited<ReturnType<typeof start>> & { readonly load: Generator; close(): void }
  >()
  try {
    for (const [index, name] of names.entries()) {
      run.progress(`${step}, app ${index + 1} of ${names.length} warms up: ${name}`)
      const app = await start(name, setup, pinned)
      const own = await Load.open(app.port, tokens.map(requestOf)).catch((cause: unknown) => {
        throw new Error(`cannot load ${name}`, { cause })
      })
      await own.times(warmUpOf(tokens.length))
      const load: Generator = withWrk ? wrk(file) : () => own.during(run.full ? 1000 : 250)
      apps.set(name, { ...app, load, close: () => own.close() })
    }
    const rounds = new Map<string, Rounds>(names.map((name) => [name, { perSecond: [], cpu: [] }]))
    const random = generator(tokens.length)
    // The first is for the compilers.
    for (let round = -1; round < run.rounds; round += 1) {
      const said = round < 0 ? 'a round which does not count' : `round ${round + 1} of ${run.rounds}`
      run.progress(`${step}, ${said}, each of ${names.length} apps for up to a second`)
      for (const [name, { server, port, load }] of shuffled([...apps], random)) {
        const before = await cpuOf(server)
        const { requests: answered, seconds } = await load(port)
        const spent = (await cpuOf(server)) - before
        if (round < 0) continue
        const { perSecond, cpu } = rounds.get(name) as Rounds
        perSecond.push(answered / seconds)
        cpu.push(spent / answered)
      }
    }
    report(run, rounds, tokens.length, setup.cache)
  } finally {
    for (const { server, close } of apps.values()) {
      close()
      if (server.exitCode !== null) continue
      const gone = once(server, 'exit')
      server.disconnect()
      await gone
    }
  }
}

function requestOf(token: string): Buffer {
  return Buffer.from(`GET / HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer ${token}\r\n\r\n`)
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
    run.figure(`${id}.${name}.open`, `${name}, unprotected, median`, 'req/s', estimate(open.perSecond))
    for (const { id: reference, app, says } of REFERENCES) {
      const { perSecond } = rounds.get(`${name}: ${app}`) as Rounds
      run.figure(`${id}.${name}.${reference}.ratio`, says, '×', ratio(perSecond, open.perSecond))
    }
    run.figure(`${id}.${name}`, `${name}, protected, median`, 'req/s', estimate(ours.perSecond))
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
      run.figure(`${id}.${name}.${peer}`, `${peer}, median`, 'req/s', estimate(theirs.perSecond))
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
