import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { Provider, type ResourceServer } from 'oidc-provider'

/** The signature algorithms of the server; it has one key for each, and one resource for each. */
export const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'] as const
export const POST_QUANTUM = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const
export type Algorithm = (typeof ALGORITHMS)[number] | (typeof POST_QUANTUM)[number]

/** A token before it is signed, for whoever wants it deformed. */
export interface Unsigned {
  header: Record<string, unknown> | undefined
  payload: Record<string, unknown>
}

/** Changes a token before the server signs it. */
export type Shape = (token: Unsigned) => void

export const USER = 'user-1'
export const AUTHORITIES = {
  roles: ['admin'],
  groups: [{ value: 'order-managers', display: 'Order managers' }],
  entitlements: ['reports'],
}
const SCOPES = 'orders:read orders:write'
const SECRET = randomBytes(32).toString('base64url')
const REDIRECT_URI = 'https://client.example/callback'

/** A resource of this API as an authorization server knows it: its algorithm, and optionally the shape of its tokens. */
export const resource = (kind: string): string => `https://api.example/${kind}`

export interface AuthorizationServer extends AsyncDisposable {
  readonly issuer: string
  /** Paths which were asked for, in order. */
  readonly asked: readonly string[]
  /** A client's own token, by client_secret_basic. */
  clientToken(kind: string, scope?: string): Promise<string>
  /** The same by private_key_jwt (RFC 7523). */
  clientTokenByKey(kind: string): Promise<string>
  /** A client's own token, bound to a key of its own (RFC 9449). */
  boundToken(kind: string): Promise<{ token: string; jkt: string }>
  /** A user's tokens: authorization code with PKCE, login and consent included. */
  userTokens(kind: string, nonce?: string): Promise<{ access_token: string; id_token: string }>
  /** The signed answer of the introspection endpoint about a token (RFC 9701). */
  introspectionJWT(token: string): Promise<string>
  /** Another run of the same server: same address, same names of keys, other keys. */
  restart(): Promise<void>
}

/**
 * Starts `oidc-provider` on 127.0.0.1, below `path`. Shapes are named by the second part of a resource: a token for
 * `resource('ES256/x')` is changed by the shape `x`.
 */
