import { createVerify, type KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto'

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
    run.progress(`${alg}: signing`)
    const signer = createSigner(alg)
    const batch = run.full ? 2000 : 1000
    const contenders: Contender<never>[] = [
      rawVerify('crypto.verify', signer, batch),
      rawVerify('crypto.verify again', signer, batch),
      await ours(signer, batch),
      await displacing(signer, batch),
      ...inOurForm(signer, batch),
    ]
    const own = new Set(contenders.map(({ name }) => name))
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
    run.figure(
      `cold.${alg}.displacing`,
      'verify() with a full cache, each token displaces one',
      'µs',
      estimate(of('displacing')),
    )
    run.figure(`cold.${alg}.displacing.ratio`, 'the same to crypto.verify', '×', ratio(of('displacing'), raw))
    if (own.has(OUR_FORM)) {
      run.figure(`cold.${alg}.form`, OUR_FORM, 'µs', estimate(of(OUR_FORM)))
      run.figure(`cold.${alg}.form.ratio`, 'verify() to that', '×', ratio(of('ours'), of(OUR_FORM)))
    }
    for (const name of [...costs.keys()].filter((name) => !own.has(name))) {
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

/** Signed octets with their signature. */
type Signed = readonly [input: Buffer, signature: Buffer]

function signedOf(signer: Signer, batch: number): Signed[] {
  return tokensOf(signer, batch).map((octets) => {
    const dot = octets.lastIndexOf('.')
    return [octets.subarray(0, dot), Buffer.from(octets.toString('latin1', dot + 1), 'base64url')]
  })
}

/**
 * The signature alone, as one calls it who has read the documentation of Node: octets which lie ready, the key object,
 * and options around it where the form of the signature is not that which Node expects. For EdDSA nothing costs less; for
 * the others see {@link inOurForm}.
 */
function rawVerify(name: string, signer: Signer, batch: number): Contender<never> {
  const { digest, verifyInput } = signer
  return verifying(name, signedOf(signer, batch), ([input, signature]) =>
    verify(digest, input, verifyInput, signature),
  )
}

const OUR_FORM = 'the signature alone in the form in which verify() asks for it'

/**
 * The signature alone in the form which costs Node least: `createVerify()` looks nothing up in OpenSSL anew; an ECDSA
 * signature in DER needs no options around the key; where options stay (PS256) no stacks are captured for the errors Node
 * throws and catches over them. Against this nothing but the work beside the signature is left.
 */
function inOurForm(signer: Signer, batch: number): Contender<never>[] {
  const { alg, digest, publicKey, verifyInput } = signer
  // EdDSA has no other form.
  if (digest === null) return []
  const signed = signedOf(signer, batch)
  const isGood =
    (key: KeyObject | VerifyKeyObjectInput) =>
    ([input, signature]: Signed): boolean =>
      createVerify(digest).update(input).verify(key, signature)
  if (alg === 'RS256') return [verifying(OUR_FORM, signed, isGood(publicKey))]
  if (alg === 'ES256') {
    const inDER = signed.map(([input, signature]): Signed => [input, toDER(signature)])
    return [verifying(OUR_FORM, inDER, isGood(publicKey))]
  }
  const withStacks = isGood(verifyInput)
  const withoutStacks = (one: Signed): boolean => {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    try {
      return withStacks(one)
    } finally {
      Error.stackTraceLimit = limit
    }
  }
  return [verifying(OUR_FORM, signed, withoutStacks)]
}

/** `SEQUENCE { r INTEGER, s INTEGER }` of two halves in a row. */
function toDER(halves: Buffer): Buffer {
  const integer = (octets: Buffer): Buffer => {
    const first = octets.findIndex((octet) => octet !== 0)
    const value = octets.subarray(first === -1 ? octets.length - 1 : first)
    const padded = (value[0] as number) < 0x80 ? value : Buffer.concat([Buffer.from([0]), value])
    return Buffer.concat([Buffer.from([0x02, padded.length]), padded])
  }
  const content = [0, 32].map((at) => integer(halves.subarray(at, at + 32)))
  const length = content.reduce((sum, { length }) => sum + length, 0)
  return Buffer.concat([Buffer.from([0x30, length]), ...content])
}

function verifying(
  name: string,
  signed: readonly Signed[],
  isGood: (signed: Signed) => boolean,
): Contender<never> {
  const contender: Contender<Signed> = {
    name,
    prepare: () => signed,
    run: (one) => {
      if (!isGood(one)) throw new Error('the signature is wrong')
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

/** More than the cache holds by default. */
const ROTATION = 11_000

/** A server as it is after a while: it was shown more tokens than it remembers. */
export interface FullServer {
  readonly api: ResourceServer
  readonly tokens: readonly Buffer[]
  /** Which tokens come next; each was displaced before it comes again. */
  next(count: number): readonly number[]
}

export async function fullServer(
  signer: Signer,
  tokens: readonly Buffer[] = tokensOf(signer, ROTATION),
): Promise<FullServer> {
  const api = await createServer([signer])
  const [octets] = tokens as [Buffer]
  const before = await api.verify(fresh(octets))
  for (const one of tokens.slice(1)) await api.verify(fresh(one))
  // Who is remembered comes as the same object.
  if ((await api.verify(fresh(octets))) === before) throw new Error('the cache holds more than was thought')
  let at = 0
  const next = (): number => (at = (at + 1) % ROTATION)
  return { api, tokens, next: (count) => Array.from({ length: count }, next) }
}

/** What a server with more tokens than it remembers pays for each. */
async function displacing(signer: Signer, batch: number): Promise<Contender<never>> {
  const { api, tokens, next } = await fullServer(signer)
  return {
    name: 'displacing',
    prepare: () => next(batch).map((index) => fresh(tokens[index] as Buffer)),
    run: (token: string) => api.verify(token),
  } as unknown as Contender<never>
}
