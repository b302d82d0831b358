import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'

import { rolldown } from 'rolldown'

import { atMost, type Run } from './figure.ts'
import type { Beginning, Times } from './first-request.ts'
import { answerOf, withUs } from './interruption.ts'
import { shuffled } from './rounds.ts'
import { estimate, exact, generator, median, ratio } from './statistics.ts'
import { createSigner } from './tokens.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Protects routes with all kinds of policies; Hono itself is not counted. */
const APPLICATION = `
export { createResourceServer, protect, scope, role, group, entitlement, client, all, any, not, check, optional } from '@atjwt/hono'
`

/** Part 6: what is shipped, what is loaded, and how the first request fares. */
export async function start(run: Run): Promise<void> {
  for (const [name, conditions] of [
    ['browser', ['browser', 'import', 'default']],
    ['workerd', ['workerd', 'worker', 'browser', 'import', 'default']],
  ] as const) {
    const used = await sizeOf(conditions, APPLICATION)
    run.figure(
      `size.${name}.minified`,
      `an application of @atjwt/hono for ${name}, minified`,
      'kB',
      exact(used.minified),
    )
    run.figure(`size.${name}`, 'the same, min + gzip', 'kB', exact(used.zipped), atMost(20))
    const whole = await sizeOf(conditions, `export * from '@atjwt/hono'`)
    run.figure(
      `size.${name}.all`,
      'everything it exports, used or not, min + gzip',
      'kB',
      exact(whole.zipped),
    )
  }
  await imports(run)
  await firstRequest(run)
}

async function sizeOf(
  conditionNames: readonly string[],
  application: string,
): Promise<{ minified: number; zipped: number }> {
  const entry = `${here}application.js`
  const build = await rolldown({
    input: entry,
    platform: 'neutral',
    external: [/^hono/, /^node:/, /^cloudflare:/],
    resolve: { conditionNames: [...conditionNames], mainFields: ['module', 'main'] },
    plugins: [
      {
        name: 'application',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? application : undefined),
      },
    ],
    logLevel: 'silent',
  })
  try {
    const { output } = await build.generate({ format: 'esm', minify: true, comments: false })
    const code = output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('\n')
    if (!code.includes('at+jwt')) throw new Error('the bundle does not hold the library')
    return { minified: Buffer.byteLength(code) / 1000, zipped: gzipSync(code, { level: 9 }).length / 1000 }
  } finally {
    await build.close()
  }
}

/** Milliseconds of wall time in fresh processes, the empty one taken away. */
async function imports(run: Run): Promise<void> {
  const modules = {
    // What the adapter needs of Express are types.
    '@atjwt/express': `await import('@atjwt/express')`,
    '@atjwt/core': `await import('@atjwt/core')`,
    nothing: '',
  }
  const times = new Map<string, number[]>(Object.keys(modules).map((name) => [name, []]))
  const random = generator(1)
  for (let round = 0; round < run.rounds; round += 1) {
    for (const [name, code] of shuffled(Object.entries(modules), random)) {
      const timed = `const t = performance.now(); ${code}; console.log(performance.now() - t)`
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--input-type=module', '--eval', timed],
        { cwd: here, env: { ...process.env, NODE_OPTIONS: '' } },
      )
      ;(times.get(name) as number[]).push(Number(stdout))
    }
  }
  const empty = median(times.get('nothing') as number[])
  for (const [name, bar] of [
    ['@atjwt/express', atMost(15)],
    ['@atjwt/core', undefined],
  ] as const) {
    const taken = (times.get(name) as number[]).map((time) => time - empty)
    run.figure(`start.${name}`, `import of ${name}, fresh process`, 'ms', estimate(taken), bar)
  }
}

/** Milliseconds between two requests: in a loop each finds in the caches of the processor what the last one left there. */
const APART = 10
const PROBES = 10
/** Requests behind the first by which a cold verification of the same process is known: the second to the eleventh. */
const NEXT = 10
/** Tokens of the loop. */
const TOKENS = 100

/**
 * The first request of a fresh process against requests which come to it later, as far apart, with tokens that it has not
 * seen before. What all of them cost more than verifications in a loop is no matter of the first one; those stand beside
 * them. Tokens are signed here, so that the process has compiled nothing for them.
 */
async function firstRequest(run: Run): Promise<void> {
  const signer = createSigner('RS256')
  const orders = Array.from({ length: 1 + NEXT }, () => signer.token())
  const beginning: Beginning = {
    jwk: signer.jwk,
    tokens: Array.from({ length: TOKENS }, () => signer.token()),
  }
  const rounds: { readonly first: number; readonly next: number; readonly loop: number }[] = []
  for (let round = 0; round < run.rounds; round += 1) rounds.push(await beginWith(beginning, orders))

  const [first, next, loop] = (['first', 'next', 'loop'] as const).map((which) =>
    rounds.map((times) => times[which]),
  ) as [number[], number[], number[]]
  run.note(
    `RS256, fresh processes behind ready(), requests ${APART} ms apart, each with a new token; wall time`,
  )
  run.figure('start.first', 'authorize() of the first request', 'ms', estimate(first))
  run.figure('start.next', 'authorize() of requests 2 to 11, their median', 'ms', estimate(next))
  run.figure('start.loop', 'verify() in a loop, everything compiled', 'ms', estimate(loop))
  run.figure('start.first.ratio', 'the first request to requests 2 to 11', '×', ratio(first, next), atMost(2))
  run.figure('start.first.loop', 'the first request to the loop', '×', ratio(first, loop))
}

async function beginWith(
  beginning: Beginning,
  orders: readonly string[],
): Promise<{ first: number; next: number; loop: number }> {
  const script = fileURLToPath(new URL('first-request.ts', import.meta.url))
  const child = withUs(fork(script, { env: { ...process.env, NODE_OPTIONS: '' } }))
  const ended = once(child, 'exit')
  child.send(beginning)
  const port = await answerOf(child)
  const agent = new Agent({ keepAlive: true })
  const ask = async (path: string, token?: string): Promise<Times> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const asked = request({ host: '127.0.0.1', port, path, agent, headers }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    if (answer.statusCode !== 200) throw new Error(`${path} was answered with ${answer.statusCode}`)
    return (await json(answer)) as Times
  }
  try {
    for (let probe = 0; probe < PROBES; probe += 1) {
      await ask('/health')
      await setTimeout(APART)
    }
    const taken: number[] = []
    for (const token of orders) {
      taken.push(...(await ask('/orders', token)))
      await setTimeout(APART)
    }
    const [first, ...others] = taken as [number, ...number[]]
    return { first, next: median(others), loop: median(await ask('/loop')) }
  } finally {
    agent.destroy()
    child.disconnect()
    await ended
  }
}
