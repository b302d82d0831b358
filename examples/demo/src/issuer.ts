import { createDevelopmentServer, type DevelopmentServer } from '@atjwt/testing/server'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export const AUDIENCE = 'https://api.example'
/** Who vouches for users in a JWT grant. */
const PROVIDER = 'https://idp.example'

/** Claims of an assertion, where they differ from right ones. */
export interface AssertionClaims {
  readonly aud?: string
  readonly exp?: number
}

/** The authorization server of the demonstration, and what its clients need. */
export interface Issuer extends AsyncDisposable {
  readonly server: DevelopmentServer
  /** Authenticates the client `service` (RFC 7523 §2.2). */
  readonly clientAssertion: (claims?: AssertionClaims) => Promise<string>
  /** The same by somebody who has another key. */
  readonly forgedAssertion: () => Promise<string>
  /** A grant of the identity provider about a user (RFC 7523 §2.1). */
  readonly grantAbout: (sub: string, claims?: AssertionClaims) => Promise<string>
}

type Sign = (iss: string, sub: string, claims: AssertionClaims & { readonly aud: string }) => Promise<string>

/** Keys are made at run time: no file has one. */
export async function createIssuer(): Promise<Issuer> {
  const client = await createSigner()
  const provider = await createSigner()
  const forger = await createSigner()
  const server = createDevelopmentServer({
    config: {
      audience: AUDIENCE,
      // A grant may stand alone here; with credentials beside it, these must be right.
      clientAuthentication: 'optional',
      clients: [{ client_id: 'service', jwks: { keys: [client.jwk] } }],
      users: [{ sub: 'alice', name: 'Alice' }],
      trusted: [{ issuer: PROVIDER, jwks: { keys: [provider.jwk] } }],
    },
  })
  return {
    server,
    clientAssertion: (claims) => client.sign('service', 'service', { aud: server.origin, ...claims }),
    forgedAssertion: () => forger.sign('service', 'service', { aud: server.origin }),
    grantAbout: (sub, claims) => provider.sign(PROVIDER, sub, { aud: server.origin, ...claims }),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

async function createSigner(): Promise<{ readonly jwk: JWK; readonly sign: Sign }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  return {
    jwk: { ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' },
    sign: (iss, sub, { aud, exp }) => {
      const now = Math.floor(Date.now() / 1000)
      return new SignJWT({ iss, sub, aud, iat: now - 120, exp: exp ?? now + 60, jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: 'ES256' })
        .sign(privateKey)
    },
  }
}
