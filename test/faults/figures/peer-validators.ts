import { createRequire } from 'node:module'

import { allowInsecureRequests, createResourceServer } from '@atjwt/core'

import { AUDIENCE, bearing, LIFETIME } from '../virtual-issuer.ts'

/** Whether a token is accepted; a rejection is a no. */
export type Validate = (token: string) => Promise<boolean>
export type MakeValidator = (issuer: string, jwksURL: string) => Validate

/** The packages of the benchmark, which have an installation of their own. */
export const loadPeer = createRequire(new URL('../../bench/package.json', import.meta.url))
// oxlint-disable-next-line typescript/no-explicit-any -- packages of others, whose types are not installed here
const load = loadPeer as (name: string) => any

const yes = (): boolean => true

/** Each as its own documentation sets it up, with its own defaults for keys. */
export const VALIDATORS: Readonly<Record<string, MakeValidator>> = {
  atjwt: (issuer) => {
    const api = createResourceServer({
      issuer,
      audience: AUDIENCE,
      maxTokenLifetime: LIFETIME,
      [allowInsecureRequests]: true,
    })
    return async (token) => (await api.authorize(bearing(token))).ok
  },
  jose: (issuer, jwksURL) => {
    const { createRemoteJWKSet, jwtVerify } = load('jose')
    const keys = createRemoteJWKSet(new URL(jwksURL))
    return (token) => jwtVerify(token, keys, { issuer, audience: AUDIENCE, typ: 'at+jwt' }).then(yes)
  },
  'jwks-rsa': (issuer, jwksUri) => {
    const client = load('jwks-rsa')({ jwksUri })
    const { verify } = load('jsonwebtoken')
    const getKey = (header: { kid: string }, callback: (error: unknown, key?: string) => void): void => {
      client.getSigningKey(header.kid).then(
        (key: { getPublicKey(): string }) => {
          callback(null, key.getPublicKey())
        },
        (error: unknown) => {
          callback(error)
        },
      )
    }
    return (token) =>
      new Promise((resolve) => {
        verify(token, getKey, { algorithms: ['ES256'], issuer, audience: AUDIENCE }, (error: unknown) => {
          resolve(error === null)
        })
      })
  },
  'get-jwks': (issuer) => {
    const keys = load('get-jwks')({ jwksPath: '/jwks' })
    const { createVerifier } = load('fast-jwt')
    const verify = createVerifier({
      key: ({ header: { kid, alg } }: { header: { kid: string; alg: string } }) =>
        keys.getPublicKey({ kid, alg, domain: issuer }),
      algorithms: ['ES256'],
      allowedIss: issuer,
      allowedAud: AUDIENCE,
    })
    return (token) => verify(token).then(yes)
  },
  'express-oauth2-jwt-bearer': (issuerBaseURL) => {
    const guard = load('express-oauth2-jwt-bearer').auth({
      issuerBaseURL,
      audience: AUDIENCE,
      tokenSigningAlg: 'ES256',
    })
    return (token) =>
      new Promise((resolve) => {
        const request = {
          method: 'GET',
          url: '/orders',
          protocol: 'https',
          headers: { authorization: `Bearer ${token}`, host: new URL(AUDIENCE).host },
          get: (name: string) => (name === 'Host' ? new URL(AUDIENCE).host : undefined),
          query: {},
          is: () => false,
        }
        void guard(request, {}, (error: unknown) => {
          resolve(error === undefined)
        })
      })
  },
  'hono/jwk': (iss, jwks_uri) => {
    const { Hono } = load('hono')
    const { jwk } = load('hono/jwk')
    const app = new Hono()
    app.use(jwk({ jwks_uri, alg: ['ES256'], verification: { iss, aud: AUDIENCE, typ: 'at+jwt' } }))
    app.get('/orders', (c: { text(body: string): unknown }) => c.text('ok'))
    app.onError(() => new Response('', { status: 500 }))
    return async (token) => (await app.request(bearing(token))).status === 200
  },
  'aws-jwt-verify': (issuer, jwksUri) => {
    const { JwtVerifier } = load('aws-jwt-verify')
    const { SimpleJwksCache } = load('aws-jwt-verify/jwk')
    // Its own fetcher speaks https alone; this one has the same time-out and follows nothing either.
    const fetcher = {
      async fetch(uri: string): Promise<ArrayBuffer> {
        const response = await fetch(uri, { redirect: 'error', signal: AbortSignal.timeout(3000) })
        if (response.status !== 200) throw new Error(`status ${response.status}`)
        return response.arrayBuffer()
      },
    }
    const verifier = JwtVerifier.create(
      { issuer, audience: AUDIENCE, jwksUri },
      { jwksCache: new SimpleJwksCache({ fetcher }) },
    )
    return (token) => verifier.verify(token).then(yes)
  },
  oauth4webapi: (issuer, jwks_uri) => {
    const oauth = load('oauth4webapi')
    const server = { issuer, jwks_uri }
    return (token) =>
      oauth
        .validateJwtAccessToken(server, bearing(token), AUDIENCE, { [oauth.allowInsecureRequests]: true })
        .then(yes)
  },
}
