import { describe, expect, test } from 'vitest'

import { parseCredentials } from './parse.ts'

describe('parseCredentials()', () => {
  test.each([
    ['the common spelling (BT-01)', 'Bearer t', 't'],
    ['a scheme in any case (BT-02)', 'bEaReR t', 't'],
    ['several spaces (BT-03)', 'Bearer    t', 't'],
    ['several spaces after another spelling (BT-03)', 'BEARER   t', 't'],
    ['every character of a b64token (BT-04)', 'Bearer aZ09-._~+/==', 'aZ09-._~+/=='],
  ])('takes %s', (_what, field, token) => {
    expect(parseCredentials(field)).toEqual({ kind: 'bearer', token })
  })

  test.each([
    ['no field (BT-10)', null],
    ['another scheme (BT-11)', 'Basic dTpw'],
    ['another scheme alone', 'Negotiate'],
    ['a scheme that only begins like ours (BT-03)', 'Bearert'],
    ['a scheme with parameters', 'Digest username="u", realm="r"'],
    ['a parameter with our name', 'Digest username="u", bearer="r", Bearer = x,bearer\t=y'],
    ['a parameter whose name begins like ours', 'Digest a=b, bearer-token=c, bearers=d'],
    ['a parameter which holds our scheme', String.raw`Digest a="b, Bearer c", d="\", Bearer e"`],
    ['our scheme without a comma before it', 'Custom Bearer t'],
  ])('finds no credentials in %s', (_what, field) => {
    expect(parseCredentials(field)).toEqual({ kind: 'absent' })
  })

  test.each([
    ['an empty field', ''],
    ['a scheme without a token (BT-03)', 'Bearer'],
    ['a scheme with a space and no token', 'Bearer '],
    ['only spaces after another spelling', 'bearer   '],
    ['a tab for the space (BT-03)', 'Bearer\tt'],
    ['a colon for the space (BT-03)', 'Bearer:t'],
    ['two tokens (BT-03)', 'Bearer a b'],
    ['two fields joined by a comma (BT-06)', 'Bearer a, Bearer b'],
    ['two fields joined, the first of another scheme (BT-06)', 'Basic dTpw, Bearer b'],
    ['the same in another spelling (BT-06)', 'Basic dTpw ,\t bEARER  b'],
    ['three fields joined (BT-06)', 'Digest a="b", c="d", bearer b, Basic dTpw'],
    ['another scheme and ours without a token (BT-06)', 'Basic dTpw, Bearer'],
    ['another scheme with a quotation mark that never ends, and ours', 'Digest a="b, Bearer c'],
    ['the same with an escaped one at its end', String.raw`Digest a="b, Bearer c\"`],
    ['the same with a backslash at its end', 'Digest a="b, Bearer c\\'],
    ['a leading comma, by which a repeated field is shown (BT-06)', ', Bearer a, Bearer a'],
    ['padding inside of the token (BT-04)', 'Bearer a=b'],
    ['a percent sign (BT-04)', 'Bearer a%20'],
    ['quotation marks (BT-04)', 'Bearer "t"'],
    ['a letter outside of ASCII (BT-04)', 'Bearer é'],
    ['a NUL (BT-04)', 'Bearer a\0'],
    ['a line break behind the token', 'Bearer a\n'],
    ['a space before the scheme', ' Bearer a'],
  ])('calls %s malformed', (_what, field) => {
    expect(parseCredentials(field)).toEqual({ kind: 'malformed' })
  })
})
