import { describe, expect, test } from 'vitest'

import { asChallengeText, bearerChallenge, PRINTABLE, quotedString, SCOPE_TOKEN } from './challenge.ts'

describe('bearerChallenge()', () => {
  test('never is a naked Bearer (BT-12)', () => {
    expect(bearerChallenge('"api"', undefined, 'x')).toBe('Bearer realm="api"')
  })

  test('names error, description and all scopes, each once (BT-13, BT-17)', () => {
    const challenge = bearerChallenge('"api"', 'insufficient_scope', 'too little', ['b', 'a'])
    expect(challenge).toBe(
      'Bearer realm="api", error="insufficient_scope", error_description="too little", scope="b a"',
    )
  })

  test('leaves an empty list of scopes out', () => {
    expect(bearerChallenge('"api"', undefined, 'x', [])).toBe('Bearer realm="api"')
  })
})

describe('asChallengeText()', () => {
  test.each([
    ['quotation marks and backslashes, banned even when escaped (BT-14)', 'a"b\\c', 'a b c'],
    ['line breaks and tabs (BT-14)', 'a\r\nSet-Cookie: x\ty', 'a  Set-Cookie: x y'],
    ['letters outside of ASCII (BT-14)', 'é\u0000\u007F', '   '],
  ])('replaces %s by spaces', (_what, text, shown) => {
    expect(asChallengeText(text)).toBe(shown)
  })

  test('caps the length (BT-14)', () => {
    expect(asChallengeText('x'.repeat(5000))).toHaveLength(200)
  })
})

describe('quotedString()', () => {
  test('escapes quotation marks and backslashes (BT-15)', () => {
    expect(quotedString('a"b\\c')).toBe(String.raw`"a\"b\\c"`)
  })
})

describe('PRINTABLE', () => {
  test.each(['a\r\nb', 'é', 'a\u007F', 'a\tb', ''])(
    'does not take what no field value may hold: %j',
    (value) => {
      expect(PRINTABLE.test(value)).toBe(false)
    },
  )

  test('takes the rest', () => {
    expect(PRINTABLE.test('https://api.example/ "~')).toBe(true)
  })
})

describe('SCOPE_TOKEN', () => {
  test.each(['a', '!', 'orders:read', 'https://as.example/s', '~', '#[]'])('takes %s', (token) => {
    expect(SCOPE_TOKEN.test(token)).toBe(true)
  })

  test.each(['', 'a b', 'a"', 'a\\', 'é', 'a\n'])('refuses %j', (token) => {
    expect(SCOPE_TOKEN.test(token)).toBe(false)
  })
})
