import { JWKS_URL, makeKey } from '../virtual-issuer.ts'
import { exactly, type History } from './figure.ts'
import { FigureIssuer, requestWith } from './issuer.ts'
import { VirtualTime } from './virtual-time.ts'

const CALLERS = 1000
const TENANT = 'https://issuer.example/tenant'

export const coldStart: History = {
  name: 'a cold start: 1,000 requests at once, the first caller goes away',
  async run() {
    using time = new VirtualTime()
    const key = makeKey('k1', TENANT)
    // At the last of the well-known places, so that all of them are asked.
    const issuer = new FigureIssuer(time, [key], TENANT, `${TENANT}/.well-known/openid-configuration`)
    const api = issuer.serve()
    const caller = new AbortController()
    const gone = api.ready(caller.signal).then(
      () => 'ready',
      () => 'aborted',
    )
    let authorized = 0
    const asked = Array.from({ length: CALLERS }, async () => {
      const { ok } = await api.authorize(requestWith(key.token))
      if (ok) authorized += 1
    })
    await time.advance(issuer.latency / 2)
    caller.abort()
    await time.advance(1)
    const [outcome] = await Promise.all([gone, ...asked])
    await api.close()
    const counts = issuer.counts()
    const sets = counts.get(JWKS_URL) ?? 0
    counts.delete(JWKS_URL)
    return [
      exactly('first callers aborted', outcome === 'aborted' ? 1 : 0, 1),
      exactly(`authorized of the others`, authorized, CALLERS),
      exactly('places asked for metadata', counts.size, 3),
      exactly('fetches of the place asked most', Math.max(...counts.values()), 1),
      exactly('fetches of the key set', sets, 1),
    ]
  },
}
