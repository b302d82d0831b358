import { expect, test } from 'vitest'

import { limit } from './limits.ts'

const denialOf = (consume: () => unknown) => limit({ consume: consume as never }, 'key', 1)

test('limit() accepts what the limiter resolves with, whatever it is', async () => {
  expect(await denialOf(() => Promise.resolve({ remainingPoints: 1 }))).toBeUndefined()
  expect(await denialOf(() => undefined)).toBeUndefined()
})

test('limit() waits as long as the limiter says, from a second to a day', async () => {
  for (const [msBeforeNext, retryAfter] of [
    [0, 1],
    [5000, 5],
    [1e12, 86_400],
  ] as const) {
    const denial = await denialOf(() => Promise.reject({ msBeforeNext }))
    expect([denial?.code, denial?.details.retryAfter]).toEqual(['rate_limited', retryAfter])
  }
})

test('limit() refuses when the limiter throws, rejects without a time or never answers', async () => {
  const limiters = [
    () => {
      throw new Error('no connection')
    },
    () => Promise.reject(new Error('no connection')),
    () => Promise.reject({ msBeforeNext: Number.NaN }),
    () =>
      Promise.reject({
        get msBeforeNext() {
          throw new Error('no connection')
        },
      }),
    () => new Promise(() => {}),
  ]
  for (const consume of limiters) expect((await denialOf(consume))?.code).toBe('rate_limiter_failed')
})
