import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'

import { clock, createResourceServer, type ResourceServer, type ResourceServerOptions } from '@atjwt/core'
import { vi } from 'vitest'

import { clientAssertion, clients, grantAssertion, grants } from './assertion-world.ts'
import { encrypt } from './jwe.ts'
import { outcomeOfConfiguring } from './outcome.ts'
import { acts, proof } from './proof.ts'
import type { Facts } from './requirement.ts'
import { encode, forge, forgeHmac, makeSigner, type Signer } from './signer.ts'
import {
  AUDIENCE,
  claims,
  header,
  KEY,
  NOW,
  ordinary,
  present,
  publishing,
  server,
  tokenOf,
} from './world.ts'

const good = tokenOf(KEY)

/** Which of these a resource server takes. */
async function sort(api: ResourceServer, tokens: Readonly<Record<string, string>>): Promise<Facts> {
  const accepted: string[] = []
  const refused: string[] = []
  for (const [name, token] of Object.entries(tokens)) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const answer = await present(api, token)
    if (answer === 'PASS') accepted.push(name)
    else if (answer === '401 it') refused.push(name)
    else throw new Error(`${name} came to ${answer}`)
  }
  return { accepted, refused }
}

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const signers: readonly Signer[] = [
  ...RSA,
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
  'EdDSA',
  'ML-DSA-65',
  'ES256K',
].map((alg) => makeSigner(alg, alg))
const secret = 'a secret which is long enough for any HMAC of these tests'

/** One good token per algorithm, each with a key which its issuer publishes. */
function byAlgorithm(): Record<string, string> {
  const unsigned = `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims())}.${encode('x')}`
  return {
    ...Object.fromEntries(signers.map((signer) => [signer.alg, tokenOf(signer)])),
    HS256: forgeHmac({ alg: 'HS256', typ: 'at+jwt', kid: 'HS256' }, claims(), secret),
    none: unsigned,
  }
}

{
  const jwks = [
    ...signers.map(({ jwk }) => jwk),
    { kty: 'oct', kid: 'HS256', alg: 'HS256', k: encode(secret) },
  ]
  const taking = (options: Partial<ResourceServerOptions>) => () =>
    sort(server(publishing(jwks), options), byAlgorithm())
  proof('BJ-01', { 'nothing configured': taking({}), 'ES256 configured': taking({ algorithms: 'ES256' }) })
  proof('BJ-07', {
    'nothing configured': async () => {
      const { Ed25519, EdDSA } = byAlgorithm() as { Ed25519: string; EdDSA: string }
      const { accepted } = await sort(server(publishing(jwks)), { Ed25519, EdDSA })
      return { accepted } as Facts
    },
  })
}

proof(
  'BJ-02',
  acts({ NONE: 'NONE', nOnE: 'nOnE', none: 'none' }, (alg) =>
    present(ordinary(), forge(header(KEY, { alg }), claims(), KEY)),
  ),
)

proof('BJ-03', {
  'JWE where signed tokens are accepted': () =>
    present(ordinary(), encrypt({ typ: 'at+jwt', cty: 'JWT' }, good).token),
})

proof('BJ-04', {
  ...acts<unknown>(
    { 'no audience': undefined, 'empty audience': '', 'empty list': [], false: false },
    (audience) => outcomeOfConfiguring('audience', () => ordinary({ audience: audience as never })),
  ),
  'token without aud': () => present(ordinary(), tokenOf(KEY, { aud: undefined })),
})

proof('BJ-05', {
  'every other kind at the resource server': () => {
    const types = [
      'at+jwt',
      'id_token+jwt',
      'logout+jwt',
      'token-introspection+jwt',
      'txntoken+jwt',
      'oauth-id-jag+jwt',
      'client-authentication+jwt',
      'statuslist+jwt',
      'dpop+jwt',
      'oauth-authz-req+jwt',
      'secevent+jwt',
      'JWT',
    ]
    const tokens = Object.fromEntries(types.map((typ) => [typ, tokenOf(KEY, {}, { typ })]))
    return sort(ordinary(), { ...tokens, absent: tokenOf(KEY, {}, { typ: undefined }) })
  },
  'an access token where an assertion is expected': async () => {
    const type = { typ: 'at+jwt' }
    const code = (result: { ok: true } | { ok: false; error: { code: string } }): string =>
      result.ok ? 'accepted' : result.error.code
    return {
      'as client authentication': code(await clients().verify(clientAssertion({}, type))),
      'as a grant': code(await grants().verify(grantAssertion({}, type))),
      'the same without its type': [
        code(await clients().verify(clientAssertion())),
        code(await grants().verify(grantAssertion())),
      ].join(', '),
    }
  },
})

{
  /**
   * A resource server with the runtime's own `fetch`, which alone looks hosts up; the look-up and the network are
   * replaced, because no name here may resolve in earnest.
   */
  const resolved = async (issuer: string, addresses: readonly string[], jwks?: string): Promise<Facts> => {
    const requests: string[] = []
    const lookup = vi
      .spyOn(dns, 'lookup')
      .mockImplementation((async () =>
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))) as never)
    syncBuiltinESMExports()
    vi.stubGlobal('fetch', async (input: string) => {
      requests.push(input)
      return Response.json({ issuer, jwks_uri: `${issuer}/jwks`, keys: [KEY.jwk] })
    })
    try {
      const api = createResourceServer({
        audience: AUDIENCE,
        issuer: () => ({
          issuer,
          ...(jwks === undefined ? {} : { jwks: new URL(jwks), jwksOrigins: [new URL(jwks).origin] }),
        }),
        [clock]: () => NOW,
      })
      return { answer: await present(api, tokenOf(KEY, { iss: issuer })), requests }
    } finally {
      lookup.mockRestore()
      syncBuiltinESMExports()
      vi.unstubAllGlobals()
    }
  }
  const named =
    (...addresses: string[]) =>
    () =>
      resolved('https://tenant.example', addresses)
  proof('BJ-06', {
    'host which resolves to a public address': named('93.184.215.14'),
    'host which resolves to 127.0.0.1': named('127.0.0.1'),
    'host which resolves to ::1': named('::1'),
    'host which resolves to 10.0.0.1': named('10.0.0.1'),
    'host which resolves to fd00::1': named('fd00::1'),
    'host which resolves to a public address and to 10.0.0.1': named('93.184.215.14', '10.0.0.1'),
    'address 169.254.169.254 itself': () => resolved('https://169.254.169.254', ['169.254.169.254']),
    'public address itself': () => resolved('https://93.184.215.14', ['93.184.215.14']),
    'jwks_uri at 10.0.0.1': () => resolved('https://tenant.example', ['10.0.0.1'], 'https://10.0.0.1/jwks'),
  })
}
