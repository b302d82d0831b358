import { type Recipe, withMember } from './forgery.ts'

const OTHERS = [
  'JWT',
  'id_token+jwt',
  'logout+jwt',
  'dpop+jwt',
  'token-introspection+jwt',
  'txntoken+jwt',
  'oauth-id-jag+jwt',
  'client-authentication+jwt',
  'oauth-authz-req+jwt',
  'secevent+jwt',
  'statuslist+jwt',
  'entity-statement+jwt',
  'jose',
  'at+jwt ',
  'at-jwt',
  'text/at+jwt',
]

export const TYPE: readonly Recipe[] = [
  ...[...OTHERS, '', 7, null, ['at+jwt']].map((typ): Recipe => ({
    name: `typ ${JSON.stringify(typ)}`,
    spec: 'RFC 9068 §4',
    sentence: 'An access token calls itself at+jwt: a token of another kind is none.',
    expect: 'type_mismatch',
    make: (workshop) => workshop.issue({}, { typ }),
  })),
  {
    name: 'no typ',
    spec: 'RFC 9068 §4',
    sentence: 'An access token calls itself at+jwt: a token of another kind is none.',
    expect: 'type_mismatch',
    make: (workshop) => workshop.issue({}, { typ: undefined }),
  },
  {
    name: 'an ID token',
    spec: 'RFC 8725 §3.12',
    sentence: 'An ID token tells a client who logged in; it opens no API.',
    expect: 'type_mismatch',
    make: (workshop) =>
      workshop.issue(
        { client_id: undefined, azp: 'client-1', nonce: 'n-1', auth_time: workshop.now },
        { typ: 'JWT' },
      ),
  },
]

const CRITICAL: readonly (readonly [name: string, header: Record<string, unknown>])[] = [
  ['crit which names an unknown extension', { crit: ['x'], x: 1 }],
  ['crit which names a member that is not there', { crit: ['exp'] }],
  ['crit which names a registered member', { crit: ['alg'] }],
  ['an empty crit', { crit: [] }],
  ['crit as a string', { crit: 'b64' }],
  ['b64 false', { b64: false, crit: ['b64'] }],
  ['b64 false without crit', { b64: false }],
]

export const HEADER: readonly Recipe[] = [
  ...CRITICAL.map(([name, header]): Recipe => ({
    name,
    spec: 'RFC 7515 §4.1.11',
    sentence: 'An extension which must be understood, and is not, makes the token invalid.',
    expect: 'critical_header_unknown',
    make: (workshop) => workshop.issue({}, header),
  })),
  {
    name: 'a compressed payload',
    spec: 'RFC 7516 §4.1.3',
    sentence: 'Compression belongs to encrypted tokens.',
    expect: 'header_malformed',
    make: (workshop) => workshop.issue({}, { zip: 'DEF' }),
  },
  ...['"alg":"none"', '"typ":"JWT"', '"kid":"other"', '"\\u0061lg":"none"'].map((member): Recipe => ({
    name: `a header which also has ${member}`,
    spec: 'RFC 7515 §4',
    sentence: 'A member stands once: two readers of one text must not differ.',
    expect: 'header_malformed',
    make: (workshop) => workshop.sign(withMember(workshop.headerText(), member), workshop.claimsText()),
  })),
  ...(
    [
      ['a header which is a list', (text: string) => `[${text}]`],
      ['a header which is a string', (text: string) => JSON.stringify(text)],
      ['a header which is no JSON', (text: string) => text.slice(0, -1)],
      ['a header with a byte order mark', (text: string) => `\uFEFF${text}`],
      ['a header with something behind it', (text: string) => `${text}{}`],
    ] as const
  ).map(([name, change]): Recipe => ({
    name,
    spec: 'RFC 7515 §4',
    sentence: 'The header is one JSON object.',
    expect: 'header_malformed',
    make: (workshop) => workshop.sign(change(workshop.headerText()), workshop.claimsText()),
  })),
]
