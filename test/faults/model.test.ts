import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { History, KEYS, type Step } from './model.ts'
import { REGRESSIONS } from './regressions.ts'

/** Steps over all histories; `ATJWT_MODEL_STEPS` asks for more. */
const STEPS = Number(process.env['ATJWT_MODEL_STEPS'] ?? 100_000)
const LENGTH = 200

const key = fc.nat(KEYS - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('request' as const), token: key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('forged' as const), kid: key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('invented' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      seconds: fc.oneof(fc.constantFrom(0.1, 0.9, 1, 2, 29, 30, 60), fc.nat(900), fc.nat(4000)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      seconds: fc.integer({ min: -100_000, max: 100_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      keys: fc.uniqueArray(key, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      fault: fc.constantFrom('none', 'none', 'none', 'network', 'status', 'html', 'no keys', 'truncated'),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('deliver' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ready-aborted' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const), kid: key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const) }) },
)

let asked = 0

async function play(steps: readonly Step[]): Promise<void> {
  const history = new History()
  for (const each of steps) {
    // oxlint-disable-next-line no-await-in-loop -- a history is in order
    await history.run(each)
  }
  await history.end()
  asked += history.requests
}

describe('the key engine and its model', () => {
  test.for(REGRESSIONS)('agree: %s', async ([, steps]) => {
    asked = 0
    await play(steps)
    expect(asked).toBeGreaterThan(0)
  })

  // The lengths of histories are spread evenly, so two runs make one full length.
  test(`agree over ${STEPS} random steps`, { timeout: 300_000 }, async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: LENGTH, size: 'max' }), play), {
      numRuns: Math.ceil((2 * STEPS) / LENGTH),
      interruptAfterTimeLimit: 280_000,
      markInterruptAsFailure: true,
    })
    expect(asked).toBeGreaterThan(STEPS / 10)
  })
})
