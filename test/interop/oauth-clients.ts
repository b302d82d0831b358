import type { CryptoKey } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

/** How a client authenticates, and by what. */
export type Authentication =
  | { readonly method: 'none' }
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt'
      readonly secret: string
    }
  | { readonly method: 'private_key_jwt'; readonly key: CryptoKey; readonly kid: string }

/** What a token endpoint answered, as the library read it. */
export interface Tokens {
  readonly access_token: string
  readonly refresh_token?: string | undefined
  readonly id_token?: string | undefined
  readonly scope?: string | undefined
  readonly [member: string]: unknown
}

/** A browser: goes to an address, and comes back with the one to which it was sent. */
export type Browser = (url: URL) => Promise<URL>

/** A client as one writes it with a library. */
export interface OAuthClient {
  clientCredentials(params: Record<string, string>): Promise<Tokens>
  /** Authorization code with PKCE, `state` and `nonce`, checked by the library. */
  authorizationCode(redirect_uri: string, params: Record<string, string>, browser: Browser): Promise<Tokens>
  refresh(token: string): Promise<Tokens>
  grant(grant_type: string, params: Record<string, string>): Promise<Tokens>
  introspect(token: string): Promise<{ readonly active: boolean; readonly [member: string]: unknown }>
  revoke(token: string): Promise<void>
}

export interface Library {
  readonly name: string
  connect(issuer: string, client_id: string, authentication: Authentication): Promise<OAuthClient>
}

const insecure = { [oauth.allowInsecureRequests]: true } as const

const oauth4webapi: Library = {
  name: 'oauth4webapi',
  async connect(issuer, client_id, authentication) {
    const discovered = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure })
    const as = await oauth.processDiscoveryResponse(new URL(issuer), discovered)
    const client: oauth.Client = { client_id }
    const auth = ((): oauth.ClientAuth => {
      switch (authentication.method) {
        case 'client_secret_basic':
          return oauth.ClientSecretBasic(authentication.secret)
        case 'client_secret_post':
          return oauth.ClientSecretPost(authentication.secret)
        case 'client_secret_jwt':
          return oauth.ClientSecretJwt(authentication.secret)
        case 'private_key_jwt':
          return oauth.PrivateKeyJwt({ key: authentication.key, kid: authentication.kid })
        default:
          return oauth.None()
      }
    })()
    return {
      async clientCredentials(params) {
        const response = await oauth.clientCredentialsGrantRequest(as, client, auth, params, insecure)
        return oauth.processClientCredentialsResponse(as, client, response)
      },
      async authorizationCode(redirect_uri, params, browser) {
        const verifier = oauth.generateRandomCodeVerifier()
        const state = oauth.generateRandomState()
        const nonce = oauth.generateRandomNonce()
        const url = new URL(as.authorization_endpoint as string)
        url.search = String(
          new URLSearchParams({
            client_id,
            redirect_uri,
            response_type: 'code',
            code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
            code_challenge_method: 'S256',
            state,
            nonce,
            ...params,
          }),
        )
        const answer = oauth.validateAuthResponse(as, client, await browser(url), state)
        const response = await oauth.authorizationCodeGrantRequest(
          as,
          client,
          auth,
          answer,
          redirect_uri,
          verifier,
          insecure,
        )
        return oauth.processAuthorizationCodeResponse(as, client, response, {
          expectedNonce: nonce,
          requireIdToken: true,
        })
      },
      async refresh(token) {
        const response = await oauth.refreshTokenGrantRequest(as, client, auth, token, insecure)
        return oauth.processRefreshTokenResponse(as, client, response)
      },
      async grant(grant_type, params) {
        const response = await oauth.genericTokenEndpointRequest(
          as,
          client,
          auth,
          grant_type,
          params,
          insecure,
        )
        return oauth.processGenericTokenEndpointResponse(as, client, response)
      },
      async introspect(token) {
        const response = await oauth.introspectionRequest(as, client, auth, token, insecure)
        return oauth.processIntrospectionResponse(as, client, response)
      },
      async revoke(token) {
        const response = await oauth.revocationRequest(as, client, auth, token, insecure)
        await oauth.processRevocationResponse(response)
      },
    }
  },
}

const openidClient: Library = {
  name: 'openid-client',
  async connect(issuer, client_id, authentication) {
    const auth = ((): openid.ClientAuth => {
      switch (authentication.method) {
        case 'client_secret_basic':
          return openid.ClientSecretBasic(authentication.secret)
        case 'client_secret_post':
          return openid.ClientSecretPost(authentication.secret)
        case 'client_secret_jwt':
          return openid.ClientSecretJwt(authentication.secret)
        case 'private_key_jwt':
          return openid.PrivateKeyJwt({ key: authentication.key, kid: authentication.kid })
        default:
          return openid.None()
      }
    })()
    const config = await openid.discovery(new URL(issuer), client_id, undefined, auth, {
      execute: [openid.allowInsecureRequests],
    })
    return {
      clientCredentials: (params) => openid.clientCredentialsGrant(config, params),
      async authorizationCode(redirect_uri, params, browser) {
        const pkceCodeVerifier = openid.randomPKCECodeVerifier()
        const expectedState = openid.randomState()
        const expectedNonce = openid.randomNonce()
        const url = openid.buildAuthorizationUrl(config, {
          redirect_uri,
          code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
          code_challenge_method: 'S256',
          state: expectedState,
          nonce: expectedNonce,
          ...params,
        })
        return openid.authorizationCodeGrant(config, await browser(url), {
          pkceCodeVerifier,
          expectedState,
          expectedNonce,
          idTokenExpected: true,
        })
      },
      refresh: (token) => openid.refreshTokenGrant(config, token),
      grant: (grant_type, params) => openid.genericGrantRequest(config, grant_type, params),
      introspect: (token) => openid.tokenIntrospection(config, token),
      revoke: (token) => openid.tokenRevocation(config, token),
    }
  },
}

/** Real clients, which check what they are told. */
export const LIBRARIES: readonly Library[] = [oauth4webapi, openidClient]
