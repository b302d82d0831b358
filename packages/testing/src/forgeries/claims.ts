import type { Recipe, Workshop } from './forgery.ts'

type Claims = Readonly<Record<string, unknown>>
type Row = readonly [
  name: string,
  expect: Recipe['expect'],
  claims: Claims | ((workshop: Workshop) => Claims),
]

const recipes =
  (spec: Recipe['spec'], sentence: string) =>
  (rows: readonly Row[]): readonly Recipe[] =>
    rows.map(([name, expect, claims]) => ({
      name,
      spec,
      sentence,
      expect,
      make: (workshop) => workshop.issue(typeof claims === 'function' ? claims(workshop) : claims),
    }))

const ISSUER = recipes(
  'RFC 9068 §4',
  'The issuer is one whom the resource server trusts, code point by code point.',
)([
  ['no iss', 'claim_missing', { iss: undefined }],
  ['iss as a number', 'claim_invalid', { iss: 7 }],
  ['iss as a list', 'claim_invalid', ({ issuer }) => ({ iss: [issuer] })],
  ['another issuer', 'issuer_not_trusted', { iss: 'https://evil.example' }],
  ['the issuer with a slash more', 'issuer_not_trusted', ({ issuer }) => ({ iss: `${issuer}/` })],
  ['the issuer in upper case', 'issuer_not_trusted', ({ issuer }) => ({ iss: issuer.toUpperCase() })],
  [
    'the issuer as part of another name',
    'issuer_not_trusted',
    ({ issuer }) => ({ iss: `${issuer}.evil.example` }),
  ],
  ['the issuer with a query', 'issuer_not_trusted', ({ issuer }) => ({ iss: `${issuer}?` })],
  ['an empty iss', 'issuer_not_trusted', { iss: '' }],
])

const text = (claim: string): readonly Row[] => [
  [`no ${claim}`, 'claim_missing', { [claim]: undefined }],
  [`an empty ${claim}`, 'claim_invalid', { [claim]: '' }],
  [`${claim} as a number`, 'claim_invalid', { [claim]: 7 }],
  [`${claim} as a list`, 'claim_invalid', { [claim]: ['user-1'] }],
  [`${claim} null`, 'claim_invalid', { [claim]: null }],
]

export const CLAIMS: readonly Recipe[] = [
  ...ISSUER,
  ...recipes(
    'RFC 9068 §2.2',
    'An access token says of whom it speaks, to which client it was given, and has a name.',
  )(['sub', 'client_id', 'jti'].flatMap(text)),
]

export const AUDIENCE: readonly Recipe[] = recipes(
  'RFC 9068 §4',
  'The token names this resource server as its audience.',
)([
  ['no aud', 'claim_missing', { aud: undefined }],
  ['the audience of another API', 'audience_mismatch', { aud: 'https://other.example' }],
  ['audiences of other APIs', 'audience_mismatch', { aud: ['https://a.example', 'https://b.example'] }],
  ['the client as the audience', 'audience_mismatch', { aud: 'client-1' }],
  ['the issuer as the audience', 'audience_mismatch', ({ issuer }) => ({ aud: issuer })],
  [
    'an audience that begins like ours',
    'audience_mismatch',
    ({ audience }) => ({ aud: `${audience}.evil.example` }),
  ],
  ['an audience that ends like ours', 'audience_mismatch', ({ audience }) => ({ aud: `x${audience}` })],
  [
    'our audience and another in one string',
    'audience_mismatch',
    ({ audience }) => ({ aud: `${audience} x` }),
  ],
  ['our audience in upper case', 'audience_mismatch', ({ audience }) => ({ aud: audience.toUpperCase() })],
  ['an empty list of audiences', 'audience_mismatch', { aud: [] }],
  ['aud as a number', 'claim_invalid', { aud: 7 }],
  ['aud as an object', 'claim_invalid', ({ audience }) => ({ aud: { 0: audience } })],
  ['a number beside our audience', 'claim_invalid', ({ audience }) => ({ aud: [audience, 7] })],
])

export const TIME: readonly Recipe[] = [
  ...recipes(
    'RFC 7519 §4.1.4',
    'A token serves before the time in exp, which is a number, and not after it.',
  )([
    ['no exp', 'claim_missing', { exp: undefined }],
    ['expired', 'token_expired', ({ now }) => ({ iat: now - 600, exp: now - 300 })],
    ['expired a minute ago', 'token_expired', ({ now }) => ({ exp: now - 60 })],
    ['exp 0', 'token_expired', { exp: 0 }],
    ['exp as a string', 'claim_invalid', ({ now }) => ({ exp: String(now + 300) })],
    ['exp null', 'claim_invalid', { exp: null }],
    ['exp as a date', 'claim_invalid', { exp: '2100-01-01T00:00:00Z' }],
  ]),
  ...recipes(
    'RFC 9068 §4',
    'A token that lives for ever is a password.',
  )([
    ['exp in milliseconds', 'token_lifetime_exceeded', ({ now }) => ({ exp: now * 1000 })],
    ['valid for years', 'token_lifetime_exceeded', ({ now }) => ({ exp: now + 10 * 365 * 86_400 })],
    [
      'issued years ago and still valid',
      'token_lifetime_exceeded',
      ({ now }) => ({ iat: now - 10 * 365 * 86_400 }),
    ],
  ]),
  ...recipes(
    'RFC 7519 §4.1.5',
    'A token which says that it is not valid yet is not.',
  )([
    ['nbf ahead', 'token_not_yet_valid', ({ now }) => ({ nbf: now + 3600 })],
    ['nbf as a string', 'claim_invalid', ({ now }) => ({ nbf: String(now) })],
    ['nbf null', 'claim_invalid', { nbf: null }],
  ]),
  ...recipes(
    'RFC 9068 §2.2',
    'A token says when it was issued, which was not in the future.',
  )([
    ['no iat', 'claim_missing', { iat: undefined }],
    ['iat ahead', 'token_not_yet_valid', ({ now }) => ({ iat: now + 3600, exp: now + 7200 })],
    ['iat as a string', 'claim_invalid', ({ now }) => ({ iat: String(now) })],
    ['iat null', 'claim_invalid', { iat: null }],
  ]),
]

export const BINDING: readonly Recipe[] = recipes(
  'RFC 7800 §3.1',
  'A token which is bound to a key is no bearer token: without a proof of that key it opens nothing.',
)([
  ['bound to a key', 'binding_not_supported', { cnf: { jkt: 'A'.repeat(43) } }],
  ['bound to a certificate', 'binding_not_supported', { cnf: { 'x5t#S256': 'A'.repeat(43) } }],
  ['bound by a method nobody knows', 'binding_not_supported', { cnf: { x: 1 } }],
  ['an empty cnf', 'binding_not_supported', { cnf: {} }],
  ['cnf as a string', 'binding_not_supported', { cnf: 'A'.repeat(43) }],
])
