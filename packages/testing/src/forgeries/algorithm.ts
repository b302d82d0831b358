import { exportSPKI } from 'jose/key/export'

import { base64url } from '../jws.ts'
import type { Recipe, Workshop } from './forgery.ts'

const NONE = ['none', 'None', 'NONE', 'nOnE'].flatMap((alg): Recipe[] => [
  {
    name: `alg ${alg} with an empty signature`,
    spec: 'RFC 8725 §3.2',
    sentence: 'A token without a signature is no access token, however "none" is spelled.',
    expect: 'token_malformed',
    make: (workshop) => `${workshop.input({ alg })}.`,
  },
  {
    name: `alg ${alg} without the third part`,
    spec: 'RFC 7515 §3.1',
    sentence: 'A signed token has three parts.',
    expect: 'token_opaque',
    make: (workshop) => workshop.input({ alg }),
  },
  {
    name: `alg ${alg} in front of a signature`,
    spec: 'RFC 8725 §3.2',
    sentence: '"none" is not among the algorithms of a resource server, also when a signature stands there.',
    expect: 'algorithm_not_allowed',
    make: (workshop) => workshop.issue({}, { alg }),
  },
])

/** The public key in the spellings in which somebody may take it for a secret. */
const SECRETS: readonly (readonly [
  name: string,
  of: (workshop: Workshop) => Promise<string | Uint8Array>,
])[] = [
  ['the PEM text of the public key', ({ key }) => exportSPKI(key.publicKey)],
  ['the PEM text as a file has it', async ({ key }) => `${await exportSPKI(key.publicKey)}\n`],
  [
    'the DER octets of the public key',
    async ({ key }) => new Uint8Array(await crypto.subtle.exportKey('spki', key.publicKey)),
  ],
  ['the JSON text of the public key', async ({ publicJwk }) => JSON.stringify(publicJwk)],
  [
    'the material of the public key',
    async ({ publicJwk }) => String(publicJwk.x ?? publicJwk.n ?? publicJwk['pub']),
  ],
  ['the name of the key', async ({ key }) => key.kid],
  ['the word "secret"', async () => 'secret'],
]

const CONFUSION = [
  ...SECRETS.map(([name, secret]) => ['HS256', name, secret] as const),
  ['HS384', ...(SECRETS[0] as (typeof SECRETS)[number])] as const,
  ['HS512', ...(SECRETS[0] as (typeof SECRETS)[number])] as const,
].map(([alg, name, secret]): Recipe => ({
  name: `${alg} with ${name}`,
  spec: 'RFC 8725 §3.1',
  sentence: 'A public key is no secret: an algorithm that takes one must not be accepted for it.',
  expect: 'algorithm_not_allowed',
  async make(workshop) {
    const input = workshop.input({ alg })
    return `${input}.${await hmac(`SHA-${alg.slice(2)}`, await secret(workshop), input)}`
  },
}))

async function hmac(hash: string, secret: string | Uint8Array, input: string): Promise<string> {
  const octets = typeof secret === 'string' ? new TextEncoder().encode(secret) : new Uint8Array(secret)
  const key = await crypto.subtle.importKey('raw', octets, { name: 'HMAC', hash }, false, ['sign'])
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(input))
  return base64url(new Uint8Array(signature))
}

const UNKNOWN: readonly (readonly [name: string, alg: unknown])[] = [
  ['no alg', undefined],
  ['an empty alg', ''],
  ['alg as a number', 256],
  ['alg as a list', ['ES256']],
  ['alg null', null],
  ['alg in lower case', 'es256'],
  ['alg with a space behind it', 'ES256 '],
  ['an alg which nobody has registered', 'ES257'],
  ['an alg for encryption', 'RSA-OAEP-256'],
  ['alg dir', 'dir'],
  ['an alg named like a member of every object', '__proto__'],
  ['SHA-1', 'RS1'],
]

export const ALGORITHM: readonly Recipe[] = [
  ...NONE,
  ...CONFUSION,
  ...UNKNOWN.map(([name, alg]): Recipe => ({
    name,
    spec: 'RFC 8725 §3.1',
    sentence: 'Only algorithms from the list of the resource server verify a token.',
    expect: 'algorithm_not_allowed',
    make: (workshop) => workshop.issue({}, { alg }),
  })),
  {
    name: 'another algorithm of the list, signed by a key of the forger',
    spec: 'RFC 8725 §3.1',
    sentence: 'A key is used with its own algorithm and with no other.',
    expect: 'key_unsuitable',
    make: (workshop) => workshop.issue({}, { alg: workshop.other.alg }, workshop.other),
  },
]
