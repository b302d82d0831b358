// Lets one flood run through a resource server with default options and prints what it left, as JSON: KIND COUNT.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { queryObjects } from 'node:v8'

import { all, any, createResourceServer, group, role, scope } from '@atjwt/core'

import { AUDIENCE, ISSUER } from './tokens.ts'

export interface Growth {
  /** Megabytes over what stood after the first tokens. */
  readonly rss: number
  /** The most of it that was seen on the way, garbage included. */
  readonly peak: number
  readonly heap: number
  readonly accepted: number
  /** Verified tokens which are alive at the end, the last one included, and how many may be. */
  readonly entries: number
  readonly bound: number
  /** Octets of heap per token remembered. */
  readonly entryBytes: number
}

const [kind, count] = process.argv.slice(2) as ['valid' | 'garbage' | 'groups', string]
/** The bounds of the cache, as they are by default. */
const CACHE = { max: 10_000, maxSize: 32 * 1024 * 1024 } as const
const WARM_UP = 500
/**
 * Tokens which come when the flood is over, with a collection behind each: the engine's table of strings shrinks in
 * steps, each when the next string is put into it.
 */
const AFTERWARDS = 5
/** Tokens between two looks at the resident set. */
const LOOK_EVERY = 500

const signing = spawn(
  process.execPath,
  [
    fileURLToPath(new URL('memory-signer.ts', import.meta.url)),
    kind,
    String(Number(count) + WARM_UP + AFTERWARDS),
  ],
  { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
)
const lines = createInterface({ input: signing.stdout })[Symbol.asyncIterator]()
const next = async (): Promise<string> => ((await lines.next()) as IteratorYieldResult<string>).value
const jwks = JSON.parse(await next()) as { keys: [] }
const api = createResourceServer({ issuer: { issuer: ISSUER, jwks }, audience: AUDIENCE })

const policy = all(scope('orders:read'), any(role('admin'), group('order-managers')))
let accepted = 0
let shortest = Number.POSITIVE_INFINITY
/** So that nothing is read in vain. */
let read = 0

/** Takes a token as a guard and its handler do: judges a policy, and reads all sets. */
async function take(): Promise<object | undefined> {
  const token = await next()
  const field = `Bearer ${token}`
  const result = await api.authorize(
    { method: 'GET', url: `${AUDIENCE}/orders`, headers: { get: () => field } },
    policy,
  )
  if (!result.ok) {
    if (kind === 'garbage') return undefined
    throw new Error(`a valid token was refused: ${result.error.code}`)
  }
  for (const set of [result.auth.scopes, result.auth.roles, result.auth.groups, result.auth.entitlements])
    read += set.size + Number(set.has('nobody'))
  accepted += 1
  shortest = Math.min(shortest, token.length)
  return result.auth
}
/** What the documentation says that a token of this length counts as. */
const sizeOf = (length: number): number => (length <= 1512 ? 2 * length + 512 : 3 * length - 1000)
/** As many as the cache may hold: by their number, and by their sizes. */
const boundOf = (): number =>
  accepted === 0 ? 0 : Math.min(CACHE.max, Math.floor(CACHE.maxSize / sizeOf(shortest)))

const settled = (): NodeJS.MemoryUsage => {
  for (let i = 0; i < 4; i += 1) globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  return process.memoryUsage()
}

for (let i = 0; i < WARM_UP; i += 1) await take()
const before = settled()
let example: object | undefined
let peak = before.rss
for (let i = 0; i < Number(count); i += 1) {
  example = (await take()) ?? example
  if (i % LOOK_EVERY === 0) peak = Math.max(peak, process.memoryUsage.rss())
}
for (let i = 0; i < AFTERWARDS; i += 1) {
  settled()
  await take()
}
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
  peak: (peak - before.rss) / 1e6,
  heap: (after.heapUsed + after.external - before.heapUsed - before.external) / 1e6,
  accepted: accepted - (WARM_UP + AFTERWARDS) * (kind === 'garbage' ? 0 : 1),
  entries,
  bound: boundOf(),
  entryBytes:
    entries === 0
      ? 0
      : (after.heapUsed + after.external - before.heapUsed - before.external) / (entries - WARM_UP),
}
if (accepted > 0 && read === 0) throw new Error('the sets were empty')
console.log(JSON.stringify(growth))
await api.close()
