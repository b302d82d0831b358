import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'

import { rolldown } from 'rolldown'

import { atMost, type Run } from './figure.ts'
import type { Beginning, Times } from './first-request.ts'
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

/** Tokens behind the first by which a cold verification of the same process is known: the second to the eleventh. */
const NEXT = 10
const TOKENS = 100

/**
 * The first request of a fresh process against what verifications of tokens not seen before cost there right after it.
 * These are still far from the steady state, which no process has reached in its first milliseconds; it stands beside
 * them. Tokens are signed here, so that the process has compiled nothing for them.
 */
async function firstRequest(run: Run): Promise<void> {
  const signer = createSigner('RS256')
  const tokens = Array.from({ length: TOKENS }, () => signer.token())
  const beginning: Beginning = { jwk: signer.jwk, tokens }
  const rounds: Times[] = []
  for (let round = 0; round < run.rounds; round += 1) rounds.push(await beginWith(beginning))

  const request = rounds.map((times) => times.request)
  const second = rounds.map(({ verifications }) => verifications[0] as number)
  const next = rounds.map(({ verifications }) => median(verifications.slice(0, NEXT)))
  const steady = rounds.map((times) => median(times.steady))
  run.note('RS256, fresh processes, wall time; ready() came before, every token is new to the process')
  run.figure('start.first', 'authorize() of the first request', 'ms', estimate(request))
  run.figure('start.second', 'verify() of the second token', 'ms', estimate(second))
  run.figure('start.cold', 'verify() of tokens 2 to 11, their median', 'ms', estimate(next))
  run.figure('start.steady', 'verify() once everything is compiled, median', 'ms', estimate(steady))
  run.figure('start.first.second', 'the first request to the second token', '×', ratio(request, second))
  run.figure('start.first.ratio', 'the first request to tokens 2 to 11', '×', ratio(request, next), atMost(2))
  run.figure('start.first.steady', 'the first request to the steady state', '×', ratio(request, steady))
}

async function beginWith(beginning: Beginning): Promise<Times> {
  const script = fileURLToPath(new URL('first-request.ts', import.meta.url))
  const running = promisify(execFile)(process.execPath, [script], {
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  running.child.stdin?.end(JSON.stringify(beginning))
  return JSON.parse((await running).stdout) as Times
}
