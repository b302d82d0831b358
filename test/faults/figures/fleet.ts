import type { ResourceServer } from '@atjwt/core'

import { JWKS_URL, makeKey } from '../virtual-issuer.ts'
import { atMost, exactly, type History, told } from './figure.ts'
import { ask, FigureIssuer } from './issuer.ts'
import { VirtualTime } from './virtual-time.ts'

const INSTANCES = 50

/** The most of these times within one second. */
function mostInASecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1).length))
}

export const fleet: History = {
  name: '50 instances start together; when they fetch for the second time',
  async run() {
    using time = new VirtualTime()
    const key = makeKey('k1')
    const instances: { api: ResourceServer; issuer: FigureIssuer }[] = Array.from(
      { length: INSTANCES },
      () => {
        const issuer = new FigureIssuer(time, [key])
        return { api: issuer.serve(), issuer }
      },
    )
    for (let step = 0; step < 600 * 5; step += 1) {
      for (const { api } of instances) void ask(api, key.token)
      await time.advance(0.2)
    }
    const times = instances.map(({ issuer }) => issuer.fetches.filter(({ url }) => url === JWKS_URL)[1]?.at)
    const second = times.filter((at) => at !== undefined)
    for (const { api } of instances) await api.close()
    return [
      exactly('instances that refreshed ahead', second.length, INSTANCES),
      atMost('most of them in one second', (100 * mostInASecond(second)) / INSTANCES, 20, ' %'),
      told('seconds between the first and the last', Math.max(...second) - Math.min(...second), ' s'),
    ]
  },
}
