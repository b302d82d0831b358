import {
  type AnyPolicy,
  clock,
  createResourceServer,
  customFetch,
  type ResourceServer,
  type ResourceServerOptions,
} from '@atjwt/core'

import { outcomeOf, outcomeOfThrown } from './outcome.ts'
import type { Answer } from './requirement.ts'
import { forge, type Jwk, makeSigner, type Signer } from './signer.ts'

/** Seconds since the epoch, for issuer and resource server alike. */
export const NOW = 1_699_999_900
export const ISSUER = 'https://as.example'
export const AUDIENCE = 'https://rs.example'
export const METADATA: string = `${ISSUER}/.well-known/oauth-authorization-server`
export const JWKS: string = `${ISSUER}/jwks`

/** Claims which RFC 9068 is content with; `undefined` leaves one out. */
export function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: ISSUER,
    sub: 'user-1',
    aud: AUDIENCE,
    client_id: 'client-1',
    iat: NOW,
    exp: NOW + 300,
    jti: 'token-1',
    ...changes,
  }
}

/** The header of an access token of `signer`. */
export function header(signer: Signer, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { alg: signer.alg, typ: 'at+jwt', kid: signer.kid, ...changes }
}

/** An access token of `signer`, good but for the changes. */
export function tokenOf(
  signer: Signer,
  changes: Record<string, unknown> = {},
  headerChanges: Record<string, unknown> = {},
): string {
  return forge(header(signer, headerChanges), claims(changes), signer)
}

/** The key with which the issuer of these tests signs where nothing else is said. */
export const KEY: Signer = makeSigner('ES256')

/** A part of the web: answers by URL, and what was asked for. Whatever it does not know is 404. */
export interface Site {
  readonly fetch: typeof fetch
  readonly fetched: string[]
}

export function site(answers: Readonly<Record<string, () => Response | Promise<Response>>>): Site {
  const fetched: string[] = []
  return {
    fetched,
    fetch: async (input) => {
      const url = new URL(input instanceof Request ? input.url : input).href
      fetched.push(url)
      return answers[url]?.() ?? new Response('not found', { status: 404 })
    },
  }
}

/** An issuer which publishes these keys at the place that RFC 8414 names. */
export function publishing(keys: readonly Jwk[], issuer: string = ISSUER): Site {
  const { origin } = new URL(issuer)
  return site({
    [`${origin}/.well-known/oauth-authorization-server`]: () =>
      Response.json({ issuer, jwks_uri: `${origin}/jwks` }),
    [`${origin}/jwks`]: () => Response.json({ keys }),
  })
}

/** A resource server of {@link ISSUER}, with the clock stopped. */
export function server(
  web: Site,
  options: Partial<ResourceServerOptions> & Record<string, unknown> = {},
): ResourceServer {
  return createResourceServer({
    issuer: ISSUER,
    audience: AUDIENCE,
    [clock]: () => NOW,
    [customFetch]: web.fetch,
    ...options,
  })
}

/** A resource server which knows the key of {@link KEY} only. */
export function ordinary(
  options: Partial<ResourceServerOptions> & Record<string, unknown> = {},
): ResourceServer {
  return server(publishing([KEY.jwk]), options)
}

/** A resource server to which keys are given, so that every request it makes is one too many. */
export function pinned(keys: readonly Jwk[], web: Site): ResourceServer {
  return server(web, { issuer: { issuer: ISSUER, jwks: { keys: keys as never } } })
}

/** A request with this `Authorization` field. */
export function requestWith(authorization: string): Request {
  return new Request(`${AUDIENCE}/orders`, { headers: { authorization } })
}

/** Presents a bearer token over HTTP. */
export async function present(api: ResourceServer, token: string, policy?: AnyPolicy): Promise<Answer> {
  const request = requestWith(`Bearer ${token}`)
  return outcomeOf(await (policy === undefined ? api.authorize(request) : api.authorize(request, policy)))
}

/** Gives a bare string, also one which no header field can carry. */
export function presentBare(api: ResourceServer, token: string): Promise<Answer> {
  return outcomeOfThrown(api.verify(token))
}
