import { randomUUID } from 'node:crypto'

import type { ResourceRequest, ResourceServer } from '@atjwt/core'

import { inventedToken, makeKey } from '../virtual-issuer.ts'
import {
  atMost,
  below,
  exactly,
  type Figure,
  heapInUse,
  type History,
  median,
  MIB,
  told,
  toMilliseconds,
  ofMachine,
} from './figure.ts'
import { ask, FigureIssuer, requestWith } from './issuer.ts'
import { turn, VirtualTime } from './virtual-time.ts'

const SECONDS = 600
const STEPS_A_SECOND = 5

/** Valid requests in a row of which a time is the mean: what the first one finds in the processor's caches is luck. */
const ROW = 20

/** Microseconds of real time which a request with a valid token takes; it must not wait for the virtual clock. */
async function timeOf(api: ResourceServer, token: string): Promise<number> {
  const started = performance.now()
  for (let i = 0; i < ROW; i += 1) {
    const result = await api.authorize(requestWith(token))
    if (!result.ok) throw new Error(`a valid token was refused: ${result.error.code}`)
  }
  return ((performance.now() - started) * 1000) / ROW
}

interface Flooded {
  readonly fetches: number
  readonly accepted: number
  readonly unanswered: number
  /** Seconds from the publication of a key until its tokens pass. */
  readonly rotation: number
  readonly before: number
  readonly during: number
  readonly growth: number
}

/** Names nobody knows, `rate` a second; in the middle of them a new key is published. */
async function flood(rate: number, seconds: number, down: boolean): Promise<Flooded> {
  using time = new VirtualTime()
  const [old, next] = [makeKey('k1'), makeKey('k2')]
  const issuer = new FigureIssuer(time, [old])
  // So that many requests wait for each fetch.
  issuer.latency = 1
  const api = issuer.serve()
  const ready = api.ready()
  await time.advance(2)
  await ready
  if (down) issuer.fault = () => new Response('no', { status: 500 })

  let accepted = 0
  let answered = 0
  const count = (result: { ok: boolean }): void => {
    answered += 1
    if (result.ok) accepted += 1
  }
  const steps = seconds * STEPS_A_SECOND
  const batch = Math.round(rate / STEPS_A_SECOND)
  const make = (): ResourceRequest[] =>
    Array.from({ length: batch }, () => requestWith(inventedToken(randomUUID())))

  await warmUp()
  // The same rhythm as in the flood, which makes its tokens as well.
  const calm: number[] = []
  for (let step = 0; step < 30 * STEPS_A_SECOND; step += 1) {
    make()
    await turn()
    calm.push(await timeOf(api, old.token))
    await time.advance(1 / STEPS_A_SECOND)
  }
  const before = median(calm)
  let least = heapInUse()
  let growth = 0
  const weigh = (): void => {
    // From the least so far: what is given back in between must not hide what is kept.
    const heap = heapInUse()
    growth = Math.max(growth, heap - least)
    least = Math.min(least, heap)
  }
  const fetched = issuer.fetches.length

  const during: number[] = []
  let published = Number.NaN
  let rotation = Number.NaN
  let due = false
  let weighed = 0
  for (let step = 0; step < steps; step += 1) {
    for (const request of make()) void api.authorize(request).then(count)
    await turn()
    during.push(await timeOf(api, old.token))
    // As soon as the requests after an answer without it have come: the longest time until the next one.
    const last = issuer.fetches.at(-1)?.at ?? Number.POSITIVE_INFINITY
    const since = time.now - last - issuer.latency
    if (
      step >= steps / 2 &&
      Number.isNaN(published) &&
      since >= 1 / STEPS_A_SECOND &&
      since < 3 / STEPS_A_SECOND
    ) {
      issuer.keys = [old, next]
      published = time.now
    }
    if (Number.isNaN(rotation) && !Number.isNaN(published) && !down) {
      void ask(api, next.token).then((code) => {
        if (code === 'authorized' && Number.isNaN(rotation)) rotation = time.now - published
      })
    }
    await time.advance(1 / STEPS_A_SECOND)
    if (step % (steps / 10) === 0) due = true
    // Requests which wait for a fetch are no growth.
    if (due && answered === batch * (step + 1)) {
      weigh()
      weighed += 1
      due = false
    }
  }
  await time.advance(6)
  const fetches = issuer.fetches.length - fetched
  const latency = median(during)
  during.length = 0
  issuer.fetches.length = 0
  weigh()
  if (weighed < 5) throw new Error('the heap was not weighed during the flood')
  await api.close()
  return {
    fetches,
    accepted,
    unanswered: batch * steps - answered,
    rotation: toMilliseconds(rotation),
    before,
    during: latency,
    growth,
  }
}

let warm = false

/** A short flood on an instance of its own, which spends nobody's budget. */
async function warmUp(): Promise<void> {
  if (warm) return
  warm = true
  using time = new VirtualTime()
  const issuer = new FigureIssuer(time, [makeKey('k1')])
  const api = issuer.serve()
  for (let i = 0; i < 10_000; i += 1) {
    void api.authorize(requestWith(inventedToken(randomUUID())))
    if (i % 100 === 0) await time.advance(0.1)
  }
  await time.advance(6)
  await api.close()
}

export const unknownKids: History = {
  name: '10 min of tokens under invented key names',
  async run({ quick }) {
    const rate = quick ? 170 : 1670
    const up = await flood(rate, SECONDS, false)
    // Time on a shared machine is noisy upwards only: a lower ratio was possible, so it is the one that counts.
    let ratio = up.during / up.before
    for (let again = 0; again < 2 && ratio >= 2; again += 1) {
      const other = await flood(rate, SECONDS / 10, false)
      ratio = Math.min(ratio, other.during / other.before)
    }
    const down = await flood(rate, SECONDS, true)
    const figures: Figure[] = [
      told('invented names sent', rate * SECONDS),
      atMost('fetches', up.fetches, 22),
      exactly('invented names accepted or left without an answer', up.accepted + up.unanswered, 0),
      atMost('a new key is known after', up.rotation, 30, ' s'),
      ofMachine(below('heap growth', up.growth / MIB, 2, ' MiB')),
      told('a valid token before (real time, median)', up.before, ' µs'),
      told('a valid token meanwhile (real time, median)', up.during, ' µs'),
      ofMachine(below('ratio of the two', ratio, 2)),
      atMost('fetches while the issuer is down', down.fetches, 16),
      exactly('accepted or left without an answer while it is down', down.accepted + down.unanswered, 0),
      ofMachine(below('heap growth while it is down', down.growth / MIB, 2, ' MiB')),
    ]
    return figures
  },
}
