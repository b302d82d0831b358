import { Buffer } from 'node:buffer'

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { isBase64url } from './canonical.ts'

describe('isBase64url()', () => {
  test.each(['AA', 'AAA', 'AAAA', 'AQ', 'AAE', 'ab-_'])('takes the canonical %j', (text) => {
    expect(isBase64url(text)).toBe(true)
    expect(Buffer.from(text, 'base64url').toString('base64url')).toBe(text)
  })

  test.each([
    ['nothing', ''],
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

  // A decoder may look at one half of a letter, skip it, stop at it or take it for another.
  const grammar = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/
  const good = 'ABCDefgh0123-_xA'.repeat(40)

  test.each([2, 3, 4, 22, 43, 86, 100])('knows every letter of Unicode in a text of %i', (length) => {
    const wrong: string[] = []
    for (const at of [0, 1, length >> 1, length - 1]) {
      for (let unit = 0; unit <= 0xffff; unit += 1) {
        const letter = String.fromCharCode(unit)
        // Where the letter is not the last itself, an A at the end leaves nothing else to say no to.
        const end = at === length - 1 ? '' : 'A'
        const text = good.slice(0, at) + letter + good.slice(at + 1, length - 1) + end
        if (isBase64url(text) !== grammar.test(text)) wrong.push(JSON.stringify([at, letter]))
      }
    }
    expect(wrong).toEqual([])
  })

  test('reads what is longer than any token', () => {
    const long = 'ABCD'.repeat(25_000)
    expect(['', '=', 'A', 'AA', 'AAA', 'AB'].map((end) => isBase64url(long + end))).toEqual([
      true,
      false,
      false,
      true,
      true,
      false,
    ])
    expect(isBase64url(`${long}~${long.slice(1)}`)).toBe(false)
  })

  test('says what the grammar says, however many letters are wrong', () => {
    const letter = fc.constantFrom(...'Az09-_=+/.,~ \t\n\r\f\0\x7f\x80\xa0\xff\u0141\u012b\u2028\ud83d')
    const odd = fc.string({ unit: letter, maxLength: 12 })
    fc.assert(
      fc.property(odd, fc.nat(600), fc.nat(600), (wrong, at, length) => {
        const text = good.slice(0, Math.min(at, length)) + wrong + good.slice(Math.min(at, length), length)
        expect(isBase64url(text)).toBe(text !== '' && grammar.test(text))
      }),
      { numRuns: 20_000 },
    )
  })
})
