import { encode } from 'jose/base64url'

import { type DevelopmentConfig, isRecord } from './config.ts'
import {
  type Grant,
  issueAccessToken,
  issueIdToken,
  issueRefreshToken,
  tokenResponse,
} from './issue-tokens.ts'
import { OAuthProblem } from './oauth-error.ts'
import { readAsked, readScope, required } from './request-parameters.ts'
import type { Authorization, OwnToken, Tenant } from './tenant.ts'
import { type Judged, sha256, TOKEN_EXCHANGE } from './token-endpoint.ts'

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

/** What a grant needs beside the request. */
export interface GrantContext {
  readonly tenant: Tenant
  readonly config: DevelopmentConfig
  /** Seconds since the epoch. */
  readonly now: number
}

/** Answers a token request which was judged. */
export async function answerTokenRequest(judged: Judged, context: GrantContext): Promise<Response> {
  switch (judged.grant_type) {
    case 'client_credentials':
      return clientCredentials(judged, context)
    case 'authorization_code':
      return authorizationCode(judged, context)
    case 'refresh_token':
      return refresh(judged, context)
    case TOKEN_EXCHANGE:
      return tokenExchange(judged, context)
    default:
      return judged.grant === undefined
        ? new OAuthProblem('unsupported_grant_type', 'The grant type is not supported here').toResponse()
        : jwtBearer(judged, context)
  }
}

async function answer(
  grant: Grant,
  { tenant, config, now }: GrantContext,
  more: object = {},
): Promise<Response> {
  const { token, expires_in } = await issueAccessToken(tenant, grant, config, now)
  return tokenResponse({
    access_token: token,
    expires_in,
    // Said also when it is what was asked for, so that a client never guesses; an empty one is none (RFC 6749 §3.3).
    ...(grant.scope.length === 0 ? {} : { scope: grant.scope.join(' ') }),
    ...(grant.authorization_details === undefined
      ? {}
      : { authorization_details: grant.authorization_details }),
    ...more,
  })
}

const userClaims = (config: DevelopmentConfig, sub: string): Readonly<Record<string, unknown>> | undefined =>
  config.users?.find((user) => user.sub === sub)?.claims

/** RFC 6749 §4.4. RFC 9068 §2.2: without a resource owner the client is the subject. */
function clientCredentials({ client, params }: Judged, context: GrantContext): Promise<Response> {
  const { client_id, claims } = client as NonNullable<Judged['client']>
  return answer({ ...readAsked(params, client, context.config), sub: client_id, client_id, claims }, context)
}

/** RFC 7523 §2.1. */
function jwtBearer(
  { client, authenticated, grant, params }: Judged,
  context: GrantContext,
): Promise<Response> {
  const { subject, issuer } = grant as NonNullable<Judged['grant']>
  return answer(
    {
      ...readAsked(params, client, context.config),
      sub: subject,
      // A grant that stands alone comes from its issuer.
      client_id: authenticated?.client_id ?? issuer,
      claims: userClaims(context.config, subject),
    },
    context,
  )
}

/** RFC 6749 §4.1.3 with RFC 7636 §4.6. */
async function authorizationCode({ client, params }: Judged, context: GrantContext): Promise<Response> {
  const { tenant } = context
  const { client_id } = client as NonNullable<Judged['client']>
  const presented = required(params, 'code')
  const reused = tenant.usedCodes.get(presented)
  // RFC 6749 §4.1.2: somebody has a copy, so nothing that came of it is trusted.
  if (reused !== undefined) tenant.revoked.set(reused, true, context.now + 86_400)
  const code = tenant.codes.get(presented)
  if (code === undefined || code.client_id !== client_id)
    throw new OAuthProblem('invalid_grant', 'The code is unknown, used or expired')
  // A wrong resource can be mended. What shows whose the code is cannot: whoever fails there has no second try.
  const resource = readTarget(params, code, context.config)
  tenant.codes.delete(presented)
  tenant.usedCodes.set(presented, code.family, context.now + 600)
  if (params.get('redirect_uri') !== code.redirect_uri)
    throw new OAuthProblem('invalid_grant', 'The redirect_uri is not that of the authorization request')
  const verifier = required(params, 'code_verifier')
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier) || encode(await sha256(verifier)) !== code.code_challenge)
    throw new OAuthProblem('invalid_grant', 'The code_verifier does not fit the code_challenge')
  return redeem(code, resource, client, context)
}

