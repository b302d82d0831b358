import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

import { clock, createResourceServer, type ResourceServer, type ResourceServerOptions } from '@atjwt/core'

export const NOW = 1_767_225_600
export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'https://api.example'

/** How often a property is tried; `ATJWT_FUZZ_RUNS` raises it. */
export function runs(standard: number): { numRuns: number } {
  return { numRuns: Math.max(standard, Number(process.env['ATJWT_FUZZ_RUNS'] ?? 0)) }
}

/** A test that runs as long as somebody asked for. */
export const PATIENCE = 600_000

export interface Signer {
  readonly alg: string
  readonly jwk: Record<string, unknown>
  /** Signs these very texts, whatever they are. */
  sign(header: string, payload: string): string
  /** A token which keeps RFC 9068, with these claims instead. */
  issue(claims?: Record<string, unknown>, header?: Record<string, unknown>): string
}

const KEYS: Readonly<Record<string, () => { privateKey: KeyObject; publicKey: KeyObject }>> = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}

let jtis = 0

/** A key that exists in this process alone. */
export function createSigner(alg: 'RS256' | 'ES256' | 'EdDSA', kid: string): Signer {
  const { privateKey, publicKey } = (KEYS[alg] as () => { privateKey: KeyObject; publicKey: KeyObject })()
  const self: Signer = {
    alg,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    sign(header, payload) {
      const input = `${encode(header)}.${encode(payload)}`
      const signature = sign(
        alg === 'EdDSA' ? null : 'sha256',
        Buffer.from(input),
        alg === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' } : privateKey,
      )
      return `${input}.${signature.toString('base64url')}`
    },
    issue(claims = {}, header = {}) {
      jtis += 1
      const payload = {
        iss: ISSUER,
        sub: 'user-1',
        aud: AUDIENCE,
        client_id: 'client-1',
        iat: NOW,
        exp: NOW + 300,
        jti: `jti-${jtis}`,
        ...claims,
      }
      return self.sign(JSON.stringify({ alg, typ: 'at+jwt', kid, ...header }), JSON.stringify(payload))
    },
  }
  return self
}

export function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** A server which trusts these keys. */
export function serverOf(
  signers: readonly Signer[],
  options: Partial<ResourceServerOptions> = {},
): ResourceServer {
  return createResourceServer({
    issuer: { issuer: ISSUER, jwks: { keys: signers.map(({ jwk }) => jwk) as never } },
    audience: AUDIENCE,
    [clock]: () => NOW,
    ...options,
  })
}

export function requestWith(token: string): {
  method: string
  url: string
  headers: { get(name: string): string | null }
} {
  return {
    method: 'GET',
    url: `${AUDIENCE}/things`,
    headers: { get: (name) => (name.toLowerCase() === 'authorization' ? `Bearer ${token}` : null) },
  }
}
