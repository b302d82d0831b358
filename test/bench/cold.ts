import { verify } from 'node:crypto'

import type { ResourceServer } from '@atjwt/core'

import { above, atLeast, atMost, type Run } from './figure.ts'
import { peerVerifiers } from './peers.ts'
import { type Contender, measure } from './rounds.ts'
import { estimate, ratio } from './statistics.ts'
import { type Alg, createServer, createSigner, fresh, padding, type Signer } from './tokens.ts'

const ALGORITHMS: readonly { readonly alg: Alg; readonly limit: number }[] = [
  { alg: 'RS256', limit: 1.25 },
  { alg: 'PS256', limit: 1.25 },
  { alg: 'ES256', limit: 1.1 },
  { alg: 'EdDSA', limit: 1.1 },
]

/** Part 1: tokens which were never seen before, against the signature alone and against others. */
export async function cold(run: Run): Promise<void> {
  for (const { alg, limit } of ALGORITHMS) {
    const signer = createSigner(alg)
    const batch = run.full ? 2000 : 1000
    const contenders: Contender<never>[] = [
      rawVerify('crypto.verify', signer, batch),
      rawVerify('crypto.verify again', signer, batch),
      await ours(signer, batch),
    ]
    for (const { name, verify } of await peerVerifiers(signer)) {
      const tokens = tokensOf(signer, batch)
      contenders.push({ name, prepare: () => tokens.map(fresh), run: verify } as unknown as Contender<never>)
    }
    const costs = await measure(contenders, run)
    const of = (name: string): readonly number[] => costs.get(name) as readonly number[]
    run.note(`${alg}, tokens of 800 characters, CPU per token`)
    const raw = of('crypto.verify')
    run.figure(`cold.${alg}.raw`, 'crypto.verify alone', 'µs', estimate(raw))
    run.figure(
      `cold.${alg}.noise`,
      'the same against itself (noise)',
      '×',
      ratio(of('crypto.verify again'), raw),
    )
    run.figure(`cold.${alg}.ours`, 'verify()', 'µs', estimate(of('ours')))
    run.figure(`cold.${alg}.ratio`, 'verify() to crypto.verify', '×', ratio(of('ours'), raw), atMost(limit))
    for (const name of [...costs.keys()].slice(3)) {
      run.figure(`cold.${alg}.${name}`, name, 'µs', estimate(of(name)))
      const bar = alg !== 'RS256' ? undefined : name === 'jose' ? atLeast(2.5) : above(1)
      run.figure(`cold.${alg}.${name}.ratio`, `${name} to verify()`, '×', ratio(of(name), of('ours')), bar)
    }
  }
}

export function tokensOf(signer: Signer, count: number, characters = 800): Buffer[] {
  const pad = padding(signer, characters)
  return Array.from({ length: count }, () => Buffer.from(signer.token(pad)))
}

/** The signature alone, in the form that costs least: octets which lie ready, and the key object without options around it where they say nothing. */
function rawVerify(name: string, signer: Signer, batch: number): Contender<never> {
  const parts = tokensOf(signer, batch).map((octets) => {
    const dot = octets.lastIndexOf('.')
    return [octets.subarray(0, dot), Buffer.from(octets.toString('latin1', dot + 1), 'base64url')] as const
  })
  const { digest, verifyInput } = signer
  const contender: Contender<(typeof parts)[number]> = {
    name,
    prepare: () => parts,
    run: ([input, signature]) => {
      if (!verify(digest, input, verifyInput, signature)) throw new Error('the signature is wrong')
    },
  }
  return contender as Contender<never>
}

/** One server with the cache it has by default; each time round it forgets, and keeps its keys. */
async function ours(signer: Signer, batch: number): Promise<Contender<never>> {
  const tokens = tokensOf(signer, batch)
  const servers: ResourceServer[] = []
  const first = await createServer([signer])
  return {
    name: 'ours',
    prepare: () => {
      // Another resource on the same keys has a memory of its own, which is empty.
      servers[0] = first.with({ audience: 'https://api.example' })
      return tokens.map(fresh) as never
    },
    run: (token: string) => (servers[0] as ResourceServer).verify(token),
  } as unknown as Contender<never>
}
