import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import { Refusal } from '../errors.ts'
import { canonicalType, type Header } from '../jws/header.ts'
import { OTHER_TYPES, readHeader } from './header.ts'

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const read = (value: unknown): Header | Refusal => readHeader(encode(value))
const codeOf = (value: unknown): string => {
  const header = read(value)
  return header instanceof Refusal ? header.code : 'read'
}

const good = { alg: 'ES256', typ: 'at+jwt', kid: 'k' }

describe('readHeader()', () => {
  test('reads type, algorithm and key', () => {
    expect(read(good)).toMatchObject({ typ: 'at+jwt', alg: 'ES256', kid: 'k' })
    expect(read({ alg: 'RS256' })).toMatchObject({ typ: null, alg: 'RS256', kid: undefined })
  })

  test.each(['at+jwt', 'at+JWT', 'AT+jwt', 'application/at+jwt', 'Application/AT+JWT'])(
    'reads typ %s as at+jwt (AT-02)',
    (typ) => {
      expect(read({ ...good, typ })).toMatchObject({ typ: 'at+jwt' })
    },
  )

  test.each(['at+jwt; v=1', ' at+jwt', 'x/at+jwt', '', 'JWT'])(
    'keeps typ %j apart from at+jwt (AT-02)',
    (typ) => {
      const header = read({ ...good, typ }) as Header
      expect(header.typ).toBe(canonicalType(typ))
      expect(header.typ).not.toBe('at+jwt')
    },
  )

  test.each([...OTHER_TYPES, 'ID_TOKEN+JWT', 'application/logout+jwt'])(
    'refuses typ %s, whatever an issuer relaxes (AT-26)',
    (typ) => {
      expect(codeOf({ ...good, typ })).toBe('type_mismatch')
    },
  )

  test.each([7, null, ['at+jwt'], {}])('refuses a typ that is no string: %j (AT-01)', (typ) => {
    expect(codeOf({ ...good, typ })).toBe('type_mismatch')
  })

  test.each([
    'none',
    'None',
    'noNE',
    '',
    'HS256',
    'es256',
    'ES256K',
    'RSA1_5',
    'Ed448',
    undefined,
    7,
    null,
    ['ES256'],
  ])('refuses alg %j (AT-09, JO-06)', (alg) => {
    expect(codeOf({ ...good, alg })).toBe('algorithm_not_allowed')
  })

  test.each(['__proto__', 'constructor', 'toString'])(
    'finds no algorithm in the prototype of anything: %s',
    (alg) => {
      expect(codeOf({ ...good, alg })).toBe('algorithm_not_allowed')
    },
  )

  test('reads EdDSA as Ed25519 (JO-16)', () => {
    expect(read({ ...good, alg: 'EdDSA' })).toMatchObject({ alg: 'Ed25519' })
  })

  test.each([[['x']], [[]], [['alg']], [['exp']], ['x'], [null]])('refuses crit %j (JO-04)', (crit) => {
    expect(codeOf({ ...good, crit })).toBe('critical_header_unknown')
  })

  test.each([false, 'true', null])('refuses b64 %j (JO-05)', (b64) => {
    expect(codeOf({ ...good, b64 })).toBe('critical_header_unknown')
  })

  test('takes b64 true, which changes nothing', () => {
    expect(codeOf({ ...good, b64: true })).toBe('read')
  })

  test('refuses compression', () => {
    expect(codeOf({ ...good, zip: 'DEF' })).toBe('header_malformed')
  })

  test.each([7, null, ['k'], {}])('refuses a kid that is no string: %j', (kid) => {
    expect(codeOf({ ...good, kid })).toBe('header_malformed')
  })

  test.each([
    ['not JSON (AT-16)', '{'],
    ['an array (AT-16)', '[]'],
    ['null', 'null'],
    ['a duplicate alg (JO-03)', '{"alg":"none","alg":"ES256","typ":"at+jwt"}'],
    ['a byte order mark (JO-23)', '\uFEFF{"alg":"ES256","typ":"at+jwt"}'],
  ])('refuses a header which is %s', (_what, text) => {
    expect(codeOf(text)).toBe('header_malformed')
  })

  test('refuses invalid UTF-8 (JO-23)', () => {
    const octets = Buffer.concat([
      Buffer.from('{"alg":"ES256","kid":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ])
    const header = readHeader(octets.toString('base64url'))
    expect(header instanceof Refusal && header.code).toBe('header_malformed')
  })

  test.each(['jwk', 'jku', 'x5u', 'x5c', 'x5t', 'x5t#S256'])(
    'takes %s for data without effect (JO-13)',
    (member) => {
      expect(read({ ...good, [member]: 'https://evil.example' })).toMatchObject({ alg: 'ES256', kid: 'k' })
    },
  )
})
