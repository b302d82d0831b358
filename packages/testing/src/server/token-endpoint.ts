import {
  allowInsecureRequests,
  type AuthenticatedClient,
  type Client,
  clientSecretJwt,
  clock,
  createAssertionVerifier,
  createTokenEndpoint,
  JWT_BEARER,
  memoryReplayStore,
  type RateLimiter,
  type ReplayStore,
  type TokenEndpoint,
  type TokenRequestEvent,
  type TokenRequestResult,
} from '@atjwt/core/assertion'

import { authenticationMethodOf, type DevelopmentConfig, type DevelopmentClient } from './config.ts'
import { OAuthProblem } from './oauth-error.ts'
import type { Tenant } from './tenant.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** Grant types of this server only: endpoints which authenticate their clients as the token endpoint does. */
export const INTROSPECTION = 'urn:atjwt:introspection'
export const REVOCATION = 'urn:atjwt:revocation'

export const GRANT_TYPES: readonly string[] = [
  'authorization_code',
  'client_credentials',
  'refresh_token',
  JWT_BEARER,
  TOKEN_EXCHANGE,
]

/** What judges the token requests of one tenant. */
export interface Judges {
  readonly byPolicy: TokenEndpoint
  readonly open: TokenEndpoint
}

/** What the judges of all tenants share. */
export interface Judging {
  readonly config: () => DevelopmentConfig
  /** As it was at the first request, so that all tenants have the same one, whenever they are first asked for. */
  readonly clientAuthentication: () => NonNullable<DevelopmentConfig['clientAuthentication']>
  readonly now: () => number
  readonly replay: ReplayStore
  readonly limits: { readonly address?: RateLimiter; readonly failures?: RateLimiter }
  readonly onAudit: (event: TokenRequestEvent) => void
}

export function createJudging(parts: Omit<Judging, 'replay' | 'clientAuthentication'>): Judging {
  let read: NonNullable<DevelopmentConfig['clientAuthentication']> | undefined
  return {
    ...parts,
    // Not yet: a configuration may name the origin of the server, which has one when it listens.
    clientAuthentication: () => (read ??= parts.config().clientAuthentication ?? 'required'),
    replay: memoryReplayStore({ max: 200_000, [clock]: parts.now }),
  }
}

/** A registered client, by its name. */
export function clientOf(config: DevelopmentConfig, client_id: string): DevelopmentClient | undefined {
  return config.clients?.find((client) => client.client_id === client_id)
}

/** The registry is asked for each request, so a change of the configuration counts at once. */
export function createJudges(tenant: Tenant, judging: Judging): Judges {
  const { config, clientAuthentication, now, replay, limits, onAudit } = judging
  const common = { issuer: tenant.issuer, [clock]: now, [allowInsecureRequests]: true as const }
  const clients = createAssertionVerifier({
    ...common,
    purpose: 'client-authentication',
    clients: (client_id) => assertingClient(clientOf(config(), client_id)),
    replay,
  })
  const grants = createAssertionVerifier({
    ...common,
    purpose: 'authorization-grant',
    tokenEndpoint: `${tenant.issuer}/token`,
    replay,
    trusted: (iss) => {
      const entry = config().trusted?.find(({ issuer }) => issuer === iss)
      if (entry === undefined) return undefined
      const subject = ({ sub }: { sub: string }): string | undefined =>
        config().users?.some((user) => user.sub === sub) === true ? sub : undefined
      return { ...entry, subject }
    },
  })
  const options = {
    clients,
    limits,
    onAudit,
    grantTypes: [...GRANT_TYPES.filter((type) => type !== JWT_BEARER), INTROSPECTION, REVOCATION],
    secrets: async (client_id: string, secret: string, method: string) =>
      isSecretOf(clientOf(config(), client_id), secret, method),
  }
  return {
    byPolicy: createTokenEndpoint({ ...options, grants, clientAuthentication: clientAuthentication() }),
    // Public clients redeem codes: PKCE stands for their authentication (RFC 7636). A JWT grant is unknown here, so that
    // none passes which only the lenient look-up takes for something else.
    open: createTokenEndpoint({ ...options, clientAuthentication: 'optional' }),
  }
}

