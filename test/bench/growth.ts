import { createResourceServer, customFetch, type ResourceServer } from '@atjwt/core'

import { tokensOf } from './cold.ts'
import { atMost, type Run } from './figure.ts'
import { type Contender, measure } from './rounds.ts'
import { estimate, exact, exponent, median } from './statistics.ts'
import { AUDIENCE, createServer, createSigner, fresh, padding, publish, type Signer } from './tokens.ts'

/** One size of what grows, with the tokens to verify at it. */
interface Step {
  readonly size: number
  readonly api: ResourceServer
  readonly tokens: readonly Buffer[]
}

const BATCH = 200

/** Part 7: what a verification costs as one thing grows. Ed25519, so that little hides behind the signature. */
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
  const keys = async (size: number): Promise<Step> => {
    const signers = Array.from({ length: size }, (_none, n) => createSigner('EdDSA', `key-${n}`))
    const pads = signers.map((one) => padding(one, 800))
    const tokens = Array.from({ length: BATCH }, (_none, n) => {
      const one = signers[n % size] as Signer
      return Buffer.from(one.token(pads[n % size]))
    })
    return { size, api: await createServer(signers), tokens }
  }
  const issuers = async (size: number): Promise<Step> => {
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
    const tokens = Array.from({ length: BATCH }, (_none, n) =>
      Buffer.from(signer.token({ ...pad, iss: names[(n * 7919) % size] })),
    )
    return { size, api, tokens }
  }
  await fit(run, 'characters', [500, 1000, 2000, 4000, 8000, 16_000], characters)
  await fit(run, 'groups', [1, 10, 100, 1000], groups)
  await fit(run, 'keys', [1, 10, 100], keys)
  await fit(run, 'issuers', [1, 10, 100, 1000], issuers)
}

async function fit(
  run: Run,
  what: string,
  sizes: readonly number[],
  make: (size: number) => Promise<Step>,
): Promise<void> {
  const steps: Step[] = []
  for (const size of sizes) steps.push(await make(size))
  const contenders = steps.map(({ size, api, tokens }) => {
    let forgetful = api
    return {
      name: String(size),
      prepare: () => {
        forgetful = api.with({ audience: AUDIENCE })
        return tokens.map(fresh)
      },
      run: (token: string) => forgetful.verify(token),
    }
  }) as unknown as Contender<never>[]
  const costs = await measure(contenders, run)
  run.note(`${what}, CPU per token`)
  for (const [name, rounds] of costs) {
    run.figure(
      `growth.${what}.${name}`,
      `${Number(name).toLocaleString('en')} ${what}`,
      'µs',
      estimate(rounds),
    )
  }
  const points = [...costs].map(([name, rounds]) => [Number(name), median(rounds)] as const)
  run.figure(`growth.${what}`, `exponent over ${what}`, '', exact(exponent(points)), atMost(1.2))
}
