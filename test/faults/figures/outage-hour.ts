import { ISSUER, makeKey } from '../virtual-issuer.ts'
import { atMost, exactly, type Figure, type History } from './figure.ts'
import { ask, FigureIssuer, type Misbehaviour } from './issuer.ts'
import { VirtualTime } from './virtual-time.ts'

/** Octets that were taken from bodies without an end. */
let taken = 0

const json = { headers: { 'content-type': 'application/json' } }

const KINDS: Readonly<Record<string, Misbehaviour>> = {
  'status 500': () => new Response('no', { status: 500 }),
  'HTML with 200': () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
  'connection reset': () => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) })
  },
  'a set without keys': () => new Response('{"keys":[]}', json),
  'redirect elsewhere': () =>
    new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/jwks' } }),
  hang: (_url, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        reject(new DOMException('aborted', 'AbortError'))
      })
    }),
  // What is seen of a compressed body while it inflates.
  'a body without an end': () => {
    const block = new Uint8Array(64 * 1024).fill(0x20)
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          taken += block.byteLength
          controller.enqueue(block)
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, json)
  },
}

async function hourOf(fault: Misbehaviour): Promise<{
  authorized: number
  waited: number
  elsewhere: number
  octets: number
}> {
  using time = new VirtualTime()
  const key = makeKey('k1')
  const issuer = new FigureIssuer(time, [key])
  const api = issuer.serve()
  const ready = api.ready()
  await time.advance(1)
  await ready
  const before = issuer.fetches.length
  taken = 0
  issuer.fault = fault
  let authorized = 0
  let waited = 0
  for (let minute = 1; minute <= 60; minute += 1) {
    await time.advance(54)
    const asked = time.now
    const answer = ask(api, key.token).then((code) => {
      if (code === 'authorized') authorized += 1
      waited = Math.max(waited, time.now - asked)
    })
    // A refresh that hangs meets its deadline in this time.
    await time.advance(6)
    await answer
  }
  await api.close()
  const during = issuer.fetches.slice(before)
  return {
    authorized,
    waited,
    elsewhere: during.filter(({ url }) => !url.startsWith(`${ISSUER}/`)).length,
    octets: taken / Math.max(1, during.length),
  }
}

export const outageHour: History = {
  name: 'an hour without the issuer, one valid request a minute',
  async run() {
    const figures: Figure[] = []
    let waited = 0
    let elsewhere = 0
    for (const [kind, fault] of Object.entries(KINDS)) {
      const hour = await hourOf(fault)
      figures.push(exactly(`authorized of 60: ${kind}`, hour.authorized, 60))
      waited = Math.max(waited, hour.waited)
      elsewhere += hour.elsewhere
      if (hour.octets > 0)
        figures.push(atMost('KiB read of a body without an end', hour.octets / 1024, 512 + 64))
    }
    figures.push(
      exactly('longest wait of a request', waited, 0, ' s'),
      exactly('redirects followed', elsewhere, 0),
    )
    return figures
  },
}