function assertingClient(client: DevelopmentClient | undefined): Client | undefined {
  if (client === undefined) return undefined
  const { client_id, jwks, client_secret, grant_types } = client
  const more = grant_types === undefined ? {} : { grant_types: [...grant_types, INTROSPECTION, REVOCATION] }
  switch (authenticationMethodOf(client)) {
    case 'private_key_jwt':
      return jwks === undefined ? undefined : { client_id, jwks, ...more }
    case 'client_secret_jwt':
      return client_secret === undefined
        ? undefined
        : { client_id, secret: clientSecretJwt({ secret: client_secret, alg: 'HS256' }), ...more }
    default:
      return undefined
  }
}

async function isSecretOf(
  client: DevelopmentClient | undefined,
  secret: string,
  method: string,
): Promise<boolean> {
  // An unknown client takes as long as a wrong secret.
  const expected = await sha256(client?.client_secret ?? crypto.randomUUID())
  const given = await sha256(secret)
  let difference = 0
  for (let at = 0; at < expected.length; at += 1)
    difference |= (expected[at] as number) ^ (given[at] as number)
  if (client === undefined || difference !== 0) return false
  return authenticationMethodOf(client) === method
}

export async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}

/** A token request whose sender is known, as far as it has to be. */
export interface Judged {
  readonly grant_type: string
  readonly params: URLSearchParams
  /** As registered; `undefined` for a grant that stands alone. */
  readonly client: DevelopmentClient | undefined
  readonly authenticated: AuthenticatedClient | undefined
  readonly grant: Extract<TokenRequestResult, { ok: true }>['grant']
}

/** A token request which was refused, and the reason for the operator. */
export class Refused {
  readonly response: Response
  readonly code: string

  constructor(response: Response, code: string) {
    this.response = response
    this.code = code
  }
}

/**
 * Judges a request whose body was read: its sender, its grant, and whether the two may go together.
 *
 * @param endpoint the grant type of an endpoint which is not the token endpoint; a form with one of its own is refused
 */
export async function judgeRequest(
  judges: Judges,
  request: Request,
  body: Uint8Array<ArrayBuffer>,
  address: string,
  config: DevelopmentConfig,
  endpoint?: string,
): Promise<Judged | Refused> {
  // In front: behind a form with too many parts it was not read, and the form's own grant type decided who must
  // authenticate. In front it is read first, and another one repeats it.
  const form = endpoint === undefined ? body : new Blob([`grant_type=${endpoint}&`, body])
  // Which rules apply is looked up leniently; the judges read the same octets strictly, and refuse what is ambiguous.
  const asked = endpoint ?? new URLSearchParams(new TextDecoder().decode(body)).get('grant_type')
  const { method, headers } = request
  const init = ['GET', 'HEAD'].includes(method) ? { method, headers } : { method, headers, body: form }
  const copy = new Request(request.url, init)
  const result = await (asked === JWT_BEARER ? judges.byPolicy : judges.open).verify(copy, { address })
  if (!result.ok) return new Refused(new Response(result.response.body, result.response), result.error.code)
  const { grant_type, params, grant } = result
  // The rules below are those of the grant type: whichever the form was read as, it is that of the endpoint.
  if (endpoint !== undefined && grant_type !== endpoint)
    throw new OAuthProblem('invalid_request', 'This endpoint has no grant_type')
  const client_id = result.client?.client_id ?? params.get('client_id')
  const client = client_id === null ? undefined : clientOf(config, client_id)
  if (grant === undefined) {
    if (client === undefined) throw new OAuthProblem('invalid_client', 'The client is unknown', 401)
    // A client which can authenticate must: else its name alone would do.
    if (result.client === undefined && authenticationMethodOf(client) !== 'none')
      throw new OAuthProblem('invalid_client', 'The client must authenticate', 401)
    if (
      result.client === undefined &&
      !['authorization_code', 'refresh_token', REVOCATION].includes(grant_type)
    )
      throw new OAuthProblem('invalid_client', 'This needs a client which authenticates', 401)
  }
  const registered = client?.grant_types
  if (registered !== undefined && GRANT_TYPES.includes(grant_type) && !registered.includes(grant_type))
    throw new OAuthProblem('unauthorized_client', 'The client is not registered for this grant type')
  return { grant_type, params, client, authenticated: result.client, grant }
}
