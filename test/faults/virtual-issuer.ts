import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** Seconds since the epoch at which every history begins. */
export const START = 1_800_000_000
export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'https://api.example'
/** Tokens outlive every history, so that keys alone decide. */
export const LIFETIME = 10 * 365 * 86_400

/** A key of an issuer, with one token which it signed. */
export interface IssuerKey {
  readonly kid: string
  readonly jwk: Readonly<Record<string, unknown>>
  readonly token: string
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token under any `kid`, signed by any key. */
export function makeToken(kid: string, key: KeyObject, claims: Record<string, unknown> = {}): string {
  const header = encode({ alg: 'ES256', typ: 'at+jwt', kid })
  const payload = encode({
    iss: ISSUER,
    sub: 'user-1',
    aud: AUDIENCE,
    client_id: 'client-1',
    iat: START - LIFETIME / 2,
    exp: START + LIFETIME / 2,
    jti: kid,
    ...claims,
  })
  const signature = sign('sha256', Buffer.from(`${header}.${payload}`), { key, dsaEncoding: 'ieee-p1363' })
  return `${header}.${payload}.${signature.toString('base64url')}`
}

/** A token of the right form whose `kid` and signature are nobody's: costs nothing to make. */
export function inventedToken(kid: string): string {
  const header = encode({ alg: 'ES256', typ: 'at+jwt', kid })
  return `${header}.${inventedPayload}.${'A'.repeat(86)}`
}
const inventedPayload = encode({
  iss: ISSUER,
  sub: 'user-1',
  aud: AUDIENCE,
  client_id: 'client-1',
  iat: START - LIFETIME / 2,
  exp: START + LIFETIME / 2,
  jti: 'x',
})

export function makeKey(kid: string, issuer = ISSUER): IssuerKey & { readonly privateKey: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }
  return { kid, jwk, token: makeToken(kid, privateKey, { iss: issuer }), privateKey }
}

/** A key of the same name and other material, whose tokens are forgeries. */
export const forger: KeyObject = createPrivateKey({
  key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
})

/** A request with this token. */
export function bearing(token: string): Request {
  return new Request(`${AUDIENCE}/orders`, { headers: { authorization: `Bearer ${token}` } })
}

/** Lets everything run which waits for nothing but promises. */
export async function settle(): Promise<void> {
  // A streamed body takes a few turns of the event loop.
  for (let turn = 0; turn < 3; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one turn after the other
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

export const METADATA_URL = `${ISSUER}/.well-known/oauth-authorization-server`
export const JWKS_URL = `${ISSUER}/jwks`

export function metadataResponse(members: Record<string, unknown> = {}): Response {
  return Response.json({ issuer: ISSUER, jwks_uri: JWKS_URL, ...members })
}

export function jwksResponse(keys: readonly IssuerKey[], headers: Record<string, string> = {}): Response {
  return Response.json({ keys: keys.map(({ jwk }) => jwk) }, { headers })
}
