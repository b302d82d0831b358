import { generateKeyPairSync } from 'node:crypto'

import { AuthorizationError, type ResourceServer } from '@atjwt/core'

import { tokensOf } from './cold.ts'
import { atMost, type Run } from './figure.ts'
import { durations } from './loop-delay.ts'
import { type Contender, measure } from './rounds.ts'
import { estimate, exact, quantile, ratio } from './statistics.ts'
import { createServer, createSigner, fresh, type Signer } from './tokens.ts'

const MAX = 65_536

/** Part 4: what an attacker can make a verification cost. */
export async function hostile(run: Run): Promise<void> {
  const signer = createSigner('RS256')
  await worstTokens(run, signer)
  await worstKey(run)
  await badSignatures(run, signer)
}

/** The code of the refusal, or `accepted`. */
async function codeOf(api: ResourceServer, token: string): Promise<string> {
  try {
    await api.verify(token)
    return 'accepted'
  } catch (error) {
    if (error instanceof AuthorizationError) return error.code
    throw error
  }
}

/** Tokens of the greatest length allowed, each of another shape, none of them signed by a key. */
function worst(signer: Signer): Readonly<Record<string, string>> {
  const [header = '', , signature = ''] = signer.token().split('.')
  const encode = (text: string): string => Buffer.from(text).toString('base64url')
  const within = (payload: string): string =>
    `${header}.${encode(payload).slice(0, 4 * Math.floor((MAX - header.length - signature.length - 2) / 4))}.${signature}`
  const room = Math.floor((MAX - 1000) * 0.75)
  const base = `"iss":"https://issuer.example"`
  return {
    'many members': within(
      `{${base},${Array.from({ length: room / 10 }, (_none, n) => `"${n.toString(36)}":1`).join(',')}`.slice(
        0,
        room - 1,
      ) + '}',
    ),
    'members, written with blanks': within(
      `{ ${base}, ${Array.from({ length: room / 12 }, (_none, n) => `"${n.toString(36)}": 1`).join(', ')} }`,
    ),
    'many elements': within(`{${base},"groups":[${'1,'.repeat(room / 2 - 40)}1]}`),
    'many strings': within(`{${base},"groups":[${'"a",'.repeat(room / 4 - 20)}"a"]}`),
    escapes: within(`{${base},"a":"${'\\u0041'.repeat(room / 6 - 10)}"}`),
    'one long string': within(`{${base},"a":"${'a'.repeat(room - 60)}"}`),
    'long string beyond ASCII': within(`{${base},"a":"${'é'.repeat(room / 2 - 40)}"}`),
    brackets: within(`{${base},"a":${'['.repeat(room - 60)}`),
    'numbers of many digits': within(`{${base},"a":${'9'.repeat(room - 60)}}`),
    'long header': `${encode(`{"alg":"RS256","typ":"at+jwt","x":"${'a'.repeat(room - 400)}"}`)}.${encode(`{${base}}`)}.${signature}`,
    'long signature': `${header}.${encode(`{${base}}`)}.${'A'.repeat(4 * Math.floor((MAX - 300) / 4))}`,
    'five parts': `${header}..${'A'.repeat(MAX - 400)}.A.A`,
    dots: '.'.repeat(MAX),
    letters: 'A'.repeat(MAX),
    'no grammar': '%'.repeat(MAX),
  }
}

/** Milliseconds which each of many refusals takes, without the garbage of what was measured before. */
async function taking(run: Run, api: ResourceServer, token: string): Promise<readonly number[]> {
  globalThis.gc?.()
  await durations(1000, () => codeOf(api, token))
  return durations(run.full ? 2000 : 600, () => codeOf(api, token))
}

async function worstTokens(run: Run, signer: Signer): Promise<void> {
  const api = await createServer([signer], { maxTokenLength: MAX })
  const tokens = Object.entries(worst(signer))
  const delays: { readonly name: string; readonly p99: number; readonly max: number }[] = []
  for (const [name, token] of tokens) {
    if (token.length > MAX) throw new Error(`${name} is longer than anything that is read`)
    if ((await codeOf(api, token)) === 'accepted') throw new Error(`${name} was accepted`)
    const taken = await taking(run, api, token)
    delays.push({ name, p99: quantile(taken, 0.99), max: Math.max(...taken) })
  }
  delays.sort((a, b) => b.p99 - a.p99)
  run.note(`${tokens.length} shapes of 64 KiB, CPU per token; the dearest is that of ${delays[0]?.name}`)
  for (const { name, p99 } of delays.slice(1, 4))
    run.figure(`hostile.${name}`, `p99, ${name}`, 'ms', exact(p99))
  run.figure('hostile.p99', 'p99 of the dearest', 'ms', exact(delays[0]?.p99 as number), atMost(1))
  run.figure(
    'hostile.stall',
    'the longest turn of all',
    'ms',
    exact(Math.max(...delays.map(({ max }) => max))),
    atMost(5),
  )
}

