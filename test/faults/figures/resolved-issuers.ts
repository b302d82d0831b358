import type { TrustedIssuer } from '@atjwt/core'

import { clock, createResourceServer, customFetch } from '@atjwt/core'

import { AUDIENCE, LIFETIME, makeKey, makeToken } from '../virtual-issuer.ts'
import { atMost, below, exactly, heapInUse, type History, MIB, told, ofMachine } from './figure.ts'
import { statusOf } from './issuer.ts'
import { VirtualTime } from './virtual-time.ts'

/** Issuers after the first ones have filled every table. */
const MORE = 2000

export const resolvedIssuers: History = {
  name: 'issuers of a resolver, then as many which it does not know',
  async run({ quick }) {
    const many = quick ? 3000 : 10_000
    using time = new VirtualTime()
    const key = makeKey('k1')
    let fetches = 0
    const api = createResourceServer({
      issuer: async (iss): Promise<TrustedIssuer | undefined> =>
        iss.endsWith('.known.example') ? { issuer: iss } : undefined,
      audience: AUDIENCE,
      maxTokenLifetime: LIFETIME,
      // Full when the first issuers have been seen, as the default is in the long run.
      ...(quick ? { cache: { max: 2048 } } : {}),
      [clock]: () => time.now,
      [customFetch]: async (input) => {
        fetches += 1
        const { origin, pathname } = new URL(String(input))
        return Response.json(
          pathname === '/jwks' ? { keys: [key.jwk] } : { issuer: origin, jwks_uri: `${origin}/jwks` },
        )
      },
    })
    const ask = async (host: string): Promise<number> =>
      statusOf(api, makeToken('k1', key.privateKey, { iss: `https://${host}` }))

    const [rss, empty] = [process.memoryUsage().rss, heapInUse()]
    let authorized = 0
    let states = 0
    for (let i = 0; i < many; i += 1) {
      if ((await ask(`t${i}.known.example`)) === 200) authorized += 1
      if (i % 100 === 99) states = Math.max(states, api.status().length)
    }
    const full = heapInUse()
    const resident = process.memoryUsage().rss
    for (let i = 0; i < MORE; i += 1) if ((await ask(`m${i}.known.example`)) === 200) authorized += 1
    const more = heapInUse()
    const known = fetches
    let refused = 0
    for (let i = 0; i < many; i += 1) if ((await ask(`t${i}.fake.example`)) === 401) refused += 1
    await api.close()
    return [
      exactly('authorized', authorized, many + MORE),
      atMost('states kept at a time', states, 2048),
      // Verified tokens, for 10,000 of which the cache allows 32 MiB, and the keys of 2,048 issuers.
      ofMachine(
        below('heap growth until every table is full', (full - empty) / MIB, quick ? 24 : 64, ' MiB'),
      ),
      ofMachine(
        below(`heap growth over ${MORE.toLocaleString('en')} issuers more`, (more - full) / MIB, 2, ' MiB'),
      ),
      told('resident memory gained meanwhile', (resident - rss) / MIB, ' MiB'),
      exactly('unknown issuers refused', refused, many),
      exactly('fetches for them', fetches - known, 0),
    ]
  },
}
