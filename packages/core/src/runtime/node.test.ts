import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'

import { afterEach, expect, test, vi } from 'vitest'

import { resolveHost } from './node.ts'

function looksUp(lookup: () => Promise<readonly string[]>): void {
  vi.spyOn(dns, 'lookup').mockImplementation((async () =>
    (await lookup()).map((address) => ({ address, family: 4 }))) as never)
  syncBuiltinESMExports()
}

afterEach(() => {
  vi.restoreAllMocks()
  syncBuiltinESMExports()
})

test.each([
  [['93.184.215.14', '10.0.0.1'], 'origin_refused'],
  [['::1'], 'origin_refused'],
  [['93.184.215.14'], undefined],
])('resolveHost() of a host at %j is %s (BJ-06)', async (addresses, expected) => {
  looksUp(async () => addresses)
  expect(await resolveHost?.('as.example')).toBe(expected)
})

test('resolveHost() takes a failing look-up for a failing network', async () => {
  looksUp(async () => {
    throw new Error('no such host')
  })
  expect(await resolveHost?.('as.example')).toBe('network')
})
