import { createResourceServer, customFetch, type ResourceServer } from '@atjwt/core'

import { tokensOf } from './cold.ts'
import { atMost, type Run } from './figure.ts'
import { type Contender, type Costs, measure } from './rounds.ts'
import { bootstrap, estimate, growthExponent, ratio } from './statistics.ts'
import {
  AUDIENCE,
  codeOf,
  createServer,
  createSigner,
  fresh,
  padding,
  publish,
  type Signer,
} from './tokens.ts'

/** One size of what grows, with the tokens to verify at it. */
interface Step {
  readonly size: number
  readonly api: ResourceServer
  readonly tokens: readonly Buffer[]
}

/** Tokens of each size in a round. */
const BATCH = 300

/**
 * Part 7: what a verification costs as one thing grows. Keys are of Ed25519 where many are made, else of the algorithm
 * which is verified fastest, so that little hides behind the signature.
 */
export async function growth(run: Run): Promise<void> {
  const signer = createSigner('EdDSA')
  const characters = async (size: number): Promise<Step> => ({
    size,
    api: await createServer([signer]),
    tokens: tokensOf(signer, BATCH, size),
  })
  const groups = async (size: number): Promise<Step> => ({
    size,
    api: await createServer([signer], { maxTokenLength: 65_536 }),
    tokens: Array.from({ length: BATCH }, (_none, n) =>
      Buffer.from(signer.token({ groups: Array.from({ length: size }, (_group, m) => `g-${n}-${m}`) })),
    ),
  })
  await growing(run, 'characters', [500, 1000, 2000, 4000, 8000, 16_000], characters)
  await growing(run, 'groups', [1, 10, 100, 1000], groups)
  await constant(run, 'keys', [1, 10, 100], keysOf, 1.25)
  const one = createSigner('RS256')
  await constant(
    run,
    'issuers',
    [1, 10, 100, 1000],
    (size, refused) => issuersOf(one, size, refused),
    // What belongs to a few hundred issuers in turns does not stay in the caches of a processor. To search them costs more.
    2,
  )
}

/**
 * Claims of a token which is refused as soon as its issuer and key are found: with the signature cut off nothing is
 * computed, and since it is expired nobody suspects the key.
 */
const EXPIRED = { exp: 1_000_000_000, iat: 999_999_000 }

function octetsOf(token: string, refused: boolean): Buffer {
  return Buffer.from(refused ? token.slice(0, token.lastIndexOf('.') + 5) : token)
}

async function keysOf(size: number, refused: boolean): Promise<Step> {
  const signers = Array.from({ length: size }, (_none, n) => createSigner('EdDSA', `key-${n}`))
  const pads = signers.map((one) => padding(one, 800))
  const tokens = Array.from({ length: BATCH }, (_none, n) => {
    const token = (signers[n % size] as Signer).token({ ...pads[n % size], ...(refused ? EXPIRED : {}) })
    return octetsOf(token, refused)
  })
  return { size, api: await createServer(signers), tokens }
}

async function issuersOf(signer: Signer, size: number, refused: boolean): Promise<Step> {
  const names = Array.from(
    { length: size },
    (_none, n) => `https://issuer-${String(n).padStart(4, '0')}.example`,
  )
  const api = createResourceServer({
    issuer: names,
    audience: AUDIENCE,
    [customFetch]: (input, init) =>
      publish([signer], new URL(input instanceof Request ? input.url : input).origin)(input, init),
  })
  await api.ready()
  const pad = padding(signer, 780)
  const tokens = Array.from({ length: BATCH }, (_none, n) => {
    const claims = { ...pad, iss: names[(n * 7919) % size], ...(refused ? EXPIRED : {}) }
    return octetsOf(signer.token(claims), refused)
  })
  return { size, api, tokens }
}

/** Measures all sizes in the same rounds. */
async function costsOf(run: Run, steps: readonly Step[]): Promise<Costs> {
  const contenders = steps.map(({ size, api, tokens }) => {
    let forgetful = api
    return {
      name: String(size),
      prepare: () => {
        forgetful = api.with({ audience: AUDIENCE })
        return tokens.map(fresh)
      },
      run: (token: string) => codeOf(forgetful, token),
    }
  }) as unknown as Contender<never>[]
  return measure(contenders, run)
}

async function stepsOf(
  sizes: readonly number[],
  make: (size: number) => Promise<Step>,
  verdict: 'accepted' | 'signature_invalid',
): Promise<Step[]> {
  const steps: Step[] = []
  for (const size of sizes) {
    const step = await make(size)
    for (const octets of step.tokens) {
      const found = await codeOf(step.api, fresh(octets))
      if (found !== verdict) throw new Error(`a token of ${size} was ${found}, not ${verdict}`)
    }
    steps.push(step)
  }
  return steps
}

/** What a token holds may cost what it holds, and no more. */
async function growing(
  run: Run,
  what: string,
  sizes: readonly number[],
  make: (size: number) => Promise<Step>,
): Promise<void> {
  run.progress(`${what}: signing`)
  const costs = await costsOf(run, await stepsOf(sizes, make, 'accepted'))
  run.note(`${what}, CPU per token`)
  report(run, `growth.${what}`, what, costs)
  const exponent = bootstrap(roundsOf(costs), (drawn) => growthExponent(sizes, drawn))
  run.figure(
    `growth.${what}`,
    `exponent of what ${what} add to the cost at ${sizes[0]}`,
    '',
    exponent,
    atMost(1.2),
  )
}

/**
 * What a token does not hold must not matter to it. Next to a signature a short search does not show, so that the way to
 * the key is measured by itself too.
 */
async function constant(
  run: Run,
  what: string,
  sizes: readonly number[],
  make: (size: number, refused: boolean) => Promise<Step>,
  searchLimit: number,
): Promise<void> {
  const [smallest, largest] = [sizes[0] as number, sizes.at(-1) as number]
  for (const { refused, id, says, limit } of [
    { refused: false, id: `growth.${what}`, says: 'verified', limit: 1.25 },
    {
      refused: true,
      id: `growth.${what}.search`,
      says: 'refused once its key is found, no signature',
      limit: searchLimit,
    },
  ]) {
    run.progress(`${what}: signing`)
    const verdict = refused ? 'signature_invalid' : 'accepted'
    const costs = await costsOf(run, await stepsOf(sizes, (size) => make(size, refused), verdict))
    run.note(`${what}, CPU per token which is ${says}`)
    report(run, id, what, costs)
    const of = (size: number): readonly number[] => costs.get(String(size)) as readonly number[]
    run.figure(
      id,
      `cost with ${largest.toLocaleString('en')} ${what} to that with ${smallest}`,
      '×',
      ratio(of(largest), of(smallest)),
      atMost(limit),
    )
  }
}

/** The costs at all sizes, round by round. */
function roundsOf(costs: Costs): number[][] {
  const [first = [], ...others] = [...costs.values()]
  return first.map((cost, round) => [cost, ...others.map((of) => of[round] as number)])
}

function report(run: Run, id: string, what: string, costs: Costs): void {
  for (const [name, rounds] of costs)
    run.figure(`${id}.${name}`, `${Number(name).toLocaleString('en')} ${what}`, 'µs', estimate(rounds))
}
