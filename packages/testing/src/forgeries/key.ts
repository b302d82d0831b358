import { base64url, signatureOf } from '../jws.ts'
import type { Recipe, Workshop } from './forgery.ts'

const isEllipticCurve = (alg: string): boolean => alg.startsWith('ES')

/** The key comes with the token, and the name of the key is the issuer's: no reason to look for another one. */
const BROUGHT: readonly (readonly [member: string, value: (workshop: Workshop) => unknown])[] = [
  ['jwk', ({ stranger }) => stranger.publicJwk],
  ['jku', () => 'https://evil.example/jwks'],
  ['x5u', () => 'https://evil.example/chain.pem'],
  ['x5c', () => ['MIIB']],
]

const tampered = async (
  workshop: Workshop,
  change: (signature: Uint8Array) => Uint8Array,
): Promise<string> => {
  const input = workshop.input()
  return `${input}.${base64url(change(await signatureOf(workshop.key, input)))}`
}

export const KEY: readonly Recipe[] = [
  // The two which name keys that nobody knows stand first: asking the issuer for them is rationed.
  {
    name: 'a key of the forger, by its own name',
    spec: 'RFC 7515 §4.1.4',
    sentence: 'The key must be among those which the issuer publishes.',
    expect: 'kid_unknown',
    make: (workshop) => workshop.issue({}, { kid: workshop.stranger.kid }, workshop.stranger),
  },
  {
    name: 'a kid which is a path',
    spec: 'RFC 8725 §3.10',
    sentence: 'A kid is compared, never used as a file name, a query or an address.',
    expect: 'kid_unknown',
    make: (workshop) => workshop.issue({}, { kid: '../../../../dev/null' }, workshop.stranger),
  },
  {
    name: "a key of the forger, by the name of the issuer's",
    spec: 'RFC 9068 §4',
    sentence: 'The signature must be made by a key of the issuer.',
    expect: 'signature_invalid',
    make: (workshop) => workshop.issue({}, {}, workshop.stranger),
  },
  {
    name: 'a key of the forger, without a name',
    spec: 'RFC 9068 §4',
    sentence: 'The signature must be made by a key of the issuer.',
    expect: 'signature_invalid',
    make: (workshop) => workshop.issue({}, { kid: undefined }, workshop.stranger),
  },
  ...BROUGHT.map(([member, value]): Recipe => ({
    name: `a key which comes with the token, by ${member}`,
    spec: 'RFC 8725 §3.10',
    sentence: 'No key comes from a token, and no address in it is ever asked.',
    expect: 'signature_invalid',
    make: (workshop) => workshop.issue({}, { [member]: value(workshop) }, workshop.stranger),
  })),
  ...[7, null, {}, ['k1'], true].map((kid): Recipe => ({
    name: `kid ${JSON.stringify(kid)}`,
    spec: 'RFC 7515 §4.1.4',
    sentence: 'The name of a key is a string.',
    expect: 'header_malformed',
    make: (workshop) => workshop.issue({}, { kid }),
  })),
  {
    name: 'claims changed after signing',
    spec: 'RFC 9068 §4',
    sentence: 'The signature covers every claim.',
    expect: 'signature_invalid',
    async make(workshop) {
      const signature = (await workshop.issue()).split('.')[2] as string
      return `${workshop.input({}, { sub: 'admin' })}.${signature}`
    },
  },
  {
    name: 'a header changed after signing',
    spec: 'RFC 7515 §5.2',
    sentence: 'The signature covers the header.',
    expect: 'signature_invalid',
    async make(workshop) {
      const signature = (await workshop.issue()).split('.')[2] as string
      return `${workshop.input({ typ: 'application/at+jwt' })}.${signature}`
    },
  },
  {
    name: 'the signature of another token',
    spec: 'RFC 9068 §4',
    sentence: 'A signature belongs to one token.',
    expect: 'signature_invalid',
    async make(workshop) {
      const signature = (await workshop.issue({ jti: 'another' })).split('.')[2] as string
      return `${workshop.input()}.${signature}`
    },
  },
  {
    name: 'one bit of the signature turned',
    spec: 'RFC 7515 §5.2',
    sentence: 'Every bit of a signature counts.',
    expect: 'signature_invalid',
    make: (workshop) =>
      tampered(workshop, (signature) => signature.map((octet, at) => (at === 9 ? octet ^ 1 : octet))),
  },
  {
    name: 'a signature which was cut',
    spec: 'RFC 7515 §5.2',
    sentence: 'A signature has the size which its key gives it.',
    expect: 'signature_invalid',
    make: (workshop) => tampered(workshop, (signature) => signature.subarray(0, -3)),
  },
  {
    name: 'a signature with something behind it',
    spec: 'RFC 7515 §5.2',
    sentence: 'A signature has the size which its key gives it.',
    expect: 'signature_invalid',
    make: (workshop) => tampered(workshop, (signature) => Uint8Array.of(...signature, 0, 0, 0)),
  },
  {
    name: 'a signature of zeros',
    spec: 'RFC 7515 §5.2',
    sentence: 'Zero is no value of a signature.',
    expect: 'signature_invalid',
    make: (workshop) => tampered(workshop, (signature) => new Uint8Array(signature.length)),
  },
  {
    name: 'a signature in DER',
    spec: 'RFC 7518 §3.4',
    sentence: 'An ECDSA signature is the two numbers in their full size, not a DER sequence.',
    expect: 'signature_invalid',
    when: isEllipticCurve,
    make: (workshop) => tampered(workshop, derOf),
  },
]

function derOf(signature: Uint8Array): Uint8Array {
  const middle = signature.length / 2
  const body = [...integer(signature.subarray(0, middle)), ...integer(signature.subarray(middle))]
  return Uint8Array.of(0x30, ...(body.length > 0x7f ? [0x81] : []), body.length, ...body)
}

function integer(octets: Uint8Array): number[] {
  const value = [...octets.subarray(octets.findIndex((octet) => octet !== 0))]
  // A first bit that is set would be a minus sign.
  if ((value[0] as number) > 0x7f) value.unshift(0)
  return [2, value.length, ...value]
}
