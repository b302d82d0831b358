import fc from 'fast-check'
import { expect, test, vi } from 'vitest'

import type { Runtime } from '../runtime/runtime.ts'
import { parseJSON } from './json.ts'
import { readNatively } from './native-json.ts'

// As on the web, where one reader reads everything.
vi.mock('#runtime', async (importOriginal) => ({
  ...(await importOriginal<Runtime>()),
  readNatively: undefined,
}))

test('nothing is read natively here', async () => {
  const { readNatively: here }: Runtime = await import('#runtime')
  expect(here).toBeUndefined()
})

test('reads what is read natively elsewhere, at every cost for which that is read', () => {
  let read = 0
  fc.assert(
    fc.property(fc.json(), fc.nat(3000), (text, maxCost) => {
      const value = readNatively(text, maxCost)
      if (value === undefined) return
      read += 1
      expect(parseJSON(text, maxCost)).toStrictEqual(value)
    }),
    { numRuns: 3000 },
  )
  expect(read).toBeGreaterThan(1000)
})

test.each(['{"a":1,"a":1}', '{"exp":1e400}', '"\\ud83d"', '{"a":1', '', 'nil'])('refuses %j', (text) => {
  expect(parseJSON(text)).toBeUndefined()
})
