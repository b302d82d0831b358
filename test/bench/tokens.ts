import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  type SignKeyObjectInput,
  type VerifyKeyObjectInput,
} from 'node:crypto'

import {
  AuthorizationError,
  createResourceServer,
  customFetch,
  type ResourceServer,
  type ResourceServerOptions,
} from '@atjwt/core'

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'https://api.example'

export type Alg = 'RS256' | 'PS256' | 'ES256' | 'EdDSA'

/** A key which signs tokens, and all that a verifier of any make wants of it. */
export interface Signer {
  readonly alg: Alg
  readonly kid: string
  readonly jwk: Record<string, unknown>
  readonly pem: string
  readonly digest: 'sha256' | null
  readonly publicKey: KeyObject
  /** What `crypto.verify` needs to be told of the key. */
  readonly verifyInput: KeyObject | VerifyKeyObjectInput
  token(claims?: Record<string, unknown>): string
}

function makeKeys(alg: Alg): KeyObject {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

export function createSigner(alg: Alg, kid = `${alg}-1`, privateKey = makeKeys(alg)): Signer {
  const publicKey = createPublicKey(privateKey)
  const digest = alg === 'EdDSA' ? null : 'sha256'
  const how =
    alg === 'ES256'
      ? ({ dsaEncoding: 'ieee-p1363' } as const)
      : alg === 'PS256'
        ? {
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
          }
        : undefined
  const signOptions: SignKeyObjectInput = { key: privateKey, ...how }
  const header = encode({ alg, typ: 'at+jwt', kid })
  return {
    alg,
    kid,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    pem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    digest,
    publicKey,
    verifyInput: how === undefined ? publicKey : { key: publicKey, ...how },
    token(claims = {}) {
      const input = `${header}.${encode(claimsOf(claims))}`
      return `${input}.${sign(digest, Buffer.from(input), signOptions).toString('base64url')}`
    },
  }
}

let serial = 0

/** The claims of an access token, new ones each time. */
export function claimsOf(claims: Record<string, unknown>): Record<string, unknown> {
  serial += 1
  const iat = Math.floor(Date.now() / 1000)
  return {
    iss: ISSUER,
    sub: `user-${serial}`,
    aud: AUDIENCE,
    client_id: 'client-1',
    iat,
    exp: iat + 86_400,
    jti: `jti-${String(serial).padStart(9, '0')}`,
    scope: 'openid orders:read orders:write',
    roles: ['clerk'],
    groups: ['staff', 'order-managers'],
    ...claims,
  }
}

function encode(value: unknown): string {
  return encodeText(JSON.stringify(value))
}

export function encodeText(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** Claims which bring a token of this signer to about so many characters, whatever its signature takes. */
export function padding(signer: Signer, characters: number): Record<string, unknown> {
  const missing = Math.floor(((characters - signer.token({ pad: '' }).length) * 3) / 4)
  return missing > 0 ? { pad: randomBytes(missing).toString('base64url').slice(0, missing) } : {}
}

/** The issuer of these keys, as a resource server meets it: by discovery. */
export function publish(signers: readonly Pick<Signer, 'jwk'>[], issuer = ISSUER): typeof fetch {
  return async (input) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input)
    return pathname.endsWith('/jwks')
      ? Response.json(
          { keys: signers.map(({ jwk }) => jwk) },
          { headers: { 'cache-control': 'max-age=3600' } },
        )
      : Response.json({ issuer, jwks_uri: `${issuer}/jwks` })
  }
}

/** A resource server as `createResourceServer` makes it without options, its keys loaded. */
export async function createServer(
  signers: readonly Pick<Signer, 'jwk'>[],
  options: Partial<ResourceServerOptions> = {},
): Promise<ResourceServer> {
  const api = createResourceServer({
    issuer: ISSUER,
    audience: AUDIENCE,
    [customFetch]: publish(signers),
    ...options,
  })
  await api.ready()
  return api
}

/** The code of the refusal, or `accepted`. */
export async function codeOf(api: ResourceServer, token: string): Promise<string> {
  try {
    await api.verify(token)
    return 'accepted'
  } catch (error) {
    if (error instanceof AuthorizationError) return error.code
    throw error
  }
}

/** The same characters in a string that nobody has read before, as a request brings it. */
export function fresh(octets: Buffer): string {
  return octets.toString('latin1')
}
