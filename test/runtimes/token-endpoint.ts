import {
  clientSecretJwt,
  clock,
  createAssertionVerifier,
  createTokenEndpoint,
  JWT_BEARER,
  memoryReplayStore,
} from '@atjwt/core/assertion'

const NOW = 1_800_000_000
const SERVER = 'https://as.example'
const PARTNER = 'https://partner.example'
const SECRET = '4f8c1de0a9b76352e8d4c1f0b7a69583'
const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

const encode = (octets: Uint8Array): string =>
  btoa(String.fromCharCode(...octets))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

type Sign = (input: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>

async function jwt(alg: string, claims: object, sign: Sign): Promise<string> {
  const times = { aud: SERVER, iat: NOW, exp: NOW + 60, jti: crypto.randomUUID() }
  const parts = [
    { alg, kid: 'k' },
    { ...times, ...claims },
  ].map((part) => encode(utf8(JSON.stringify(part))))
  const input = parts.join('.')
  return `${input}.${encode(new Uint8Array(await sign(utf8(input))))}`
}

/** What the token endpoint says to assertions of every kind, as one finding; the same in every runtime. */
export async function exerciseTokenEndpoint(): Promise<Readonly<Record<string, string>>> {
  const [own, foreign] = await Promise.all(
    [0, 1].map(() => crypto.subtle.generateKey(ES256, true, ['sign', 'verify'])),
  )
  if (own === undefined || foreign === undefined) throw new Error('no keys')
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', own.publicKey)
  const jwks = { keys: [{ kty, crv, x, y, kid: 'k', alg: 'ES256' }] } as never
  const mac = await crypto.subtle.importKey('raw', utf8(SECRET), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ])
  const by =
    (key: typeof own.privateKey): Sign =>
    (input) =>
      crypto.subtle.sign(ES256, key, input)
  const client = { iss: 'client-1', sub: 'client-1' }
  const grant = { iss: PARTNER, sub: 'user-1' }
  const signed = (claims: object, key = own.privateKey): Promise<string> => jwt('ES256', claims, by(key))
  const secretClient = { iss: 'client-2', sub: 'client-2' }
  const sealed = await jwt('HS256', secretClient, (input) => crypto.subtle.sign('HMAC', mac, input))

  const common = { issuer: SERVER, [clock]: () => NOW, replay: memoryReplayStore({ [clock]: () => NOW }) }
  const endpoint = createTokenEndpoint({
    clients: createAssertionVerifier({
      ...common,
      purpose: 'client-authentication',
      clients: (client_id) => {
        if (client_id === 'client-1') return { client_id, jwks }
        if (client_id !== 'client-2') return undefined
        return { client_id, secret: clientSecretJwt({ secret: SECRET, alg: 'HS256' }) }
      },
    }),
    grants: createAssertionVerifier({
      ...common,
      purpose: 'authorization-grant',
      trusted: [{ issuer: PARTNER, jwks }],
    }),
    grantTypes: 'client_credentials',
  })
  const ask = async (parameters: Readonly<Record<string, string>>): Promise<string> => {
    const body = new URLSearchParams(parameters).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const request = new Request(`${SERVER}/token`, { method: 'POST', headers, body })
    const result = await endpoint.verify(request)
    return result.ok ? 'accepted' : `${result.error.status} ${result.error.code}`
  }
  const authenticated = (client_assertion: string): Record<string, string> => ({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
  })
  const credentials = (client_assertion: string): Record<string, string> => ({
    grant_type: 'client_credentials',
    ...authenticated(client_assertion),
  })
  const once = await signed(client)
  const granted = async (assertion: string): Promise<string> =>
    ask({ grant_type: JWT_BEARER, assertion, ...authenticated(await signed(client)) })
  return {
    private_key_jwt: await ask(credentials(once)),
    'the same again': await ask(credentials(once)),
    'of another key': await ask(credentials(await signed(client, foreign.privateKey))),
    expired: await ask(credentials(await signed({ ...client, exp: NOW - 60 }))),
    client_secret_jwt: await ask(credentials(sealed)),
    'with another MAC': await ask(credentials(`${sealed.slice(0, -4)}AAAA`)),
    'JWT grant': await granted(await signed(grant)),
    'JWT grant of another key': await granted(await signed(grant, foreign.privateKey)),
    'JWT grant of nobody': await granted(await signed({ ...grant, iss: 'https://nobody.example' })),
    'JWT grant without a client': await ask({ grant_type: JWT_BEARER, assertion: await signed(grant) }),
  }
}

export const TOKEN_ENDPOINT_FINDING = {
  private_key_jwt: 'accepted',
  'the same again': '401 assertion_replayed',
  'of another key': '401 signature_invalid',
  expired: '401 assertion_expired',
  client_secret_jwt: 'accepted',
  'with another MAC': '401 signature_invalid',
  'JWT grant': 'accepted',
  'JWT grant of another key': '400 signature_invalid',
  'JWT grant of nobody': '400 issuer_not_trusted',
  'JWT grant without a client': '401 client_authentication_required',
}
