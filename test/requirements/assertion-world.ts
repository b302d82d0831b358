import {
  type Client,
  type ClientVerifier,
  type ClientVerifierOptions,
  clientSecretJwt,
  clock,
  createAssertionVerifier,
  createTokenEndpoint,
  customFetch,
  type GrantVerifier,
  type GrantVerifierOptions,
  memoryReplayStore,
  type TokenEndpointOptions,
  type TokenRequestResult,
  type TrustedAssertionIssuer,
} from '@atjwt/core/assertion'

import type { Facts, Outcome } from './requirement.ts'
import { forge, forgeHmac, type Jwk, makeSigner, type Signer } from './signer.ts'

/** Seconds since the epoch, for all parties alike. */
export const NOW = 1_699_999_900
/** The authorization server of these tests, by its two names. */
export const SERVER = 'https://as.example'
export const TOKEN_ENDPOINT = 'https://as.example/token'
export const CLIENT = 'client-1'
export const SECRET_CLIENT = 'client-with-secret'
/** An issuer whose grants are accepted, one which issues ID-JAGs, and one whose signature also authenticates it. */
export const PARTNER = 'https://partner.example'
export const IDP = 'https://idp.example'

export const CLIENT_KEY: Signer = makeSigner('ES256', 'c1')
export const PARTNER_KEY: Signer = makeSigner('ES256', 'p1')
export const IDP_KEY: Signer = makeSigner('ES256', 'i1')
export const SECRET = 'e5f1c0a7b3d94862a1c7e9f04b6d8235'

export const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

type Changes = Readonly<Record<string, unknown>>

let count = 0
/** A `jti` which was not used before. */
const fresh = (): string => `assertion-${(count += 1)}`

/** A JWT of `signer`; members given as `undefined` are left out. */
export function sign(signer: Signer, claims: Changes, header: Changes = {}): string {
  return forge({ alg: signer.alg, kid: signer.kid, ...header }, claims, signer)
}

export function clientClaims(changes: Changes = {}): Changes {
  return { iss: CLIENT, sub: CLIENT, aud: SERVER, iat: NOW, exp: NOW + 60, jti: fresh(), ...changes }
}

/** A client assertion which is accepted, but for the changes. */
export function clientAssertion(changes: Changes = {}, header: Changes = {}, signer = CLIENT_KEY): string {
  return sign(signer, clientClaims(changes), { typ: 'client-authentication+jwt', ...header })
}

/** Likewise of the client which has a secret. */
export function secretAssertion(changes: Changes = {}, header: Changes = {}, secret = SECRET): string {
  return forgeHmac(
    { alg: 'HS256', typ: 'client-authentication+jwt', ...header },
    clientClaims({ iss: SECRET_CLIENT, sub: SECRET_CLIENT, ...changes }),
    secret,
  )
}

/** A JWT grant which is accepted, but for the changes. */
export function grantAssertion(changes: Changes = {}, header: Changes = {}, signer = PARTNER_KEY): string {
  const claims = {
    iss: PARTNER,
    sub: 'user-1',
    aud: SERVER,
    iat: NOW,
    exp: NOW + 60,
    jti: fresh(),
    ...changes,
  }
  return sign(signer, claims, { typ: 'JWT', ...header })
}

/** An ID-JAG which is accepted from {@link CLIENT}, but for the changes. */
export function idJag(changes: Changes = {}, header: Changes = {}, signer = IDP_KEY): string {
  const claims = {
    iss: IDP,
    sub: 'user-1',
    aud: SERVER,
    client_id: CLIENT,
    iat: NOW,
    exp: NOW + 60,
    jti: fresh(),
    ...changes,
  }
  return sign(signer, claims, { typ: 'oauth-id-jag+jwt', ...header })
}

const jwks = (...keys: readonly Jwk[]): never => ({ keys }) as never

/** The registry of clients. */
export function lookUp(client_id: string): Client | undefined {
  if (client_id === CLIENT) return { client_id, jwks: jwks(CLIENT_KEY.jwk) }
  if (client_id === SECRET_CLIENT)
    return { client_id, secret: clientSecretJwt({ secret: SECRET, alg: 'HS256' }) }
  return undefined
}

/** No test of assertions asks the network. */
export const noFetch: typeof fetch = async (input) => {
  throw new Error(`fetched ${String(input)}`)
}

export function clients(options: Partial<ClientVerifierOptions> = {}): ClientVerifier {
  return createAssertionVerifier({
    purpose: 'client-authentication',
    issuer: SERVER,
    clients: lookUp,
    replay: memoryReplayStore({ [clock]: () => NOW }),
    [clock]: () => NOW,
    [customFetch]: noFetch,
    ...options,
  })
}

export const partner: TrustedAssertionIssuer = { issuer: PARTNER, jwks: jwks(PARTNER_KEY.jwk) }
export const idp: TrustedAssertionIssuer = { issuer: IDP, jwks: jwks(IDP_KEY.jwk), type: 'id-jag' }

export function grants(options: Partial<GrantVerifierOptions> = {}): GrantVerifier {
  return createAssertionVerifier({
    purpose: 'authorization-grant',
    issuer: SERVER,
    tokenEndpoint: TOKEN_ENDPOINT,
    trusted: [partner, idp],
    replay: memoryReplayStore({ [clock]: () => NOW }),
    [clock]: () => NOW,
    [customFetch]: noFetch,
    ...options,
  })
}

/** A token endpoint with everything there is. */
export function endpoint(
  options: Partial<TokenEndpointOptions> = {},
): (request: Request) => Promise<TokenRequestResult> {
  const judge = createTokenEndpoint({
    clients: clients(),
    grants: grants(),
    grantTypes: 'client_credentials',
    secrets: (client_id, secret) => client_id === 'client-2' && secret === 'correct',
    ...options,
  })
  return (request) => judge.verify(request)
}

type Parameters = Readonly<Record<string, string>> | readonly (readonly [string, string])[]

/** A token request with these parameters. */
export function post(parameters: Parameters, headers: Readonly<Record<string, string>> = {}): Request {
  const pairs = Array.isArray(parameters) ? parameters : Object.entries(parameters)
  return new Request(TOKEN_ENDPOINT, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(pairs.map(([name, value]) => [name, value] as [string, string])).toString(),
  })
}

/** The parameters of a JWT grant, and of a client assertion. */
export const grantOf = (assertion: string) => ({ grant_type: GRANT_TYPE, assertion })
export const clientOf = (client_assertion: string) => ({
  client_assertion_type: ASSERTION_TYPE,
  client_assertion,
})

type Refusal = Extract<Awaited<ReturnType<ClientVerifier['verify']>>, { ok: false }>

/** What a verdict comes to: what the client is answered, and why. */
export function outcomeOfAssertion(result: { readonly ok: true } | Pick<Refusal, 'ok' | 'error'>): Outcome {
  if (result.ok) return 'PASS'
  const { code, status, response } = result.error
  const fields = new Headers(response.headers)
  if (fields.get('cache-control') !== 'no-store' || fields.get('pragma') !== 'no-cache')
    throw new Error('an answer which may be kept')
  if (fields.get('content-type') !== 'application/json') throw new Error('no JSON')
  if (response.status !== status) throw new Error('two statuses')
  const { error } = JSON.parse(response.body) as { error: string }
  return refused(`${status} ${error}`, code, fields.get('www-authenticate') ?? undefined)
}

/** The outcome of a refusal. */
export function refused(answer: string, because: string, challenge?: string): Facts {
  return { answer, because, ...(challenge === undefined ? {} : { challenge }) }
}
