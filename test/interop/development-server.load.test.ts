import { createDevelopmentServer } from '@atjwt/testing/server'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { expect, test } from 'vitest'

import { type Kind, KINDS } from './load/flood.ts'
import { runFlood } from './load/run.ts'

test('under a flood of bad assertions each is answered rightly, a valid client is served, and the heap stays flat', async () => {
  const { answers, valid, heap, perSecond } = await runFlood(2)
  const expected = (Object.keys(KINDS) as Kind[]).map((kind) => `${kind}: ${KINDS[kind].join(' ')}`)
  expect(Object.keys(answers).toSorted()).toEqual(expected.toSorted())
  expect(valid.sent).toBeGreaterThan(5)
  expect(valid.granted).toBe(valid.sent)
  expect(perSecond).toBeGreaterThan(100)
  const [start, ...later] = heap as [number, ...number[]]
  expect(later).toHaveLength(4)
  expect(Math.max(...later)).toBeLessThan(start + 32)
})

test('a limiter counts failures by client and address: 429 with Retry-After, and other clients are served', async () => {
  const server = createDevelopmentServer({
    config: {
      clients: [
        { client_id: 'one', client_secret: 'first' },
        { client_id: 'two', client_secret: 'second' },
      ],
    },
    limits: { failures: new RateLimiterMemory({ points: 3, duration: 60 }) },
  })
  const ask = (client: string, secret: string): Promise<Response> =>
    server.fetch(
      new Request(`${server.origin}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${client}:${secret}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      }),
    )
  const statuses: number[] = []
  for (let i = 0; i < 4; i += 1) statuses.push((await ask('one', 'guess')).status)
  expect(statuses).toEqual([401, 401, 401, 429])
  const locked = await ask('one', 'first')
  expect(locked.status).toBe(429)
  expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await ask('two', 'second')).status).toBe(200)
})
