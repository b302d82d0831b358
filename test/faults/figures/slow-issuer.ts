import { makeKey } from '../virtual-issuer.ts'
import { atMost, exactly, type History } from './figure.ts'
import { FigureIssuer, requestWith } from './issuer.ts'
import { turn, VirtualTime } from './virtual-time.ts'

const SECONDS = 3600

export const slowIssuer: History = {
  name: 'an hour of traffic; keys live 10 min, each document takes 2 s',
  async run({ quick }) {
    using time = new VirtualTime()
    const key = makeKey('k1')
    const issuer = new FigureIssuer(time, [key])
    issuer.latency = 2
    issuer.lifetime = 600
    const api = issuer.serve()
    const first = api.authorize(requestWith(key.token))
    await time.advance(4)
    await first

    // Ten times a second a tenth of the rate: many instants, so that requests fall into every refresh.
    const batch = quick ? 10 : 100
    let asked = 0
    let authorized = 0
    let waited = 0
    const count = (result: { ok: boolean }): void => {
      answered += 1
      if (result.ok) authorized += 1
    }
    let answered = 0
    for (let tenth = 0; tenth < SECONDS * 10; tenth += 1) {
      for (let i = 0; i < batch; i += 1) void api.authorize(requestWith(key.token)).then(count)
      asked += batch
      // The clock stands still, so only what waits for nothing is answered now.
      await turn()
      waited += asked - answered
      await time.advance(0.1)
    }
    await api.close()
    return [
      exactly('authorized', authorized, asked),
      exactly('requests that waited after the first', waited, 0),
      atMost('fetches', issuer.fetches.length, 10),
    ]
  },
}
