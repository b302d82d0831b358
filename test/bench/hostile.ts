import type { ResourceServer } from '@atjwt/core'

import { fullServer, tokensOf } from './cold.ts'
import { atMost, type Run } from './figure.ts'
import { forgeries, type KeyKind, keyKinds } from './hostile-keys.ts'
import { DEEP, Forger, largest, readable, type Shape } from './hostile-tokens.ts'
import { durations, STALL, type Stalls, stallsDuring, stallsOfNothing, type Taken } from './loop-delay.ts'
import { type Contender, measure, shuffled } from './rounds.ts'
import { type Estimate, estimate, exact, generator, quantile, ratio } from './statistics.ts'
import { claimsOf, codeOf, createServer, createSigner, fresh, type Signer } from './tokens.ts'

/** Characters: the most that `maxTokenLength` can be set to, and what it is otherwise. */
const [MAX, DEFAULT] = [65_536, 16_384]

/** Part 4: what an attacker can make a verification cost. */
export async function hostile(run: Run): Promise<void> {
  const signer = createSigner('RS256')
  await worstTokens(run, signer)
  await worstKey(run)
  await badSignatures(run, signer)
}

/** Something which a server is made to refuse. */
interface Attack {
  readonly name: string
  readonly api: ResourceServer
  /** The code with which all of it is refused: what is refused earlier than it is said to be measures nothing. */
  readonly code: string
  /** Octets of new tokens. */
  make(count: number): readonly Buffer[]
}

async function refuse({ name, api, code }: Attack, token: string): Promise<void> {
  const found = await codeOf(api, token)
  if (found !== code) throw new Error(`${name}: ${found} where ${code} was expected`)
}

/** What each of many refusals takes, without the garbage of what made the tokens. */
async function taking(attack: Attack, count: number): Promise<readonly Taken[]> {
  const octets = attack.make(count)
  globalThis.gc?.()
  return durations(octets, fresh, (token) => refuse(attack, token))
}

/** The longest of 99 in a hundred. */
type Tail = Taken

function tailOf(taken: readonly Taken[]): Tail {
  const of = (kind: keyof Tail): number =>
    quantile(
      taken.map((one) => one[kind]),
      0.99,
    )
  return { held: of('held'), wall: of('wall'), cpu: of('cpu') }
}

/** By attack and round, in turns and in another order each time. */
type Tails = ReadonlyMap<Attack, readonly Tail[]>

async function tails(attacks: readonly Attack[], rounds: number, count: number): Promise<Tails> {
  const found = new Map<Attack, Tail[]>(attacks.map((attack) => [attack, []]))
  const random = generator(attacks.length)
  for (let round = 0; round < rounds; round += 1) {
    for (const attack of shuffled(attacks, random))
      found.get(attack)?.push(tailOf(await taking(attack, count)))
  }
  return found
}

const tailBy = (kind: keyof Tail, attack: Attack, found: Tails): Estimate =>
  estimate((found.get(attack) as readonly Tail[]).map((tail) => tail[kind]))

/** The attacks, the dearest first. */
function dearest(found: Tails, kind: keyof Tail): Attack[] {
  const cost = (attack: Attack): number => tailBy(kind, attack, found).value
  return [...found.keys()].toSorted((a, b) => cost(b) - cost(a))
}

/** Refusals before one is counted: until everything is compiled. */
const WARM_UP = 300
/** One look at each shape tells which may be the dearest; rounds tell which is. */
const FINALISTS = 6

/** Tokens for each shape, as large as they are read within a length. */
async function attacksWithin(signer: Signer, length: number): Promise<readonly Attack[]> {
  const api = await createServer([signer], { maxTokenLength: length })
  const forger = new Forger(signer)
  const sizeOf = (shape: Shape): Promise<number> =>
    largest(async (size) => {
      const token = forger.forge(shape, size)
      // Later tokens have longer serial numbers.
      return token.length + 100 <= length && (await codeOf(api, token)) === 'signature_invalid'
    })
  const depth = await sizeOf(DEEP)
  const attacks: Attack[] = []
  for (const shape of readable(depth)) {
    const size = await sizeOf(shape)
    if (size === 0) throw new Error(`${shape.name}: none is read to the end`)
    const make = (count: number): Buffer[] =>
      Array.from({ length: count }, () => Buffer.from(forger.forge(shape, size)))
    attacks.push({ name: `${size.toLocaleString('en')} ${shape.name}`, api, code: 'signature_invalid', make })
  }
  return attacks
}

