// A server of its own process, which signs nothing. Gets a Beginning as a message, sends its port, answers with Times.
import { once } from 'node:events'
import { createServer as createHTTPServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { all, any, fromNode, group, type ResourceServer, role, scope } from '@atjwt/core'

import { AUDIENCE, createServer } from './tokens.ts'

/** A key set of one key, and tokens for a loop. */
export interface Beginning {
  readonly jwk: Record<string, unknown>
  readonly tokens: readonly string[]
}

/** Milliseconds of wall time which each verification took. */
export type Times = readonly number[]

process.once('disconnect', () => process.exit())
const [{ jwk, tokens }] = (await once(process, 'message')) as [Beginning]
const policy = all(scope('orders:read'), any(role('admin'), group('order-managers')))
const api = await createServer([{ jwk }])
/** For probes, by which what measures is compiled. */
const open = { authorize: async () => ({ ok: true }) } as unknown as Pick<ResourceServer, 'authorize'>

const server = createHTTPServer((request, response) => {
  void (async () => {
    const guard = request.url === '/orders' ? api : open
    const started = performance.now()
    const { ok } = await guard.authorize(fromNode(request), policy)
    const times: Times = [performance.now() - started]
    response.statusCode = ok ? 200 : 500
    response.end(JSON.stringify(request.url === '/loop' ? await loop() : times))
  })()
})

/** One token after the other, again and again, until everything is compiled. */
async function loop(): Promise<Times> {
  let times: number[] = []
  for (let round = 0; round < 60; round += 1) {
    // Another resource on the same keys has a memory of its own, which is empty.
    const another = api.with({ audience: AUDIENCE })
    times = []
    for (const token of tokens) {
      const started = performance.now()
      await another.verify(token)
      times.push(performance.now() - started)
    }
  }
  return times
}

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
