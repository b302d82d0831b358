import { generateKeyPairSync } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { readJWK, VerificationKey } from './jwk.ts'
import { RevokedKeys } from './revoked.ts'

const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
const key = (kid?: string): VerificationKey => {
  const read = readJWK(kid === undefined ? jwk : { ...jwk, kid })
  if (!(read instanceof VerificationKey)) throw new Error(read)
  return read
}

describe('RevokedKeys', () => {
  test('knows a key by its kid, or by what it is', () => {
    const revoked = new RevokedKeys()
    revoked.add(['a', key('b').identity])
    expect([key('a'), key('b'), key('c'), key()].map((each) => revoked.has(each))).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  test('forgets the oldest of more than a thousand, and none for a name which it knows', () => {
    const revoked = new RevokedKeys()
    revoked.add(Array.from({ length: 1024 }, (_value, at) => `k${at}`))
    revoked.add(['k7'])
    expect(revoked.has(key('k0'))).toBe(true)
    revoked.add(['one more'])
    expect([key('k0'), key('k1'), key('one more')].map((each) => revoked.has(each))).toEqual([
      false,
      true,
      true,
    ])
  })
})
