import { NO_STORE } from './oauth-error.ts'
import type { Tenant } from './tenant.ts'

/** RFC 7662 §2.2: what is not a valid token of this server is inactive, whatever else it may be. */
export async function introspect(tenant: Tenant, token: string): Promise<Response> {
  const claims = await tenant.readAccessToken(token)
  if (claims !== undefined)
    return Response.json({ active: true, token_type: 'Bearer', ...claims }, { headers: NO_STORE })
  const known = tenant.refreshTokens.get(token)
  const active = known !== undefined && tenant.revoked.get(known.family) === undefined
  return Response.json(
    active
      ? {
          active,
          iss: tenant.issuer,
          sub: known.sub,
          client_id: known.client_id,
          ...(known.scope.length === 0 ? {} : { scope: known.scope.join(' ') }),
        }
      : { active: false },
    { headers: NO_STORE },
  )
}

/** RFC 7009 §2: 200 also for a token which nobody knows, and for one of another client nothing happens. */
export async function revoke(
  tenant: Tenant,
  token: string,
  client_id: string,
  now: number,
): Promise<Response> {
  const claims = await tenant.readAccessToken(token)
  if (claims?.client_id === client_id) tenant.revoked.set(claims.jti, true, claims.exp)
  const known = tenant.refreshTokens.get(token)
  if (known?.client_id === client_id) {
    tenant.refreshTokens.delete(token)
    tenant.revoked.set(known.family, true, now + 86_400)
  }
  return new Response(null, { headers: NO_STORE })
}
