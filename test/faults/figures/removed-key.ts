import { JWKS_URL, makeKey } from '../virtual-issuer.ts'
import { atMost, exactly, type Figure, type History, toMilliseconds } from './figure.ts'
import { ask, FigureIssuer, type Misbehaviour } from './issuer.ts'
import { VirtualTime } from './virtual-time.ts'

/** Seconds between requests. */
const GAP = 0.1

const KINDS: Readonly<Record<string, Misbehaviour>> = {
  'status 500': () => new Response('no', { status: 500 }),
  'connection reset': () => {
    throw new TypeError('fetch failed')
  },
  hang: (_url, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        reject(new DOMException('aborted', 'AbortError'))
      })
    }),
}

interface Removal {
  /** Seconds from the moment the key set is reachable without the key until its tokens are refused. */
  readonly after: number
  /** Tokens of the removed key which were accepted when a set without it had been fetched. */
  readonly late: number
}

/** Seconds until an issuer that is away is asked once in the longest pause. */
const OUTAGE = 200

/** A key is removed while the issuer is away; it returns `phase` seconds after it was asked in vain. */
async function removal(fault: Misbehaviour, phase: number): Promise<Removal> {
  using time = new VirtualTime()
  const [removed, kept] = [makeKey('k1'), makeKey('k2')]
  const issuer = new FigureIssuer(time, [removed, kept])
  const api = issuer.serve()
  const ready = api.ready()
  await time.advance(540)
  await ready

  const verdicts: { readonly at: number; readonly code: string }[] = []
  const run = async (seconds: number): Promise<void> => {
    for (const end = time.now + seconds; time.now < end;) {
      const at = time.now
      void ask(api, removed.token).then((code) => verdicts.push({ at, code }))
      await time.advance(GAP)
    }
  }
  issuer.fault = fault
  await run(OUTAGE)
  const asked = issuer.fetches.length
  while (issuer.fetches.length === asked) await run(GAP)
  await run(phase)
  issuer.fault = undefined
  issuer.keys = [kept]
  const back = time.now
  await run(75)
  await api.close()

  const refused = verdicts.find(({ at, code }) => at >= back && code !== 'authorized')
  const good = issuer.fetches.find(({ url, at }) => url === JWKS_URL && at >= back)
  if (refused === undefined || good === undefined) return { after: Number.POSITIVE_INFINITY, late: 0 }
  const known = good.at + issuer.latency
  return {
    after: toMilliseconds(refused.at - back),
    late: verdicts.filter(({ at, code }) => at > known && code === 'authorized').length,
  }
}

export const removedKey: History = {
  name: 'a key is removed while the issuer is away',
  async run({ quick }) {
    const figures: Figure[] = []
    for (const [kind, fault] of Object.entries(KINDS)) {
      let slowest = 0
      let late = 0
      // The moment of the return decides; the longest pause is tried from its beginning to its end.
      for (let phase = 0; phase < 60; phase += quick ? 20 : 4) {
        const { after, late: wrong } = await removal(fault, phase)
        slowest = Math.max(slowest, after)
        late += wrong
      }
      figures.push(
        // The longest pause. A request must come, before and after.
        atMost(`refused after the key set is reachable: ${kind}`, slowest, 60 + 2 * GAP, ' s'),
        exactly('accepted after the first good answer', late, 0),
      )
    }
    return figures
  },
}
