import { describe, expect, test } from 'vitest'

import { isObject, parseJSON, parseJSONObject } from './json.ts'

/** What a reader without prototypes must give, for comparison with what has them. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

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
    ['values', 9498, (n: number) => listOf(n, () => '0')],
    ['arrays', 2374, (n: number) => listOf(n, () => '[]')],
    ['objects', 2374, (n: number) => listOf(n, () => '{}')],
    ['short strings', 1055, (n: number) => listOf(n, (i) => `"${i}"`)],
    ['objects of one short value', 787, (n: number) => listOf(n, (i) => `{"value":"${i}"}`)],
    ['names', 284, membersOf],
    ['objects of shapes of their own', 268, (n: number) => listOf(n, (i) => `{"${i}":0}`)],
    [
      'objects of few names in many orders',
      190,
      (n: number) => listOf(n, (i) => `{"a${i % 30}":0,"b${Math.floor(i / 30)}":0}`),
    ],
  ])('bounds what costs: %s, also of another spelling (JO-27)', (_what, largest, make) => {
    for (const before of ['', ' ']) {
      expect(parseJSON(before + make(largest))).toBeDefined()
      expect(parseJSON(before + make(largest + 1))).toBeUndefined()
    }
  })

  test.each([
    ['a thousand groups by short names', (n: number) => `"group-${n}"`],
    [
      'a thousand groups as RFC 7643 writes them',
      (n: number) =>
        `{"value":"5f2b5c0e-0000-4000-8000-${String(n).padStart(12, '0')}","display":"Group number ${n}"}`,
    ],
  ])('reads %s', (_what, element) => {
    expect(parseJSON(listOf(1000, element))).toHaveLength(1000)
  })

  test('counts a string of a few letters as one however they are written', () => {
    const list = listOf(1400, (n) => `"${String.raw`\u0061`.repeat(6)}${n}"`)
    expect(parseJSON(list)).toBeUndefined()
  })

  test('reads 150 objects under names of their own, as an issuer writes roles by client', () => {
    const clients = Array.from({ length: 150 }, (_none, n) => `"client-${n}":{"roles":["view","manage"]}`)
    expect(Object.keys(parseJSON(`{${clients.join(',')}}`) as object)).toHaveLength(150)
  })

  test('takes less of what is to be small', () => {
    const list = listOf(200, (n) => `"${n}"`)
    expect(parseJSON(list, 2000)).toHaveLength(200)
    expect(parseJSON(`[${' '.repeat(1000)}${list.slice(1)}`, 1000)).toBeUndefined()
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
