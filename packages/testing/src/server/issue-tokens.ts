import type { DevelopmentConfig } from './config.ts'
import { NO_STORE } from './oauth-error.ts'
import type { Asked } from './request-parameters.ts'
import type { Authorization, Tenant } from './tenant.ts'

/** Seconds a refresh token lives. */
const REFRESH_LIFETIME = 86_400

/** What goes into an access token beside what every one has. */
export interface Grant extends Asked {
  readonly sub: string
  readonly client_id: string
  /** The claims of the user or client, from the configuration. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  /** RFC 8693 §4.1. */
  readonly act?: Readonly<Record<string, unknown>> | undefined
  /** RFC 7800 §3.1: how the token is bound to its sender. Nothing binds one yet. */
  readonly cnf?: Readonly<Record<string, unknown>> | undefined
  /** OpenID Connect Core §2. */
  readonly auth_time?: number | undefined
  /** The latest `exp`. */
  readonly until?: number | undefined
  readonly audience?: readonly string[] | undefined
}

/** A JWT access token, RFC 9068 §2. */
export async function issueAccessToken(
  tenant: Tenant,
  grant: Grant,
  { audience = 'https://api.example', tokenLifetime = 300 }: DevelopmentConfig,
  now: number,
): Promise<{ readonly token: string; readonly expires_in: number; readonly jti: string }> {
  const targets = [...grant.resource, ...(grant.audience ?? [])]
  const exp = Math.min(now + tokenLifetime, grant.until ?? Number.POSITIVE_INFINITY)
  const jti = crypto.randomUUID()
  const token = await tenant.sign('at+jwt', {
    // First, so that a configuration cannot say who issued the token or for whom.
    ...grant.claims,
    iss: tenant.issuer,
    sub: grant.sub,
    aud: targets.length > 1 ? targets : (targets[0] ?? audience),
    client_id: grant.client_id,
    iat: now,
    exp,
    jti,
    scope: grant.scope.length === 0 ? undefined : grant.scope.join(' '),
    authorization_details: grant.authorization_details,
    auth_time: grant.auth_time,
    act: grant.act,
    cnf: grant.cnf,
  })
  return { token, expires_in: exp - now, jti }
}

/** An ID token, OpenID Connect Core §2. */
export function issueIdToken(tenant: Tenant, authorization: Authorization, now: number): Promise<string> {
  return tenant.sign('JWT', {
    iss: tenant.issuer,
    sub: authorization.sub,
    aud: authorization.client_id,
    iat: now,
    exp: now + 300,
    auth_time: authorization.auth_time,
    nonce: authorization.nonce,
  })
}

export function issueRefreshToken(tenant: Tenant, authorization: Authorization, now: number): string {
  const token = randomToken()
  tenant.refreshTokens.set(token, authorization, now + REFRESH_LIFETIME)
  return token
}

/** 256 bits, for whatever must not be guessed. */
export function randomToken(): string {
  const octets = crypto.getRandomValues(new Uint8Array(32))
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('')
}

/** RFC 6749 §5.1. */
export function tokenResponse(members: Readonly<Record<string, unknown>>): Response {
  return Response.json({ token_type: 'Bearer', ...members }, { headers: NO_STORE })
}