/** Tokens of this length which are refused before a key is asked. */
async function attacksRefusedEarly(signer: Signer, length: number): Promise<readonly Attack[]> {
  const api = await createServer([signer], { maxTokenLength: length })
  return new Forger(signer).refusedEarly(length).map(({ name, code, make: one }) => ({
    name,
    api,
    code,
    make: (count) => Array.from({ length: count }, () => Buffer.from(one())),
  }))
}

async function worstTokens(run: Run, signer: Signer): Promise<void> {
  const read = await attacksWithin(signer, MAX)
  const attacks = [...read, ...(await attacksRefusedEarly(signer, MAX))]
  await worstOf(run, attacks, { id: 'hostile', where: 'with 64 KiB allowed' })
  await stalls(run, read, { id: 'hostile', what: 'hostile tokens of 64 KiB' })
  const usual = await attacksWithin(signer, DEFAULT)
  await worstOf(run, usual, { id: 'hostile.default', where: 'with 16 KiB, the default' })
  await stalls(run, usual, { id: 'hostile.default', what: 'hostile tokens of 16 KiB' })
}

async function worstOf(
  run: Run,
  attacks: readonly Attack[],
  { id, where }: { readonly id: string; readonly where: string },
): Promise<void> {
  run.note(
    `${attacks.length} shapes of tokens ${where}, each with names and strings of its own; how long one holds the loop`,
  )
  const seen = new Map<Attack, readonly Tail[]>()
  for (const [index, attack] of attacks.entries()) {
    run.progress(`${index + 1} of ${attacks.length}: ${attack.name}`)
    await taking(attack, WARM_UP)
    seen.set(attack, [tailOf(await taking(attack, 100))])
  }
  const finalists = dearest(seen, 'held').slice(0, FINALISTS)
  run.progress(`the ${FINALISTS} dearest, ${run.rounds} rounds`)
  const found = await tails(finalists, run.rounds, run.full ? 300 : 200)
  const [worst, ...others] = dearest(found, 'held') as [Attack, ...Attack[]]
  for (const attack of others)
    run.figure(`${id}.${attack.name}`, `p99 of ${attack.name}`, 'ms', tailBy('held', attack, found))
  run.figure(`${id}.p99`, `p99 of the dearest: ${worst.name}`, 'ms', tailBy('held', worst, found), atMost(1))
  run.figure(`${id}.cpu`, 'the same as CPU time of all threads', 'ms', tailBy('cpu', worst, found))
}

/** Tokens of all these kinds come one after the other, each in a turn of its own. */
async function stalls(
  run: Run,
  attacks: readonly Attack[],
  { id, what }: { readonly id: string; readonly what: string },
): Promise<void> {
  const perAttack = Math.ceil((run.full ? 800 : 480) / attacks.length)
  const [hostile, nothing]: [Stalls[], Stalls[]] = [[], []]
  for (let round = 0; round < run.rounds; round += 1) {
    run.progress(`stalls under ${what}, round ${round + 1} of ${run.rounds}`)
    const arriving = attacks.flatMap((attack) => attack.make(perAttack).map((octets) => ({ attack, octets })))
    const mixed = shuffled(arriving, generator(round))
    globalThis.gc?.()
    const found = await stallsDuring(async () => {
      const next = mixed.pop()
      if (next === undefined) return false
      await refuse(next.attack, fresh(next.octets))
      return true
    })
    hostile.push(found)
    globalThis.gc?.()
    nothing.push(await stallsOfNothing(found.elapsed))
  }
  const arrived = (run.rounds * attacks.length * perAttack).toLocaleString('en')
  run.note(
    `${arrived} ${what} arrive, each in a turn of its own; wall time between turns, collections of garbage included`,
  )
  const longest = (rounds: readonly Stalls[]): number[] => rounds.map((round) => round.longest)
  const count = (rounds: readonly Stalls[]): number => rounds.reduce((sum, round) => sum + round.count, 0)
  const same = 'the same of a loop which does nothing'
  run.figure(`${id}.stall`, 'the longest stall of a round', 'ms', estimate(longest(hostile)), atMost(STALL))
  run.figure(`${id}.stall.nothing`, same, 'ms', estimate(longest(nothing)))
  run.figure(`${id}.stall.max`, 'the longest stall of all rounds', 'ms', exact(Math.max(...longest(hostile))))
  run.figure(`${id}.stall.nothing.max`, same, 'ms', exact(Math.max(...longest(nothing))))
  run.figure(`${id}.stall.count`, `stalls of more than ${STALL} ms`, '', exact(count(hostile)))
  run.figure(`${id}.stall.nothing.count`, same, '', exact(count(nothing)))
}

