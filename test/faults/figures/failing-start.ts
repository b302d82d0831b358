import { makeKey } from '../virtual-issuer.ts'
import { atMost, below, exactly, type Figure, type History, toMilliseconds, ofMachine } from './figure.ts'
import { FigureIssuer, type Misbehaviour, requestWith, statusOf } from './issuer.ts'
import { VirtualTime } from './virtual-time.ts'

const REQUESTS = 1000
const SECONDS = 8
/** Seconds between the requests which look for the issuer's return. */
const STEP = 0.02

const KINDS: Readonly<Record<string, Misbehaviour>> = {
  'status 500': () => new Response('no', { status: 500 }),
  'connection refused': () => {
    throw new TypeError('fetch failed', {
      cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    })
  },
}

/** What 99 of 100 values do not exceed: a pause of the machine is not one of the code. */
const slow = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN

async function startOf(kind: string, fault: Misbehaviour): Promise<Figure[]> {
  using time = new VirtualTime()
  const key = makeKey('k1')
  const issuer = new FigureIssuer(time, [key])
  issuer.fault = fault
  const api = issuer.serve()
  let failed = false
  let unavailable = 0
  let waited = 0
  const taken: number[] = []
  const answers: Promise<void>[] = []
  for (let i = 0; i < REQUESTS; i += 1) {
    const [asked, started, late] = [time.now, performance.now(), failed]
    answers.push(
      api.authorize(requestWith(key.token)).then((result) => {
        failed = true
        if (!result.ok && result.response.status === 503) unavailable += 1
        if (!late) return
        waited = Math.max(waited, time.now - asked)
        // What waits for the virtual clock spends real time in its steps.
        if (time.now === asked) taken.push(performance.now() - started)
      }),
    )
    await time.advance(SECONDS / REQUESTS)
  }
  await time.advance(1)
  await Promise.all(answers)
  const fetches = issuer.fetches.filter(({ at }) => at < time.now - 1).length

  // It returns just after it was asked in vain: the longest time until it is asked again.
  const asked = issuer.fetches.length
  while (issuer.fetches.length === asked) {
    void statusOf(api, key.token)
    await time.advance(STEP)
  }
  await time.advance(issuer.latency)
  issuer.fault = undefined
  const back = time.now
  let recovery = Number.NaN
  while (Number.isNaN(recovery) && time.now - back < 60) {
    void statusOf(api, key.token).then((status) => {
      if (status === 200 && Number.isNaN(recovery)) recovery = time.now - back
    })
    await time.advance(STEP)
  }
  await time.advance(6)
  await api.close()
  return [
    exactly(`answered 503 of ${REQUESTS}: ${kind}`, unavailable, REQUESTS),
    atMost('fetches', fetches, 5),
    below('longest wait once the first has failed', waited * 1000, 50, ' ms'),
    ofMachine(below('an answer without a wait (real time, slowest 1 %)', slow(taken), 50, ' ms')),
    atMost('the first 200 comes after', toMilliseconds(recovery), 2.5, ' s'),
  ]
}

export const failingStart: History = {
  name: '1,000 requests in 8 s, the issuer fails from the start',
  async run() {
    const figures: Figure[] = []
    for (const [kind, fault] of Object.entries(KINDS)) figures.push(...(await startOf(kind, fault)))
    return figures
  },
}
