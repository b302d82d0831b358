import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import { decodeBase64url, decodedLength, isBase64url } from './base64url.ts'

describe('isBase64url()', () => {
  test.each(['', 'AA', 'AAA', 'AAAA', 'AQ', 'AAE', 'ab-_'])('takes the canonical %j', (text) => {
    expect(isBase64url(text)).toBe(true)
    expect(Buffer.from(text, 'base64url').toString('base64url')).toBe(text)
  })

  test.each([
    ['an impossible length', 'A'],
    ['an impossible length beyond the first group', 'AAAAA'],
    ['spare bits after one octet (JO-02)', 'AB'],
    ['spare bits after two octets (JO-02)', 'AAB'],
    ['padding (JO-02)', 'AA=='],
    ['a blank (JO-02)', 'AA AA'],
    ['a line break at the end (JO-02)', 'AAAA\n'],
    ['the other alphabet', 'ab+/'],
  ])('refuses %s', (_what, text) => {
    expect(isBase64url(text)).toBe(false)
  })

  test('takes exactly one spelling of every two octets', () => {
    for (let value = 0; value < 65_536; value += 257) {
      const text = Buffer.from([value >> 8, value & 255]).toString('base64url')
      const spellings = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].filter(
        (last) => {
          const spelling = text.slice(0, -1) + last
          return (
            isBase64url(spelling) && Buffer.from(spelling, 'base64url').equals(Buffer.from(text, 'base64url'))
          )
        },
      )
      expect(spellings).toEqual([text.at(-1)])
    }
  })
})

describe('decodeBase64url()', () => {
  test.each([0, 1, 2, 3, 31, 256])('gives %i octets back, and decodedLength() says so before', (length) => {
    const octets = Uint8Array.from({ length }, (_value, at) => (at * 37) & 255)
    const text = Buffer.from(octets).toString('base64url')
    expect(decodeBase64url(text)).toEqual(octets)
    expect(decodedLength(text)).toBe(length)
  })
})