async function worstKey(run: Run): Promise<void> {
  // The greatest modulus and exponent which a key in use may have: the public half of no key anybody has.
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const modulus = Buffer.alloc(1024, 0xb7)
  modulus[1023] = 0xc5
  const jwk = {
    ...publicKey.export({ format: 'jwk' }),
    n: modulus.toString('base64url'),
    e: Buffer.from([0xff, 0xff, 0xff, 0xfb]).toString('base64url'),
    kid: 'worst',
    alg: 'RS256',
    use: 'sig',
  }
  const signer = createSigner('RS256', 'worst')
  const api = await createServer([{ ...signer, jwk }])
  const [header = '', payload = ''] = signer.token().split('.')
  // Below the modulus, so that the exponentiation is done.
  const token = `${header}.${payload}.${Buffer.alloc(1024, 0x11).toString('base64url')}`
  const code = await codeOf(api, token)
  if (code !== 'signature_invalid') throw new Error(`the worst key was not asked: ${code}`)
  const taken = await taking(run, api, token)
  run.note('RSA of 8192 bits, exponent near 2^32, CPU per token')
  run.figure('hostile.key.p99', 'p99', 'ms', exact(quantile(taken, 0.99)), atMost(1))
  run.figure('hostile.key.stall', 'the longest turn', 'ms', exact(Math.max(...taken)), atMost(5))
}

async function badSignatures(run: Run, signer: Signer): Promise<void> {
  const [good, others] = [tokensOf(signer, 400), tokensOf(signer, 400)]
  /** Each with the signature of the next. */
  const forged = (tokens: readonly Buffer[]): string[] =>
    tokens.map((octets, n) => {
      const token = fresh(octets)
      const next = fresh(tokens[(n + 1) % tokens.length] as Buffer)
      return flat(token.slice(0, token.lastIndexOf('.')) + next.slice(next.lastIndexOf('.')))
    })
  const garbage = (n: number): string => `garbage-${n}-${'x'.repeat(780)}`
  // In one piece, as a request brings it.
  const flat = (text: string): string => fresh(Buffer.from(text))
  const parent = await createServer([signer])
  let api = parent
  const forget = (): void => {
    api = parent.with({ audience: 'https://api.example' })
  }
  const contenders = [
    {
      name: 'good',
      prepare: () => {
        forget()
        return good.map(fresh)
      },
      // By the same caller as those which are refused.
      run: (token: string) => codeOf(api, token),
    },
    {
      name: 'bad',
      prepare: () => forged(others),
      run: (token: string) => codeOf(api, token),
    },
    {
      name: 'bad under a known signature',
      prepare: () => forged(good),
      run: (token: string) => codeOf(api, token),
    },
    {
      name: 'garbage',
      prepare: (round: number) => Array.from({ length: 4000 }, (_none, n) => flat(garbage(round * 4000 + n))),
      run: (token: string) => codeOf(api, token),
    },
    {
      name: 'no JSON',
      prepare: (round: number) =>
        Array.from({ length: 4000 }, (_none, n) =>
          flat(`${Buffer.from(garbage(round * 4000 + n)).toString('base64url')}.AAAA.AAAA`),
        ),
      run: (token: string) => codeOf(api, token),
    },
  ] as unknown as Contender<never>[]
  const costs = await measure(contenders, run)
  const of = (name: string): readonly number[] => costs.get(name) as readonly number[]
  run.note('RS256, tokens of 800 characters, CPU per token, the error included')
  run.figure('hostile.bad', 'a bad signature', 'µs', estimate(of('bad')))
  run.figure(
    'hostile.bad.ratio',
    'a bad signature to a good one',
    '×',
    ratio(of('bad'), of('good')),
    atMost(1),
  )
  run.figure(
    'hostile.known.ratio',
    'one which is that of a remembered token, to a good one',
    '×',
    ratio(of('bad under a known signature'), of('good')),
    atMost(1),
  )
  run.figure('hostile.garbage', 'garbage without dots', 'µs', estimate(of('garbage')), atMost(5))
  run.figure('hostile.garbage.parts', 'garbage in three parts', 'µs', estimate(of('no JSON')), atMost(5))
}
