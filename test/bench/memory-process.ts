// Lets one flood run through a resource server with default options and prints what it left, as JSON: KIND COUNT.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { queryObjects } from 'node:v8'

import { AuthorizationError, createResourceServer } from '@atjwt/core'

import { AUDIENCE, ISSUER } from './tokens.ts'

export interface Growth {
  /** Megabytes over what stood after the first tokens. */
  readonly rss: number
  readonly heap: number
  readonly accepted: number
  /** Verified tokens which are alive at the end, the last one included, and how many may be. */
  readonly entries: number
  readonly bound: number
  /** Octets of heap per token remembered. */
  readonly entryBytes: number
}

const [kind, count] = process.argv.slice(2) as ['valid' | 'garbage' | 'groups', string]
/** By the bounds of the cache: 10,000 tokens and 32 MiB, of which a token takes twice its length and 512. */
const bound = kind === 'groups' ? Math.floor((32 * 1024 * 1024) / (2 * 11_000 + 512)) : 10_000
const WARM_UP = 500

const signing = spawn(
  process.execPath,
  [fileURLToPath(new URL('memory-signer.ts', import.meta.url)), kind, String(Number(count) + WARM_UP)],
  { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
)
const lines = createInterface({ input: signing.stdout })[Symbol.asyncIterator]()
const next = async (): Promise<string> => ((await lines.next()) as IteratorYieldResult<string>).value
const jwks = JSON.parse(await next()) as { keys: [] }
const api = createResourceServer({ issuer: { issuer: ISSUER, jwks }, audience: AUDIENCE })

let accepted = 0
async function take(): Promise<object | undefined> {
  try {
    const token = await api.verify(await next())
    accepted += 1
    return token
  } catch (error) {
    if (error instanceof AuthorizationError) return undefined
    throw error
  }
}

const settled = (): NodeJS.MemoryUsage => {
  for (let i = 0; i < 4; i += 1) globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  return process.memoryUsage()
}

for (let i = 0; i < WARM_UP; i += 1) await take()
const before = settled()
let example: object | undefined
for (let i = 0; i < Number(count); i += 1) example = (await take()) ?? example
const after = settled()
/** Verified tokens do not lead to their class, and objects are counted by a prototype all the same. */
function countLike(one: object): number {
  function Like(): void {}
  Like.prototype = Object.getPrototypeOf(one) as object
  return queryObjects(Like, { format: 'count' })
}
const entries = example === undefined ? 0 : countLike(example)
const growth: Growth = {
  rss: (after.rss - before.rss) / 1e6,
  heap: (after.heapUsed + after.external - before.heapUsed - before.external) / 1e6,
  accepted: accepted - WARM_UP * (kind === 'garbage' ? 0 : 1),
  entries,
  bound,
  entryBytes:
    entries === 0
      ? 0
      : (after.heapUsed + after.external - before.heapUsed - before.external) / (entries - WARM_UP),
}
console.log(JSON.stringify(growth))
await api.close()