/** What a set of keys of one kind makes a forgery cost. */
async function attackOn(kind: KeyKind, keys: number): Promise<Attack> {
  // With `kid` one key is asked, without it all of them.
  const kid = keys === 1 ? 'worst' : undefined
  const signers = Array.from({ length: keys }, () => ({ jwk: kind.jwk(kid) }))
  const api = await createServer(signers, { algorithms: [kind.alg] })
  return {
    name: kind.name,
    api,
    code: 'signature_invalid',
    make: (count) => forgeries(kind, kid, count, () => claimsOf({})),
  }
}

/** As many keys as are tried at most for a token that names none. */
const CANDIDATES = 4

async function worstKey(run: Run): Promise<void> {
  const kinds = keyKinds()
  const attacks = new Map<Attack, KeyKind>()
  for (const kind of kinds) attacks.set(await attackOn(kind, 1), kind)
  for (const attack of attacks.keys()) await taking(attack, WARM_UP)
  const found = await tails([...attacks.keys()], run.rounds, 200)
  run.note(`${kinds.length} kinds of keys, a token which names one; how long it holds the loop`)
  const [worst, ...others] = dearest(found, 'held') as [Attack, ...Attack[]]
  for (const attack of others)
    run.figure(`hostile.key.${attack.name}`, `p99, ${attack.name}`, 'ms', tailBy('held', attack, found))
  const held = tailBy('held', worst, found)
  run.figure('hostile.key.p99', `p99 of the dearest: ${worst.name}`, 'ms', held, atMost(1))
  // A thread of the pool computes with some keys, which holds nobody up but takes its time all the same.
  const [slowest] = dearest(found, 'cpu') as [Attack]
  run.figure('hostile.key.cpu', `p99 of CPU time, ${slowest.name}`, 'ms', tailBy('cpu', slowest, found))
  run.figure('hostile.key.wall', 'the same until it is refused', 'ms', tailBy('wall', slowest, found))

  for (const attack of new Set([worst, slowest])) {
    const id = `hostile.key.${attack === worst ? 'worst' : 'slowest'}`
    const withoutKid = await attackOn(attacks.get(attack) as KeyKind, CANDIDATES)
    await taking(withoutKid, WARM_UP)
    const candidates = await tails([withoutKid], run.rounds, 200)
    const what = `p99 without \`kid\`, ${CANDIDATES} of ${attack.name} tried`
    run.figure(`${id}.candidates`, what, 'ms', tailBy('held', withoutKid, candidates))
    const wall = tailBy('wall', withoutKid, candidates)
    run.figure(`${id}.candidates.wall`, 'the same until it is refused', 'ms', wall)
    await stalls(run, [withoutKid], { id, what: `forgeries without \`kid\` under ${attack.name}` })
  }
}

async function badSignatures(run: Run, signer: Signer): Promise<void> {
  const { api, tokens, next } = await fullServer(signer)
  // Another, for a token stays remembered while its signature comes.
  const attacked = await fullServer(signer, tokens)
  const genuine = attacked.next(400).map((index) => tokens[index] as Buffer)
  for (const octets of genuine) await attacked.api.verify(fresh(octets))
  /** Each with the signature of the next. */
  const forge = (octets: readonly Buffer[]): readonly Buffer[] =>
    octets.map((one, n) => {
      const token = fresh(one)
      const other = fresh(octets[(n + 1) % octets.length] as Buffer)
      return Buffer.from(token.slice(0, token.lastIndexOf('.')) + other.slice(other.lastIndexOf('.')))
    })
  // Here, for what makes them would leave garbage to those who are measured.
  const [bad, known] = [forge(tokensOf(signer, 400)), forge(genuine)]
  const garbage = (n: number): string => `garbage-${n}-${'x'.repeat(780)}`
  // In one piece, as a request brings it.
  const flat = (text: string): string => fresh(Buffer.from(text))
  const contenders = [
    {
      name: 'good',
      prepare: () => next(400).map((index) => fresh(tokens[index] as Buffer)),
      // By the same caller as those which are refused.
      run: (token: string) => codeOf(api, token),
    },
    {
      name: 'bad',
      prepare: () => bad.map(fresh),
      run: (token: string) => codeOf(api, token),
    },
    {
      name: 'bad under a known signature',
      prepare: () => known.map(fresh),
      run: (token: string) => codeOf(attacked.api, token),
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
  run.note(
    'RS256, tokens of 800 characters, a server which remembers as many as it may, CPU per token, the error included',
  )
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
  )
  run.figure('hostile.garbage', 'garbage without dots', 'µs', estimate(of('garbage')), atMost(5))
  run.figure('hostile.garbage.parts', 'garbage in three parts', 'µs', estimate(of('no JSON')), atMost(5))
}
