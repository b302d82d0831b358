// The first tokens of a process, which signed none itself. Reads a Beginning from standard input, prints Times as JSON.
import { readFileSync } from 'node:fs'

import { all, any, fromNode, group, type ResourceServer, role, scope } from '@atjwt/core'

import { AUDIENCE, createServer } from './tokens.ts'

/** A key set of one key, and distinct tokens of it. */
export interface Beginning {
  readonly jwk: Record<string, unknown>
  readonly tokens: readonly string[]
}

/** Milliseconds of wall time. */
export interface Times {
  /** The first request, as a server of Node shows it: `authorize` with a policy, the first token this process has seen. */
  readonly request: number
  /** `verify` of each further token, none of them seen before. */
  readonly verifications: readonly number[]
  /** The same when everything is compiled. */
  readonly steady: readonly number[]
}

const { jwk, tokens } = JSON.parse(readFileSync(0, 'utf8')) as Beginning
const [first, ...others] = tokens as [string, ...string[]]
const rawHeaders = ['Authorization', `Bearer ${first}`]
const request = fromNode({ headers: { authorization: rawHeaders[1] }, rawHeaders })
const policy = all(scope('orders:read'), any(role('admin'), group('order-managers')))
const api = await createServer([{ jwk }])

// What measures is compiled before, by a server which does nothing: it is not to be measured.
type Server = Pick<ResourceServer, 'authorize' | 'verify'>
let server = { authorize: async () => ({ ok: true }), verify: async () => ({}) } as unknown as Server

async function timeOfRequest(): Promise<readonly [milliseconds: number, isGranted: boolean]> {
  const started = performance.now()
  const result = await server.authorize(request, policy)
  return [performance.now() - started, result.ok]
}

async function timeOfToken(token: string): Promise<number> {
  const started = performance.now()
  await server.verify(token)
  return performance.now() - started
}

for (let i = 0; i < 100; i += 1) {
  await timeOfRequest()
  await timeOfToken(first)
}
server = api
const [milliseconds, isGranted] = await timeOfRequest()
if (!isGranted) throw new Error('the first request was refused')
const verifications: number[] = []
for (const token of others) verifications.push(await timeOfToken(token))

const ROUNDS = 60
let steady: number[] = []
for (let round = 0; round < ROUNDS; round += 1) {
  // Another resource on the same keys has a memory of its own, which is empty.
  server = api.with({ audience: AUDIENCE })
  steady = []
  for (const token of others) steady.push(await timeOfToken(token))
}
const times: Times = { request: milliseconds, verifications, steady }
console.log(JSON.stringify(times))
