import { hash } from 'node:crypto'

import { all, any, group, role, scope } from '@atjwt/core'

import { tokensOf } from './cold.ts'
import { atMost, type Run } from './figure.ts'
import { cachingPeer } from './peers.ts'
import { type Contender, measure } from './rounds.ts'
import { estimate, ratio } from './statistics.ts'
import { AUDIENCE, createServer, createSigner, fresh } from './tokens.ts'

const TOKENS = 10_000
/** Of those in rotation, as many as are made before the clock starts: what a server reads has just come, and is near. */
const AT_ONCE = 1000

/** Part 2: tokens which were verified before, each time in a string which nobody has seen. */
export async function warm(run: Run): Promise<void> {
  // What most issuers sign with. The peer knows its tokens by a digest of the algorithm: by SHA-512 it would know EdDSA.
  run.progress(`signing ${TOKENS} tokens`)
  const signer = createSigner('RS256')
  const tokens = tokensOf(signer, TOKENS)
  const api = await createServer([signer])
  const peer = await cachingPeer(signer, TOKENS)
  for (const octets of tokens) {
    await api.verify(fresh(octets))
    peer.verify(fresh(octets))
  }
  const policy = all(scope('orders:read'), any(role('admin'), group('order-managers')))
  const inTurn = (octets: readonly Buffer[], round: number): readonly string[] => {
    const from = (round * AT_ONCE) % TOKENS
    return octets.slice(from, from + AT_ONCE).map(fresh)
  }
  const strings = (round: number): readonly string[] => inTurn(tokens, round)
  // As a server gets it: in one piece.
  const fields = tokens.map((octets) => Buffer.concat([Buffer.from('Bearer '), octets]))
  const contenders = [
    { name: 'hash', prepare: strings, run: (token: string) => hash('sha256', token) },
    { name: 'hash again', prepare: strings, run: (token: string) => hash('sha256', token) },
    { name: 'verify', prepare: strings, run: (token: string) => api.verify(token) },
    { name: 'peer', prepare: strings, run: (token: string) => peer.verify(token) },
    {
      name: 'authorize',
      prepare: (round: number) => inTurn(fields, round).map(requestOf),
      run: (request: ReturnType<typeof requestOf>) => api.authorize(request, policy),
    },
  ] as unknown as Contender<never>[]
  const costs = await measure(contenders, run)
  const of = (name: string): readonly number[] => costs.get(name) as readonly number[]
  run.note(`${TOKENS.toLocaleString('en')} tokens (RS256) of 800 characters in rotation, CPU per call`)
  run.figure('warm.hash', `crypto.hash('sha256', token) alone`, 'µs', estimate(of('hash')))
  run.figure('warm.noise', 'the same against itself (noise)', '×', ratio(of('hash again'), of('hash')))
  run.figure('warm.verify', 'verify()', 'µs', estimate(of('verify')), atMost(1.5))
  run.figure('warm.hash.ratio', 'verify() to crypto.hash', '×', ratio(of('verify'), of('hash')), atMost(1.7))
  run.figure('warm.peer', peer.name, 'µs', estimate(of('peer')))
  run.figure('warm.peer.ratio', `verify() to ${peer.name}`, '×', ratio(of('verify'), of('peer')), atMost(0.6))
  const what = 'authorize() with all(scope, any(role, group))'
  run.figure('warm.authorize', what, 'µs', estimate(of('authorize')), atMost(3))
  const result = await api.authorize(requestOf(`Bearer ${fresh(tokens[0] as Buffer)}`), policy)
  if (!result.ok) throw new Error(`the request of the benchmark was refused: ${result.error.code}`)
}

function requestOf(field: string): {
  readonly method: string
  readonly url: string
  readonly headers: { get(name: string): string | null }
} {
  return { method: 'GET', url: `${AUDIENCE}/orders`, headers: { get: () => field } }
}
