import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { isObject, parseJSON, parseJSONObject } from './json.ts'

/** What a reader without prototypes must give, for comparison with what has them. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** So long that the native parser does not get it. */
const long = (text: string): string => text + ' '.repeat(2001)

/** JSON.parse, which throws also for what is written twice, and for what no number and no character is. */
function strictly(text: string): void {
  let members = 0
  const check = (value: unknown): unknown => {
    const wrong =
      (typeof value === 'number' && !Number.isFinite(value)) ||
      (typeof value === 'string' && !value.isWellFormed())
    if (wrong) throw new RangeError('not strict')
    if (isObject(value)) members += Object.keys(value).length
    return value
  }
  JSON.parse(text, (name, value) => {
    check(name)
    return check(value)
  })
  const strings = text.match(/"(?:[^"\\]|\\.)*"(?:[\t\n\r ]*:)?/g) ?? []
  const names = strings.filter((string) => string.endsWith(':')).length
  if (names !== members || !text.isWellFormed()) throw new RangeError('not strict')
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('parseJSON()', () => {
  test.each([
    '{"a":1,"b":[true,false,null,"x"],"c":{"d":-1.5}}',
    ' { "a" : 1 , "b" : [ ] , "c" : { } } ',
    '{"a":1.0,"b":1e2,"c":-0.5E-3,"d":10E+2}',
    String.raw`{"a":"\u0041\n\"\\\/\b\f\r\t","é":"\ud83d\ude00"}`,
    '[1,[2,[3,[]]],{}]',
    '"text"',
    '\t"text"\r\n',
    '0',
    '-0.0',
    'true',
    ' null ',
    ' false ',
    '{"😀":"😀"}',
  ])('reads %s as JSON.parse does', (text) => {
    expect(plain(parseJSON(text))).toEqual(plain(JSON.parse(text)))
    expect(plain(parseJSON(long(text)))).toEqual(plain(JSON.parse(text)))
  })

  test.each([
    ['a duplicate member (JO-03)', '{"a":1,"a":1}'],
    ['a duplicate member below (JO-03)', '{"x":[{"a":1,"b":2,"a":3}]}'],
    ['a duplicate by another spelling (JO-03)', String.raw`{"alg":"ES256","\u0061lg":"none"}`],
    ['two members named __proto__', '{"__proto__":1,"__proto__":2}'],
    ['an infinite number (JO-24)', '{"exp":1e400}'],
    ['a negative infinite number (JO-24)', '[-1e999]'],
    ['half a surrogate pair', String.raw`{"a":"\ud83d"}`],
    ['half a surrogate pair as a name', String.raw`{"\udc00":1}`],
    ['a bare surrogate', '"\uD83D"'],
    ['a byte order mark (JO-23)', '\uFEFF{}'],
    ['nothing', ''],
    ['white space', ' '],
    ['an open object', '{"a":1'],
    ['an open array', '[1'],
    ['an open string', '"a'],
    ['a comma at the end of an object', '{"a":1,}'],
    ['a comma at the end of an array', '[1,]'],
    ['a missing comma', '[1 2]'],
    ['a missing colon', '{"a" 1}'],
    ['a name without quotation marks', '{a:1}'],
    ['single quotation marks', "{'a':1}"],
    ['a comment', '{/**/}'],
    ['something behind the end', '{} {}'],
    ['a line break in a string', '"a\nb"'],
    ['an unknown escape', String.raw`"\x41"`],
    ['a leading zero', '01'],
    ['a leading plus', '+1'],
    ['a bare point', '1.'],
    ['NaN', 'NaN'],
    ['another word', 'nil'],
    ['a word that goes on', 'trueish'],
  ])('refuses %s', (_what, text) => {
    expect(parseJSON(text)).toBeUndefined()
    expect(parseJSON(long(text))).toBeUndefined()
  })

  // Text which is JSON, nearly JSON, or letters of it in any order.
  const letters = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '"a":',
      '"b":',
      '"a"',
      String.raw`"\u0061":`,
      '-',
      '0',
      '1',
      '.',
    ],
    ...[
      'e',
      '+',
      'true',
      'null',
      ' ',
      '\n',
      '\t',
      '\0',
      '\u00A0',
      '\uFEFF',
      'é',
      '😀',
      '\uD83D',
      String.raw`\ud83d`,
    ],
  )
  const texts = fc.oneof(
    fc.json(),
    fc.string({ unit: letters, maxLength: 12 }),
    fc.tuple(fc.json(), fc.nat(), letters, fc.nat(2)).map(([json, at, letter, gone]) => {
      const place = at % (json.length + 1)
      return json.slice(0, place) + letter + json.slice(place + gone)
    }),
  )

  test('reads one text in one way, however long it is, and what JSON.parse reads but for its leniency', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const value = parseJSON(text)
        const same = parseJSON(long(text))
        expect(JSON.stringify(same)).toBe(JSON.stringify(value))
        expect(same).toStrictEqual(value)
        if (value !== undefined) expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)))
        // What is refused beyond its grammar says more than once what JSON.parse says once, or what no text can say.
        else expect(() => strictly(text)).toThrow(/./)
      }),
      { numRuns: 3000 },
    )
  })

  test.each([
    ['canonical', ''],
    ['another spelling', ' '],
  ])('bounds depth, also of %s text (JO-27)', (_what, before) => {
    expect(parseJSON(before + nested(20))).toBeDefined()
    expect(parseJSON(before + nested(21))).toBeUndefined()
    expect(parseJSON(before + '{"a":'.repeat(21) + '1' + '}'.repeat(21))).toBeUndefined()
  })

  test.each([
    ['brackets in strings', { a: '['.repeat(50), b: '{"\\"{'.repeat(50), c: ['\\'] }],
    ['many values side by side', { groups: Array.from({ length: 50 }, (_, i) => ({ value: [`g${i}`] })) }],
  ])('does not take %s for depth', (_what, value) => {
    expect(plain(parseJSON(JSON.stringify(value)))).toEqual(value)
  })

  test('refuses thousands of brackets without descending into them (JO-27)', () => {
    const times = Array.from({ length: 50 }, () => {
      const started = performance.now()
      expect(parseJSON(nested(6000))).toBeUndefined()
      return performance.now() - started
    })
    expect(Math.min(...times)).toBeLessThan(1)
  })

  const listOf = (length: number, element: (n: number) => string): string =>
    `[${Array.from({ length }, (_none, n) => element(n)).join(',')}]`
  const membersOf = (length: number): string =>
    `{${Array.from({ length }, (_none, n) => `"${n}":0`).join(',')}}`

  // Each is the largest of its kind, so that one more is refused.
  test.each([
    ['strings', 1999, (n: number) => listOf(n, (i) => `"${i}"`)],
    ['strings with escapes', 1110, (n: number) => listOf(n, (i) => String.raw`"\u0061${i}"`)],
    ['numbers', 1666, (n: number) => listOf(n, () => '0')],
    ['arrays', 1428, (n: number) => listOf(n, () => '[]')],
    ['objects', 1428, (n: number) => listOf(n, () => '{}')],
    ['objects of one value', 1106, (n: number) => listOf(n, (i) => `{"value":"${i}"}`)],
    ['names', 217, membersOf],
    ['objects of names of their own', 188, (n: number) => listOf(n, (i) => `{"${i}":0}`)],
  ])('bounds what costs: %s, also of another spelling (JO-27)', (_what, largest, make) => {
    for (const before of ['', '\n']) {
      const text = (n: number): string => make(n) + ' '.repeat(2000) + before
      expect(parseJSON(text(largest))).toBeDefined()
      expect(parseJSON(text(largest + 1))).toBeUndefined()
    }
  })

  test.each([
    ['a thousand groups', 1000, (n: number) => `"group-${n}"`],
    ['a thousand groups, with letters beyond ASCII', 1000, (n: number) => String.raw`"\u00e9quipe-${n}"`],
    [
      'as many groups as RFC 7643 writes them as the longest token holds',
      800,
      (n: number) =>
        `{"value":"5f2b5c0e-0000-4000-8000-${String(n).padStart(12, '0')}","display":"Group number ${n}"}`,
    ],
  ])('reads %s', (_what, length, element) => {
    expect(parseJSON(listOf(length, element))).toHaveLength(length)
  })

  test('reads 150 objects under names of their own, as an issuer writes roles by client', () => {
    const clients = Array.from({ length: 150 }, (_none, n) => `"client-${n}":{"roles":["view","manage"]}`)
    expect(Object.keys(parseJSON(`{${clients.join(',')}}`) as object)).toHaveLength(150)
  })

  test('takes less of what is to be small', () => {
    const list = listOf(199, (n) => `"group number ${n}"`)
    expect(parseJSON(list, 1000)).toHaveLength(199)
    expect(parseJSON(`["",${list.slice(1)}`, 1000)).toBeUndefined()
  })

  test('does not count what is short', () => {
    const names = Array.from({ length: 280 }, (_none, n) => `"${n.toString(36)}":0`)
    const text = `{${names.join(',')}}`
    expect(text.length).toBeLessThanOrEqual(2000)
    // Both readers: white space before a colon is none of the native one's.
    for (const short of [text, text.replace(':', ' :')]) {
      expect(Object.keys(parseJSON(short) as object)).toHaveLength(280)
      expect(parseJSON(long(short))).toBeUndefined()
      // Short is what is short for its kind.
      expect(parseJSON(short, 5 * short.length - 1)).toBeUndefined()
    }
  })

  test('does not count long what is short to read: 512 KiB of one string', () => {
    expect(parseJSON(`{"a":"${'x'.repeat(500_000)}"}`)).toBeDefined()
  })

  test.each([
    ['a string that begins with a colon', '{"a":":b","c":["::",":"]}', 2],
    ['an escaped quotation mark before a colon', String.raw`{"a":"\":b","c\":":"\\"}`, 2],
    ['white space before a colon', '{"a" :1,"b"\n:"c :d"}', 2],
    ['names in a text of more than ten thousand letters', `{"a":"${'x'.repeat(20_000)}","b":":"}`, 2],
  ])('is not misled by %s', (_what, text, members) => {
    expect(Object.keys(parseJSON(text) as object)).toHaveLength(members)
    const [first = ''] = Object.keys(parseJSON(text) as object)
    expect(parseJSON(`{${JSON.stringify(first)}:0,${text.slice(1)}`)).toBeUndefined()
    expect(parseJSON(`{${JSON.stringify(first)} : ":",${text.slice(1)}`)).toBeUndefined()
  })

  test.each([
    '{"__proto__":{"admin":true},"a":[{"constructor":1}]}',
    '{ "__proto__" : {"admin":true},"a":[{"constructor":1}]}',
  ])('makes every name a name like any other (AT-19): %s', (text) => {
    const value = parseJSON(text) as { a: object[]; admin?: unknown }
    expect(Object.getPrototypeOf(value)).toBeNull()
    expect(Object.keys(value)).toEqual(['__proto__', 'a'])
    expect(value.admin).toBeUndefined()
    expect(Object.getPrototypeOf(value.a[0])).toBeNull()
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

  test.each(['{"a":{"b":[{"c":1}]}}', '{ "a":{"b":[{"c":1}]}}'])(
    'freezes through and through: %s',
    (text) => {
      const value = parseJSON(text) as { a: { b: object[] } }
      expect([value, value.a, value.a.b, value.a.b[0]].every(Object.isFrozen)).toBe(true)
    },
  )
})

describe('parseJSONObject()', () => {
  test.each(['[]', 'null', '1', '"{}"', 'true', '{'])('has no object for %s (AT-16)', (text) => {
    expect(parseJSONObject(text)).toBeUndefined()
  })

  test('has one for {}', () => {
    expect(isObject(parseJSONObject('{}'))).toBe(true)
  })
})