/** RFC 6749 §6, rotated as RFC 9700 §4.14.2 wants it for public clients. */
async function refresh({ client, params }: Judged, context: GrantContext): Promise<Response> {
  const { tenant } = context
  const { client_id } = client as NonNullable<Judged['client']>
  const presented = required(params, 'refresh_token')
  const reused = tenant.usedRefreshTokens.get(presented)
  if (reused !== undefined) tenant.revoked.set(reused, true, context.now + 86_400)
  const known = tenant.refreshTokens.get(presented)
  if (known === undefined || known.client_id !== client_id || tenant.revoked.get(known.family) !== undefined)
    throw new OAuthProblem('invalid_grant', 'The refresh token is unknown, used or revoked')
  const asked = params.get('scope')
  const scope = asked === null ? known.scope : readScope(asked, client)
  if (!scope.every((value) => known.scope.includes(value)))
    throw new OAuthProblem('invalid_scope', 'The scope is wider than what was granted')
  // Before the token is used up: the same request without the mistake would count as somebody else's.
  const resource = readTarget(params, known, context.config)
  tenant.refreshTokens.delete(presented)
  tenant.usedRefreshTokens.set(presented, known.family, context.now + 86_400)
  return redeem(known, resource, client, context, scope)
}

/** RFC 8707 §2.2: a token may be asked for some of the resources which were granted. */
function readTarget(
  params: URLSearchParams,
  granted: Authorization,
  config: DevelopmentConfig,
): readonly string[] {
  const { resource } = readAsked(params, undefined, config)
  if (granted.resource.length > 0 && !resource.every((value) => granted.resource.includes(value)))
    throw new OAuthProblem('invalid_target', 'The resource was not granted')
  return resource.length > 0 ? resource : granted.resource
}

async function redeem(
  authorization: Authorization,
  resource: readonly string[],
  client: Judged['client'],
  context: GrantContext,
  scope: readonly string[] = authorization.scope,
): Promise<Response> {
  const { tenant, config, now } = context
  // By what was granted: a narrower scope is asked for one access token, and does not end the login (RFC 6749 §6).
  const refreshes =
    client?.grant_types?.includes('refresh_token') ?? authorization.scope.includes('offline_access')
  const { family, nonce: _nonce, ...remembered } = authorization
  return answer(
    {
      ...authorization,
      scope,
      resource,
      claims: { ...userClaims(config, authorization.sub), sid: family },
    },
    context,
    {
      ...(refreshes ? { refresh_token: issueRefreshToken(tenant, { ...remembered, family }, now) } : {}),
      ...(scope.includes('openid') ? { id_token: await issueIdToken(tenant, authorization, now) } : {}),
    },
  )
}

/** RFC 8693 §2: always a delegation, so the token says who acts. */
async function tokenExchange({ client, params }: Judged, context: GrantContext): Promise<Response> {
  const { client_id } = client as NonNullable<Judged['client']>
  const subject = await readToken('subject', params, context)
  const actor = params.has('actor_token') ? await readToken('actor', params, context) : undefined
  const requested = params.get('requested_token_type') ?? ACCESS_TOKEN
  if (requested !== ACCESS_TOKEN && requested !== JWT)
    throw new OAuthProblem('invalid_request', 'Only access tokens are issued')
  const acting = actor?.sub ?? client_id
  const mayAct = subject['may_act']
  // RFC 8693 §4.4.
  if (isRecord(mayAct) && mayAct['sub'] !== acting)
    throw new OAuthProblem('invalid_request', 'The subject token may not be used by this actor')
  const held = typeof subject['scope'] === 'string' ? subject['scope'].split(' ').filter(Boolean) : []
  const asked = readAsked(params, client, context.config)
  if (!asked.scope.every((value) => held.includes(value)))
    throw new OAuthProblem('invalid_scope', 'The scope is wider than that of the subject token')
  // Without a scope in the request the client gets what it could have asked for, not all that its subject token has.
  const allowed = client?.scope?.split(' ') ?? held
  return answer(
    {
      ...asked,
      audience: params.getAll('audience'),
      scope: params.has('scope') ? asked.scope : held.filter((value) => allowed.includes(value)),
      sub: subject.sub,
      client_id,
      claims: userClaims(context.config, subject.sub),
      // Earlier actors stand inside the present one (RFC 8693 §4.1).
      act: { sub: acting, ...(isRecord(subject['act']) ? { act: subject['act'] } : {}) },
      until: subject.exp,
    },
    context,
    { issued_token_type: ACCESS_TOKEN },
  )
}

async function readToken(
  of: 'subject' | 'actor',
  params: URLSearchParams,
  { tenant }: GrantContext,
): Promise<OwnToken> {
  const type = required(params, `${of}_token_type`)
  if (type !== ACCESS_TOKEN && type !== JWT)
    throw new OAuthProblem('invalid_request', `The ${of}_token_type is not supported here`)
  const claims = await tenant.readAccessToken(required(params, `${of}_token`))
  if (claims === undefined)
    throw new OAuthProblem('invalid_request', `The ${of}_token is no valid access token of this server`)
  return claims
}
