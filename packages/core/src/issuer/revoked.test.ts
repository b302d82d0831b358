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

const otherKey = { material: 'another', kid: undefined }
const verdicts = (revoked: RevokedKeys, ...keys: readonly VerificationKey[]): boolean[] =>
  keys.map((each) => revoked.has(each))

describe('RevokedKeys', () => {
  test('knows a key by what it is, whatever a set names it, or a name whose key is not known', () => {
    const revoked = new RevokedKeys()
    revoked.add('a', [])
    expect(verdicts(revoked, key('a'), key('b'), key())).toEqual([true, false, false])
    revoked.add('b', [key('a'), key('b')])
    expect(verdicts(revoked, key('b'), key('c'), key())).toEqual([true, true, true])
  })

  test('distrusts no other key of a name whose key was known, however often it is told', () => {
    const revoked = new RevokedKeys()
    revoked.add('a', [key('a')])
    revoked.add('a', [])
    expect(verdicts(revoked, key('a'), { ...otherKey, kid: 'a' } as VerificationKey)).toEqual([true, false])
  })

  test('forgets none of a thousand when one of them is revoked again', () => {
    const revoked = new RevokedKeys()
    const keyOf = (at: number): VerificationKey => ({ kid: `k${at}`, material: `m${at}` }) as VerificationKey
    for (let at = 0; at < 1024; at += 1) revoked.add(`k${at}`, [keyOf(at)])
    revoked.add('k7', [keyOf(7)])
    expect(verdicts(revoked, keyOf(0), keyOf(7), keyOf(1023), keyOf(1024))).toEqual([true, true, true, false])
  })

  test('forgets the oldest of more than a thousand, and none for a name which it knows', () => {
    const revoked = new RevokedKeys()
    for (let at = 0; at < 1024; at += 1) revoked.add(`k${at}`, [])
    revoked.add('k7', [])
    expect(revoked.has(key('k1'))).toBe(true)
    revoked.add('one more', [])
    expect(verdicts(revoked, key('k0'), key('k1'), key('one more'))).toEqual([false, true, true])
  })
})
