import { generateKeyPairSync } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import type { JSONObject } from '../internal/json.ts'
import { readJWKS, readKeySet } from './jwks.ts'

const ec = (member: object = {}): JSONObject => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  ...member,
})
const rsa = (member: object = {}): JSONObject => ({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }),
  ...member,
})
const offCurve = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }

describe('readKeySet()', () => {
  test('uses what can be used and says why the rest cannot (JO-10, MD-09)', () => {
    const set = readKeySet({
      keys: [{ kty: 'X' }, ec({ kid: 'good' }), null, ec({ use: 'enc' }), { kty: 'oct', k: 'AA' }],
    })
    expect(set?.keys.map(({ kid }) => kid)).toEqual(['good'])
    expect(set?.unusable).toEqual(['kty_unknown', 'not_an_object', 'use_not_sig', 'private_key'])
  })

  test.each([
    ['no keys', {}],
    ['keys that are no list', { keys: {} }],
    ['an empty list', { keys: [] }],
    ['no usable key', { keys: [{ kty: 'oct', k: 'AA' }] }],
    ['more than 100 keys', { keys: Array.from({ length: 101 }, () => ({ kty: 'X' })) }],
  ])('has no set for a document with %s', (_what, document) => {
    expect(readKeySet(document)).toBeUndefined()
  })

  test('keeps the objects of keys which are known, by more than their kid', () => {
    const [same, other] = [ec({ kid: 'a' }), ec({ kid: 'b' })]
    const before = readKeySet({ keys: [same, other] })
    const after = readKeySet({ keys: [ec({ kid: 'b' }), same] }, before?.keys)
    expect(after?.keys[1]).toBe(before?.keys[0])
    expect(after?.keys[0]).not.toBe(before?.keys[1])
  })

  test('takes a key that is listed twice for one', () => {
    const key = ec({ kid: 'a' })
    expect(readKeySet({ keys: [key, { ...key, use: 'sig' }] })?.keys).toHaveLength(1)
  })
})

describe('KeySet.candidates()', () => {
  const set = readKeySet({ keys: [ec({ kid: 'a' }), rsa({ kid: 'a' }), ec({ kid: 'A' }), ec()] })
  const kids = (kid: string | undefined, alg: string): (string | undefined)[] | undefined =>
    set?.candidates(kid, alg).map((key) => `${key.kid} ${[...key.algorithms][0]}`)

  test('are the keys of this kid, compared by case, which serve the algorithm (JO-12)', () => {
    expect(kids('a', 'ES256')).toEqual(['a ES256'])
    expect(kids('a', 'PS512')).toEqual(['a RS256'])
    expect(kids('A', 'ES256')).toEqual(['A ES256'])
    expect(kids('A', 'RS256')).toEqual([])
    expect(kids('b', 'ES256')).toEqual([])
  })

  test('are all that serve the algorithm when the token names no kid (JO-12)', () => {
    expect(kids(undefined, 'ES256')).toEqual(['a ES256', 'A ES256', 'undefined ES256'])
    expect(kids(undefined, 'ES384')).toEqual([])
  })

  test('are two when two keys have one kid (JO-12)', () => {
    const twice = readKeySet({ keys: [ec({ kid: 'a' }), ec({ kid: 'a' })] })
    expect(twice?.candidates('a', 'ES256')).toHaveLength(2)
  })

  test('are four at most (JO-12)', () => {
    const many = readKeySet({ keys: Array.from({ length: 6 }, () => ec()) })
    expect(many?.candidates(undefined, 'ES256')).toHaveLength(4)
  })

  test('know a kid whatever it serves', () => {
    expect([set?.has('a'), set?.has('b')]).toEqual([true, false])
  })
})

describe('KeySet.where()', () => {
  test('is the set itself when all pass, else one without the others', () => {
    const set = readKeySet({ keys: [ec({ kid: 'a' }), ec({ kid: 'b' }), null] })
    expect(set?.where(() => true)).toBe(set)
    const rest = set?.where(({ kid }) => kid !== 'a')
    expect(rest?.has('a')).toBe(false)
    expect(rest?.keys.map(({ kid }) => kid)).toEqual(['b'])
    expect(rest?.unusable).toEqual(['not_an_object'])
    expect(set?.where(() => false).keys).toEqual([])
  })
})

describe('readJWKS()', () => {
  test('reads a set of which one key can be imported', async () => {
    const set = await readJWKS({ keys: [offCurve, ec({ kid: 'good' })] })
    expect(set?.keys).toHaveLength(2)
  })

  test('has no set when no key can be imported: it must not replace a good one', async () => {
    expect(await readJWKS({ keys: [offCurve] })).toBeUndefined()
    expect(await readJWKS({ keys: [] })).toBeUndefined()
  })
})
