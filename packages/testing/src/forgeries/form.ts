import { type Recipe, withMember, type Workshop } from './forgery.ts'

type Change = (token: string, workshop: Workshop) => string

const SHAPES: readonly (readonly [name: string, expect: Recipe['expect'], change: Change])[] = [
  ['an opaque token', 'token_opaque', (token) => token.replaceAll('.', '')],
  ['two parts', 'token_opaque', (token) => token.slice(0, token.lastIndexOf('.'))],
  ['four parts', 'token_opaque', (token) => `${token}.AAAA`],
  ['five parts', 'token_encrypted', (token) => `${token}.AAAA.AAAA`],
  ['an empty header', 'token_malformed', (token) => token.slice(token.indexOf('.'))],
  ['an empty payload', 'token_malformed', (token) => token.replace(/\.[^.]+\./, '..')],
  ['an empty signature', 'token_malformed', (token) => token.slice(0, token.lastIndexOf('.') + 1)],
  ['padding', 'token_malformed', (token) => `${token}==`],
  ['letters of plain base64', 'token_malformed', (token) => `${token.slice(0, -4)}+/+/`],
]

/** Another last character which decodes to the same octets: RFC 4648 §3.5 leaves its lowest bits to nobody. */
function respell(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1) as string) + 1]
}

export const FORM: readonly Recipe[] = [
  ...SHAPES.map(([name, expect, change]): Recipe => ({
    name,
    spec: 'RFC 7515 §3.1',
    sentence: 'A signed token is three parts of base64url with a dot between them, and nothing else.',
    expect,
    make: async (workshop) => change(await workshop.issue(), workshop),
  })),
  {
    name: 'another spelling of the same payload',
    spec: 'RFC 7515 §2',
    sentence: 'A token has one spelling: else a list of revoked ones misses its twin.',
    expect: 'token_malformed',
    async make(workshop) {
      // A length at which the last character has bits to spare.
      const rest = new TextEncoder().encode(workshop.claimsText({ jti: '' })).length % 3
      const jti = 'j'.repeat((1 - rest + 3) % 3 || 3)
      const [header, payload, signature] = (await workshop.issue({ jti })).split('.') as [
        string,
        string,
        string,
      ]
      return `${header}.${respell(payload)}.${signature}`
    },
  },
  ...['"aud":"https://other.example"', '"sub":"admin"', '"exp":9999999999', '"s\\u0075b":"admin"'].map(
    (member): Recipe => ({
      name: `claims which also have ${member}`,
      spec: 'RFC 7519 §4',
      sentence: 'A claim stands once: two readers of one text must not differ.',
      expect: 'claims_malformed',
      make: (workshop) => workshop.sign(workshop.headerText(), withMember(workshop.claimsText(), member)),
    }),
  ),
  ...(
    [
      ['claims which are a list', (text: string) => `[${text}]`],
      ['claims which are a string', (text: string) => JSON.stringify(text)],
      ['claims which are null', () => 'null'],
      ['claims which are no JSON', (text: string) => text.slice(0, -1)],
      ['claims with a byte order mark', (text: string) => `\uFEFF${text}`],
      ['claims with something behind them', (text: string) => `${text} {}`],
      ['a number which no number holds', (text: string) => withMember(text, '"n":1e999')],
      ['half of a character', (text: string) => withMember(text, '"n":"\\ud800"')],
      [
        'claims nested too deep',
        (text: string) => withMember(text, `"n":${'['.repeat(99)}${']'.repeat(99)}`),
      ],
    ] as const
  ).map(([name, change]): Recipe => ({
    name,
    spec: 'RFC 7519 §7.2',
    sentence: 'The claims are one JSON object, which every reader reads alike.',
    expect: 'claims_malformed',
    make: (workshop) => workshop.sign(workshop.headerText(), change(workshop.claimsText())),
  })),
  {
    name: 'octets which are no text',
    spec: 'RFC 7519 §7.2',
    sentence: 'The claims are a text in UTF-8.',
    expect: 'claims_malformed',
    make(workshop) {
      const text = new TextEncoder().encode(workshop.claimsText({ n: '?' }))
      return workshop.sign(
        workshop.headerText(),
        text.map((octet) => (octet === 0x3f ? 0xff : octet)),
      )
    },
  },
]
