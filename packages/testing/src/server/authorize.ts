import type { DevelopmentClient, DevelopmentConfig, DevelopmentUser } from './config.ts'
import { randomToken } from './issue-tokens.ts'
import { OAuthProblem } from './oauth-error.ts'
import { readAsked } from './request-parameters.ts'
import type { Tenant } from './tenant.ts'
import { clientOf, sha256 } from './token-endpoint.ts'

/** Seconds a code may take to be redeemed; RFC 6749 §4.1.2 wants it short. */
const CODE_LIFETIME = 60

/** Parameters which the login page carries along. */
export const CARRIED = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'authorization_details',
  'prompt',
  'resource',
] as const

/** An authorization request whose answer may be sent to its redirect URI. */
export interface AuthorizationRequest {
  readonly client: DevelopmentClient
  readonly redirect_uri: string
  readonly params: URLSearchParams
}

/**
 * Reads the two parameters on which everything else depends: who asks, and where the answer goes. What is wrong with
 * them is told to the person in front of the browser, never by a redirect (RFC 6749 §4.1.2.1).
 *
 * @throws {OAuthProblem}
 */
export function readAuthorizationRequest(
  params: URLSearchParams,
  config: DevelopmentConfig,
): AuthorizationRequest {
  for (const name of CARRIED) {
    if (name !== 'resource' && params.getAll(name).length > 1)
      throw new OAuthProblem('invalid_request', `The parameter ${name} stands there twice`)
  }
  const client = clientOf(config, params.get('client_id') ?? '')
  if (client === undefined) throw new OAuthProblem('invalid_request', 'The client is unknown')
  const redirect_uri = params.get('redirect_uri') ?? ''
  if (!(client.redirect_uris ?? []).some((registered) => isSameRedirect(registered, redirect_uri)))
    throw new OAuthProblem('invalid_request', 'The redirect_uri is not registered for the client')
  return { client, redirect_uri, params }
}

/** Compared as text (RFC 9700 §4.1); a native client's port on loopback is chosen by the system (RFC 8252 §7.3). */
function isSameRedirect(registered: string, given: string): boolean {
  if (registered === given) return true
  const loopback = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?(?=\/|$)/
  const [host] = loopback.exec(registered) ?? []
  const [other] = loopback.exec(given) ?? []
  if (host === undefined || other === undefined) return false
  return (
    withoutPort(host) === withoutPort(other) && registered.slice(host.length) === given.slice(other.length)
  )
}

const withoutPort = (origin: string): string => origin.replace(/:\d+$/, '')

/** Everything else of the request; what is wrong goes back to the client. */
export function checkAuthorizationRequest(
  { client, params }: AuthorizationRequest,
  config: DevelopmentConfig,
): OAuthProblem | undefined {
  try {
    if (params.get('response_type') !== 'code')
      throw new OAuthProblem('unsupported_response_type', 'Only response_type code is served')
    if ((params.get('response_mode') ?? 'query') !== 'query')
      throw new OAuthProblem('invalid_request', 'Only response_mode query is served')
    if (client.grant_types !== undefined && !client.grant_types.includes('authorization_code'))
      throw new OAuthProblem('unauthorized_client', 'The client is not registered for this grant type')
    // "plain" would put the secret of PKCE into the front channel.
    if (params.get('code_challenge_method') !== 'S256')
      throw new OAuthProblem('invalid_request', 'PKCE with code_challenge_method S256 is required')
    if (!/^[A-Za-z0-9_-]{43}$/.test(params.get('code_challenge') ?? ''))
      throw new OAuthProblem('invalid_request', 'The code_challenge is no SHA-256 in base64url')
    readAsked(params, client, config)
    if (params.get('prompt')?.split(' ').includes('none') === true)
      throw new OAuthProblem('login_required', 'Nobody is logged in')
    return undefined
  } catch (error) {
    if (error instanceof OAuthProblem) return error
    throw error
  }
}

/** Whether the password is that of the user; a user without one needs none. */
export async function isPasswordOf(user: DevelopmentUser, given: string): Promise<boolean> {
  if (user.password === undefined) return true
  const [expected, presented] = await Promise.all([sha256(user.password), sha256(given)])
  return expected.every((octet, at) => octet === presented[at])
}

/** The address to which the browser goes with a code. */
export function grantCode(
  tenant: Tenant,
  { client, redirect_uri, params }: AuthorizationRequest,
  user: DevelopmentUser,
  config: DevelopmentConfig,
  now: number,
): string {
  const code = randomToken()
  tenant.codes.set(
    code,
    {
      ...readAsked(params, client, config),
      client_id: client.client_id,
      sub: user.sub,
      auth_time: now,
      nonce: params.get('nonce') ?? undefined,
      family: crypto.randomUUID(),
      redirect_uri,
      code_challenge: params.get('code_challenge') as string,
    },
    now + CODE_LIFETIME,
  )
  return redirection(tenant, redirect_uri, params, { code })
}

/** RFC 6749 §4.1.2; `iss` says which server answers, RFC 9207. */
export function redirection(
  tenant: Tenant,
  redirect_uri: string,
  params: URLSearchParams,
  answer: Readonly<Record<string, string>>,
): string {
  const url = new URL(redirect_uri)
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value)
  const state = params.get('state')
  if (state !== null) url.searchParams.set('state', state)
  url.searchParams.set('iss', tenant.issuer)
  return url.href
}
