import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { isObject, parseJSON, parseJSONObject } from './json.ts'

/** What a reader without prototypes must give, for comparison with what has them. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** So long that the native parser does not get it. */
const long = (text: string): string => text + ' '.repeat(2001)

/** A strict reader of another make, by a list of tokens; V8's own is misled by names with escapes. `undefined` for what it refuses. */
function strictly(text: string): unknown {
  const token =
    // oxlint-disable-next-line no-control-regex -- which JSON does not allow in a string
    /[\t\n\r ]*([{}[\],:]|"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[Ee][+-]?\d+)?|true|false|null)/y
  const tokens: string[] = []
  const end = text.replace(/[\t\n\r ]+$/, '').length
  while (token.lastIndex < end) {
    const found = token.exec(text)?.[1]
    if (found === undefined) return undefined
    tokens.push(found)
  }
  const take = (what: string): void => {
    if (tokens.shift() !== what) throw new SyntaxError(what)
  }
  const string = (): string => {
    const value: unknown = JSON.parse(tokens.shift() ?? '')
    if (typeof value !== 'string' || !value.isWellFormed()) throw new SyntaxError('no string')
    return value
  }
  const list = (close: string, one: () => void): void => {
    tokens.shift()
    for (let first = true; tokens[0] !== close; first = false) {
      if (!first) take(',')
      one()
    }
    take(close)
  }
  const read = (depth: number): unknown => {
    const first = tokens[0]
    if (depth > 20) throw new RangeError('too deep')
    if (first === '[') {
      const array: unknown[] = []
      list(']', () => array.push(read(depth + 1)))
      return array
    }
    if (first === '{') {
      const object: Record<string, unknown> = Object.create(null)
      list('}', () => {
        const name = string()
        take(':')
        if (name in object) throw new SyntaxError('twice')
        object[name] = read(depth + 1)
      })
      return object
    }
    if (first?.startsWith('"') === true) return string()
    const value: unknown = JSON.parse(tokens.shift() ?? '')
    if (Math.abs(value as number) === Infinity) throw new RangeError('infinite')
    return value
  }
  try {
    const value = read(0)
    return tokens.length === 0 ? value : undefined
  } catch {
    return undefined
  }
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

  test('reads one text in one way, however long it is, and what a strict reader of another make reads', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const value = parseJSON(text)
        expect(value).toStrictEqual(strictly(text))
        expect(parseJSON(long(text))).toStrictEqual(value)
        expect(JSON.stringify(parseJSON(long(text)))).toBe(JSON.stringify(value))
      }),
      { numRuns: 3000 },
    )
  })

  test('takes one text for as dear, however it is read', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(2000), (text, maxCost) => {
        expect(parseJSON(text, maxCost)).toStrictEqual(parseJSON(long(text), maxCost))
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['alg', '{"alg":"x",', String.raw`"\\u0":1}`, String.raw`"\u0061lg":"none"}`],
    [
      'a claim',
      '{"iss":"i","sub":1,',
      String.raw`"https:\\/\\/ex.com\\/ro":1}`,
      String.raw`"https:\/\/ex.com\/roles":1}`,
    ],
    ['crit', '{"alg":"x","typ":"y",', String.raw`"\\u00":1}`, String.raw`"\u0063rit":["x"]}`],
    ['half of a pair', '{"b":1,', String.raw`"\\u":1}`, String.raw`"\ud83dx":1}`],
  ])('reads %s as it stands there, whatever was read before (JO-03)', (_what, start, before, after) => {
    for (let times = 0; times < 3; times += 1) {
      expect(parseJSON(start + before)).toStrictEqual(strictly(start + before))
      expect(parseJSON(start + after)).toStrictEqual(strictly(start + after))
    }
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
    `{${Array.from({ length }, (_none, n) => `"n${n}":0`).join(',')}}`

  // Each is the largest of its kind, so that one more is refused.
  test.each([
    ['strings', 2000, (n: number) => listOf(n, (i) => `"${i}"`)],
    ['strings with escapes', 1111, (n: number) => listOf(n, (i) => String.raw`"\u0061${i}"`)],
    ['numbers', 1250, (n: number) => listOf(n, () => '0')],
    ['arrays', 2000, (n: number) => listOf(n, () => '[]')],
    ['objects', 526, (n: number) => listOf(n, () => '{}')],
    ['objects of one value', 453, (n: number) => listOf(n, (i) => `{"value":"${i}"}`)],
    ['names', 249, membersOf],
    ['objects of names of their own', 169, (n: number) => listOf(n, (i) => `{"n${i}":0}`)],
    ['objects of numbers as names', 284, (n: number) => listOf(n, () => '{"1023":0}')],
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
      '390 groups as RFC 7643 writes them',
      390,
      (n: number) =>
        `{"value":"5f2b5c0e-0000-4000-8000-${String(n).padStart(12, '0')}","display":"Group number ${n}"}`,
    ],
  ])('reads %s', (_what, length, element) => {
    expect(parseJSON(listOf(length, element))).toHaveLength(length)
  })

  test('reads 140 objects under names of their own, as an issuer writes roles by client, beside other claims', () => {
    const clients = Array.from({ length: 140 }, (_none, n) => `"client-${n}":{"roles":["view","manage"]}`)
    const others = Array.from({ length: 20 }, (_none, n) => `"claim-${n}":"value"`)
    expect(Object.keys(parseJSON(`{${[...clients, ...others].join(',')}}`) as object)).toHaveLength(160)
  })

  test('reads names which are numbers, and reserves no places between them', () => {
    const nest = `${'{"1023":0,"2575":'.repeat(19)}0${'}'.repeat(19)}`
    const text = `[${Array.from({ length: 9 }, () => nest).join(',')}]`
    expect(parseJSON(text)).toStrictEqual(strictly(text))
    const before = process.memoryUsage().heapUsed
    parseJSON(text)
    // Some 10 MB otherwise.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000)
  })

  test('takes less of what is to be small', () => {
    const list = listOf(200, (n) => `"group number ${n}"`)
    expect(parseJSON(list, 1000)).toHaveLength(200)
    expect(parseJSON(`["",${list.slice(1)}`, 1000)).toBeUndefined()
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