export async function startAuthorizationServer({
  shapes = {},
  path = '',
  postQuantum = [],
}: {
  shapes?: Readonly<Record<string, Shape>>
  path?: string
  /** Algorithms for which there are keys as well. */
  postQuantum?: readonly (typeof POST_QUANTUM)[number][]
} = {}): Promise<AuthorizationServer> {
  const asked: string[] = []
  let handle: RequestListener
  const server = createServer((req, res) => {
    asked.push(req.url ?? '')
    // How a provider below a path is mounted: it sees its own part, and the whole in originalUrl.
    if (path !== '' && req.url?.startsWith(path) === true)
      Object.assign(req, { originalUrl: req.url, url: req.url.slice(path.length) })
    handle(req, res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`

  const clientKey = await generateKeyPair('ES256', { extractable: true })
  const clientJWK = { ...(await exportJWK(clientKey.publicKey)), kid: 'client', alg: 'ES256', use: 'sig' }
  const start = async (): Promise<void> => {
    const provider = await createProvider(issuer, clientJWK, shapes, postQuantum)
    handle = provider.callback()
  }
  await start()

  const post = async (
    endpoint: 'token' | 'token/introspection',
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> => {
    const response = await fetch(`${issuer}/${endpoint}`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
    })
    if (!response.ok) throw new Error(`${endpoint}: ${response.status} ${await response.text()}`)
    return response
  }
  const requestToken = async (
    form: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<{ access_token: string; id_token: string; token_type: string }> =>
    (await (await post('token', form, headers)).json()) as never
  const clientCredentials = (kind: string, scope = SCOPES): Record<string, string> => ({
    grant_type: 'client_credentials',
    resource: resource(kind),
    ...(scope === '' ? {} : { scope }),
  })

  return {
    issuer,
    asked,
    clientToken: async (kind, scope) =>
      (await requestToken(clientCredentials(kind, scope), basic('service'))).access_token,
    clientTokenByKey: async (kind) => {
      const assertion = await new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid: 'client' })
        .setIssuer('keyed')
        .setSubject('keyed')
        .setAudience(issuer)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(clientKey.privateKey)
      const { access_token } = await requestToken({
        ...clientCredentials(kind),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      })
      return access_token
    },
    boundToken: async (kind) => {
      const { publicKey, privateKey } = await generateKeyPair('ES256')
      const jwk = await exportJWK(publicKey)
      const proof = await new SignJWT({ jti: randomUUID(), htm: 'POST', htu: `${issuer}/token` })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setIssuedAt()
        .sign(privateKey)
      const headers = { ...basic('service'), dpop: proof }
      const { access_token, token_type } = await requestToken(clientCredentials(kind), headers)
      if (token_type !== 'DPoP') throw new Error(`the token is not bound: ${token_type}`)
      return { token: access_token, jkt: await calculateJwkThumbprint(jwk) }
    },
    userTokens: async (kind, nonce) => {
      const verifier = randomBytes(32).toString('base64url')
      const code = await authorize(issuer, {
        client_id: 'web',
        response_type: 'code',
        redirect_uri: REDIRECT_URI,
        scope: `openid ${SCOPES}`,
        resource: resource(kind),
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...(nonce === undefined ? {} : { nonce }),
      })
      return requestToken(
        {
          grant_type: 'authorization_code',
          code,
          redirect_uri: REDIRECT_URI,
          code_verifier: verifier,
          resource: resource(kind),
        },
        basic('web'),
      )
    },
    introspectionJWT: async (token) => {
      const accept = 'application/token-introspection+jwt'
      const response = await post('token/introspection', { token }, { ...basic('introspector'), accept })
      return response.text()
    },
    restart: start,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const basic = (client: string): { authorization: string } => ({
  authorization: `Basic ${btoa(`${client}:${SECRET}`)}`,
})

/** The way of a browser through login and consent, up to the code in the redirect. */
async function authorize(issuer: string, params: Record<string, string>): Promise<string> {
  const cookies = new Map<string, string>()
  let url = `${issuer}/auth?${new URLSearchParams(params)}`
  let form: URLSearchParams | undefined
  for (let step = 0; step < 10; step += 1) {
    const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }
    const init: RequestInit = form === undefined ? {} : { method: 'POST', body: form }
    // oxlint-disable-next-line no-await-in-loop -- one page leads to the next
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) as unknown as [string, string, string]
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location !== null) {
      const next = new URL(location, url)
      const code = next.searchParams.get('code')
      if (next.href.startsWith(REDIRECT_URI) && code !== null) return code
      url = next.href
      form = undefined
      continue
    }
    // oxlint-disable-next-line no-await-in-loop
    const prompt = /name="prompt" value="(\w+)"/.exec(await response.text())?.[1]
    if (prompt === undefined) throw new Error(`${new URL(url).pathname}: ${response.status}`)
    form = new URLSearchParams({ prompt, login: USER, password: 'any' })
  }
  throw new Error('the authorization endpoint leads nowhere')
}

async function createProvider(
  issuer: string,
  clientJWK: JWK,
  shapes: Readonly<Record<string, Shape>>,
  postQuantum: readonly Algorithm[],
): Promise<Provider> {
  const keys = await Promise.all([...ALGORITHMS, ...postQuantum].map(createKey))
  const client = (client_id: string, grant_type: string): object => ({
    client_id,
    client_secret: SECRET,
    grant_types: [grant_type],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_basic',
  })
  const { client_secret: _none, ...keyed } = client('keyed', 'client_credentials') as {
    client_secret: string
  }
  return new Provider(issuer, {
    clients: [
      client('service', 'client_credentials'),
      { ...keyed, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [clientJWK] } },
      {
        ...client('web', 'authorization_code'),
        redirect_uris: [REDIRECT_URI],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
      },
      { ...client('introspector', 'client_credentials'), introspection_signed_response_alg: 'ES256' },
    ] as never,
    jwks: { keys: keys as never },
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256', 'RS256'],
      introspectionSigningAlgValues: ['ES256', 'RS256'],
    },
    scopes: ['openid', ...SCOPES.split(' ')],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    extraTokenClaims: () => AUTHORITIES,
    ttl: {
      AccessToken: 3600,
      ClientCredentials: 3600,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 600,
      Session: 3600,
    },
    formats: {
      customizers: {
        jwt(_ctx, token, unsigned) {
          const shape = (token as { resourceServer?: { audience: string } }).resourceServer?.audience.split(
            '/',
          )[4]
          if (shape !== undefined) shapes[shape]?.(unsigned as Unsigned)
        },
      },
    },
    features: {
      // Login and consent as pages which a program can fill in.
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, indicator) => resourceServer(indicator),
      },
    },
  } as ConstructorParameters<typeof Provider>[1])
}

const recipient = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** What the server knows of a resource, by the first part of its path. */
function resourceServer(indicator: string): ResourceServer {
  const kind = new URL(indicator).pathname.split('/')[1] as string
  const known = { audience: indicator, scope: SCOPES, accessTokenTTL: 3600 }
  switch (kind) {
    case 'opaque':
      return { ...known, accessTokenFormat: 'opaque' }
    case 'encrypted':
      return {
        ...known,
        accessTokenFormat: 'jwt',
        jwt: {
          sign: { alg: 'ES256' },
          encrypt: { alg: 'ECDH-ES+A128KW', enc: 'A256GCM', key: recipient.publicKey },
        },
      }
    case 'HS256':
      return {
        ...known,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'HS256', key: randomBytes(32) } },
      }
    default:
      return { ...known, accessTokenFormat: 'jwt', jwt: { sign: { alg: kind as 'ES256' } } }
  }
}

async function createKey(alg: Algorithm): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), kid: `${alg.toLowerCase()}-1`, alg, use: 'sig' }
}
