import { describe, expect, test } from 'vitest'

import { Refusal } from '../errors.ts'
import { parseCompact } from './compact.ts'

const codeOf = (token: string): string => {
  const result = parseCompact(token)
  return result instanceof Refusal ? result.code : 'read'
}

describe('parseCompact()', () => {
  test('cuts a token into its three parts', () => {
    expect(parseCompact('AAAA.AQ.AAE')).toEqual({ header: 'AAAA', payload: 'AQ', signature: 'AAE' })
  })

  test.each([
    ['padding of the signature (JO-02)', 'AAAA.AAAA.AA=='],
    ['a blank inside (JO-02)', 'AAAA.AA AA.AAAA'],
    ['a line break at the end (JO-01)', 'AAAA.AAAA.AAAA\n'],
    ['spare bits in the header (JO-02)', 'AB.AAAA.AAAA'],
    ['spare bits in the payload (JO-02)', 'AAAA.AAB.AAAA'],
    ['spare bits in the signature (JO-02)', 'AAAA.AAAA.AB'],
    ['an impossible length', 'AAAAA.AAAA.AAAA'],
    ['an empty signature (AT-09)', 'AAAA.AAAA.'],
    ['an empty header', '.AAAA.AAAA'],
    ['an empty payload', 'AAAA..AAAA'],
    ['nothing but dots', '..'],
    ['the other base64 alphabet (JO-01)', 'AA+/.AAAA.AAAA'],
    ['a JSON serialization (JO-01)', '{"payload":"AAAA","signatures":[]}'],
    ['five parts of which one is no base64url', 'AAAA.AAAA.AAAA.AA==.AAAA'],
    ['five parts without a header', '.AAAA.AAAA.AAAA.AAAA'],
    ['nothing', ''],
    ['a letter outside of ASCII', 'é'],
  ])('calls a token malformed for %s', (_what, token) => {
    expect(codeOf(token)).toBe('token_malformed')
  })

  test.each(['AAAA.AAAA.AAAA.AAAA.AAAA', 'AAAA..AAAA.AAAA.AAAA'])(
    'knows an encrypted token: %s (AT-04)',
    (token) => {
      expect(codeOf(token)).toBe('token_encrypted')
    },
  )

  test.each(['2YotnFZFEjr1zCsicMWpAA', 'a.b', 'a.b.c.d', 'ya29.a0~x==', `${'a.'.repeat(100)}a`])(
    'knows an opaque token: %s',
    (token) => {
      expect(codeOf(token)).toBe('token_opaque')
    },
  )
})
