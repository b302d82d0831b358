import { allowInsecureRequests, createResourceServer } from '@atjwt/core'
import { createDevelopmentServer } from '@atjwt/testing/server'
import { decodeJwt, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  all,
  AUDIENCE,
  type DevelopmentWorld,
  logIn,
  REDIRECT_URI,
  startDevelopmentWorld,
} from './development-world.ts'
import { LIBRARIES, type OAuthClient } from './oauth-clients.ts'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

let world: DevelopmentWorld
beforeAll(async () => {
  world = await startDevelopmentWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const post = (
  form: Record<string, string> | [string, string][],
  init: RequestInit = {},
  path = '/token',
): Promise<Response> =>
  fetch(`${world.issuer}${path}`, { method: 'POST', ...init, body: new URLSearchParams(form) })

const basic = (client_id: string): Record<string, string> => {
  const { secret } = world.authentications[client_id] as { secret: string }
  return { authorization: `Basic ${btoa(`${client_id}:${secret}`)}` }
}

describe.for(LIBRARIES)('$name', ({ connect }) => {
  const client = (name: string): Promise<OAuthClient> =>
    connect(world.issuer, name, world.authentications[name] as never)

  test.for(['basic', 'post', 'mac', 'keyed'])(
    'client %s gets a token which every API takes',
    async (name) => {
      const { access_token, scope } = await (await client(name)).clientCredentials({ scope: 'orders:read' })
      expect(scope).toBe('orders:read')
      expect(await world.callAll(access_token)).toEqual(all({ sub: name, scopes: ['orders:read'] }))
      const less = await (await client(name)).clientCredentials({ scope: 'news:read' })
      expect(await world.callAll(less.access_token)).toEqual(all(403))
    },
  )

  test.for(['web', 'keyed'])('client %s logs somebody in by code and PKCE, and refreshes', async (name) => {
    const redirect_uri = name === 'web' ? REDIRECT_URI : 'https://client.example/callback'
    const connected = await client(name)
    const tokens = await connected.authorizationCode(
      redirect_uri,
      { scope: 'openid offline_access orders:read' },
      (url) => logIn(url, { user: 'alice' }),
    )
    expect(await world.callAll(tokens.access_token)).toEqual(
      all({ sub: 'alice', scopes: ['offline_access', 'openid', 'orders:read'] }),
    )
    expect(decodeJwt(tokens.id_token as string)).toMatchObject({ aud: name, sub: 'alice' })
    // The ID token opens nothing.
    expect(await world.callAll(tokens.id_token as string)).toEqual(all(401))
    const again = await connected.refresh(tokens.refresh_token as string)
    expect(decodeJwt(again.access_token)).toMatchObject({ sub: 'alice', client_id: name, roles: ['admin'] })
    // A refresh token serves once: the second use ends everything that came of the login.
    await expect(connected.refresh(tokens.refresh_token as string)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await expect(connected.refresh(again.refresh_token as string)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })

  test('a JWT grant with client authentication gets a token about its subject', async () => {
    const connected = await client('keyed')
    const { access_token } = await connected.grant(JWT_BEARER, {
      assertion: await world.grantFor('alice'),
      scope: 'orders:read',
    })
    expect(await world.callAll(access_token)).toEqual(all({ sub: 'alice', scopes: ['orders:read'] }))
    expect(decodeJwt(access_token)).toMatchObject({ client_id: 'keyed', roles: ['admin'] })
    await expect(
      connected.grant(JWT_BEARER, { assertion: await world.grantFor('nobody') }),
    ).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  test('a token exchange says who acts, and keeps who acted before', async () => {
    const connected = await client('basic')
    const { access_token: subject_token } = await (
      await client('keyed')
    ).grant(JWT_BEARER, {
      assertion: await world.grantFor('alice'),
      scope: 'orders:read news:read',
    })
    const first = await connected.grant(TOKEN_EXCHANGE, {
      subject_token,
      subject_token_type: ACCESS_TOKEN,
      scope: 'orders:read',
    })
    expect(first['issued_token_type']).toBe(ACCESS_TOKEN)
    expect(decodeJwt(first.access_token)).toMatchObject({
      sub: 'alice',
      client_id: 'basic',
      scope: 'orders:read',
      act: { sub: 'basic' },
    })
    expect(await world.callAll(first.access_token)).toEqual(all({ sub: 'alice', scopes: ['orders:read'] }))
    const { access_token: actor_token } = await (await client('post')).clientCredentials({})
    const second = await connected.grant(TOKEN_EXCHANGE, {
      subject_token: first.access_token,
      subject_token_type: ACCESS_TOKEN,
      actor_token,
      actor_token_type: ACCESS_TOKEN,
    })
    expect(decodeJwt(second.access_token)['act']).toEqual({ sub: 'post', act: { sub: 'basic' } })
    await expect(
      connected.grant(TOKEN_EXCHANGE, {
        subject_token: first.access_token,
        subject_token_type: ACCESS_TOKEN,
        scope: 'news:read',
      }),
    ).rejects.toMatchObject({ error: 'invalid_scope' })
  })

  test('introspection knows a token until it is revoked', async () => {
    const connected = await client('keyed')
    const { access_token } = await connected.clientCredentials({ scope: 'orders:read' })
    expect(await connected.introspect(access_token)).toMatchObject({
      active: true,
      iss: world.issuer,
      client_id: 'keyed',
      scope: 'orders:read',
    })
    await (await client('basic')).revoke(access_token)
    expect(await connected.introspect(access_token)).toMatchObject({ active: true })
    await connected.revoke(access_token)
    expect(await connected.introspect(access_token)).toEqual({ active: false })
    expect(await connected.introspect('nothing')).toEqual({ active: false })
  })
})

describe('what a token is good for', () => {
  test('resource indicators become the audience, and authorization details stand in the token', async () => {
    const details = [{ type: 'payment', amount: '12.50' }]
    const response = await post(
      [
        ['grant_type', 'client_credentials'],
        ['resource', 'https://a.example/'],
        ['resource', 'https://b.example'],
        ['authorization_details', JSON.stringify(details)],
      ],
      { headers: basic('basic') },
    )
    const body = (await response.json()) as { access_token: string; authorization_details: unknown }
    expect(body.authorization_details).toEqual(details)
    expect(decodeJwt(body.access_token)).toMatchObject({
      aud: ['https://a.example/', 'https://b.example'],
      authorization_details: details,
    })
    expect(await world.callAll(body.access_token)).toEqual(all(401))
  })

  test.for([
    [{ resource: 'orders' }, 'invalid_target'],
    [{ resource: 'https://a.example/#x' }, 'invalid_target'],
    [{ scope: 'a"b' }, 'invalid_scope'],
    [{ authorization_details: '{}' }, 'invalid_authorization_details'],
    [{ authorization_details: '[{}]' }, 'invalid_authorization_details'],
  ])('%j is refused with %s', async ([params, error]) => {
    const response = await post(
      { grant_type: 'client_credentials', ...(params as Record<string, string>) },
      { headers: basic('basic') },
    )
    expect([response.status, await response.json()]).toMatchObject([400, { error }])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })
})

describe('issuers by path', () => {
  test('each is found at all three places, has keys of its own, and its tokens are no other one’s', async () => {
    const issuer = `${world.issuer}/shop`
    for (const place of [
      `${world.issuer}/.well-known/oauth-authorization-server/shop`,
      `${world.issuer}/.well-known/openid-configuration/shop`,
      `${issuer}/.well-known/openid-configuration`,
    ]) {
      expect(await (await fetch(place)).json()).toMatchObject({ issuer, jwks_uri: `${issuer}/jwks` })
    }
    const { access_token } = (await (
      await post(
        { grant_type: 'client_credentials', scope: 'orders:read' },
        { headers: basic('basic') },
        '/shop/token',
      )
    ).json()) as { access_token: string }
    await using shop = createResourceServer({
      issuer,
      audience: AUDIENCE,
      [allowInsecureRequests]: true,
    })
    expect(await shop.verify(access_token)).toMatchObject({ issuer, subject: 'basic' })
    expect(await world.callAll(access_token)).toEqual(all(401))
  })

  test('more issuers than are remembered push the oldest out, and never the origin itself', async () => {
    const server = createDevelopmentServer({ maxTenants: 3 })
    const keyOf = async (tenant: string): Promise<string> => {
      const response = await server.fetch(new Request(`${server.origin}${tenant}/jwks`))
      return ((await response.json()) as { keys: [{ kid: string }] }).keys[0].kid
    }
    const [root, first] = [await keyOf(''), await keyOf('/first')]
    for (const tenant of ['/a', '/b', '/c']) await keyOf(tenant)
    expect(await keyOf('')).toBe(root)
    expect(await keyOf('/first')).not.toBe(first)
  })

  test.for(['/.well-known/jwks', '/x/y/token', '/token/token', '/a%2Fb/jwks'])(
    'there is nothing at %s',
    async (path) => {
      expect((await fetch(world.issuer + path)).status).toBe(404)
    },
  )
})

describe('the authorization endpoint', () => {
  const ask = (params: Record<string, string>): URL => {
    const url = new URL(`${world.issuer}/authorize`)
    url.search = String(
      new URLSearchParams({
        client_id: 'web',
        redirect_uri: REDIRECT_URI,
        response_type: 'code',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
        state: 's&1',
        scope: 'orders:read',
        ...params,
      }),
    )
    return url
  }
  const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'

  test('the answer names the issuer and keeps the state', async () => {
    const url = await logIn(ask({}), { user: 'alice' })
    expect(url.origin + url.pathname).toBe(REDIRECT_URI)
    expect(url.searchParams.get('iss')).toBe(world.issuer)
    expect(url.searchParams.get('state')).toBe('s&1')
  })

  test.for([
    [{ client_id: 'nobody' }, 'The client is unknown'],
    [{ redirect_uri: 'https://evil.example/callback' }, 'The redirect_uri is not registered'],
    [{ redirect_uri: 'http://127.0.0.1:1/callback/x' }, 'The redirect_uri is not registered'],
    [{ redirect_uri: 'http://127.0.0.1.evil.example/callback' }, 'The redirect_uri is not registered'],
    [{ redirect_uri: 'http://127.0.0.1:1@evil.example/callback' }, 'The redirect_uri is not registered'],
  ])('%j is told to the person, not by a redirect', async ([params, text]) => {
    const response = await fetch(ask(params as Record<string, string>), { redirect: 'manual' })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(text)
  })

  test.for([
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge: '' }, 'invalid_request'],
    [{ prompt: 'none' }, 'login_required'],
    [{ response_mode: 'fragment' }, 'invalid_request'],
    [{ resource: 'x' }, 'invalid_target'],
  ])('%j is told to the client: %s', async ([params, error]) => {
    const url = await logIn(ask(params as Record<string, string>), { user: 'alice' })
    expect(Object.fromEntries(url.searchParams)).toMatchObject({ error, state: 's&1', iss: world.issuer })
  })

  test('a password is asked for where there is one; a cancelled login says so', async () => {
    await expect(logIn(ask({}), { user: 'bob', password: 'wrong' })).rejects.toThrow(
      'The user or the password is wrong',
    )
    await expect(logIn(ask({}), { user: 'mallory' })).rejects.toThrow('The user or the password is wrong')
    expect((await logIn(ask({}), { user: 'bob', password: 'correct horse' })).searchParams.has('code')).toBe(
      true,
    )
    expect((await logIn(ask({}), { decision: 'cancel' })).searchParams.get('error')).toBe('access_denied')
  })

  test('whatever a request says is shown as text', async () => {
    const page = await (
      await fetch(ask({ scope: '<script>alert(1)</script>', state: '"><script>' }), { redirect: 'manual' })
    ).text()
    expect(page).not.toContain('<script>alert')
    expect(page).not.toContain('"><script>')
    expect(page).toContain('Bob &lt;b&gt;')
  })

  test('a form from another site is refused', async () => {
    const response = await fetch(`${world.issuer}/authorize`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      body: new URLSearchParams({
        ...Object.fromEntries(ask({}).searchParams),
        user: 'alice',
        decision: 'login',
      }),
    })
    expect(response.status).toBe(403)
  })

  const redeem = async (url: URL, more: Record<string, string> = {}): Promise<[number, unknown]> => {
    const response = await post({
      grant_type: 'authorization_code',
      client_id: 'web',
      code: url.searchParams.get('code') as string,
      redirect_uri: REDIRECT_URI,
      code_verifier: VERIFIER,
      ...more,
    })
    const { error = 'none' } = (await response.json()) as { error?: string }
    return [response.status, error]
  }

  test.for([
    [{ code_verifier: 'x'.repeat(43) }, 400, 'invalid_grant'],
    [{ code_verifier: '' }, 400, 'invalid_request'],
    [{ redirect_uri: 'http://127.0.0.1/callback' }, 400, 'invalid_grant'],
    [{ client_id: 'keyed' }, 401, 'invalid_client'],
    [{ code: 'guessed' }, 400, 'invalid_grant'],
  ])('a code with %j is refused', async ([more, status, error]) => {
    const url = await logIn(ask({}), { user: 'alice' })
    expect(await redeem(url, more as Record<string, string>)).toEqual([status, error])
  })

  test('a code serves once, and its second use ends what the first one gave', async () => {
    const url = await logIn(ask({ scope: 'orders:read offline_access' }), { user: 'alice' })
    const form = {
      grant_type: 'authorization_code',
      client_id: 'web',
      code: url.searchParams.get('code') as string,
      redirect_uri: REDIRECT_URI,
      code_verifier: VERIFIER,
    }
    const tokens = (await (await post(form)).json()) as { access_token: string; refresh_token: string }
    const isActive = async (token: string): Promise<boolean> => {
      const response = await post({ token }, { headers: basic('basic') }, '/introspect')
      return ((await response.json()) as { active: boolean }).active
    }
    expect([await isActive(tokens.access_token), await isActive(tokens.refresh_token)]).toEqual([true, true])
    expect(await redeem(url)).toEqual([400, 'invalid_grant'])
    expect([await isActive(tokens.access_token), await isActive(tokens.refresh_token)]).toEqual([
      false,
      false,
    ])
  })
})

describe('clients', () => {
  test.for([
    ['a wrong secret', { authorization: `Basic ${btoa('basic:wrong')}` }, {}, 401, 'invalid_client'],
    ['an unknown client', { authorization: `Basic ${btoa('nobody:x')}` }, {}, 401, 'invalid_client'],
    ['a public client', {}, { client_id: 'web' }, 401, 'invalid_client'],
    ['no client', {}, {}, 401, 'invalid_client'],
  ] as const)('%s: %s', async ([, headers, form, status, error]) => {
    const response = await post({ grant_type: 'client_credentials', ...form }, { headers })
    expect([response.status, await response.json()]).toMatchObject([status, { error }])
  })

  test('the secret of another method is refused', async () => {
    const { secret } = world.authentications['post'] as { secret: string }
    const headers = { authorization: `Basic ${btoa(`post:${secret}`)}` }
    const response = await post({ grant_type: 'client_credentials' }, { headers })
    expect([response.status, await response.json()]).toMatchObject([401, { error: 'invalid_client' }])
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
  })

  test('a client which is registered for other grants is told so', async () => {
    const response = await post({ grant_type: TOKEN_EXCHANGE, client_id: 'web' })
    expect(response.status).toBe(401)
    const unsupported = await post({ grant_type: 'password' }, { headers: basic('basic') })
    expect([unsupported.status, await unsupported.json()]).toMatchObject([
      400,
      { error: 'unsupported_grant_type' },
    ])
  })

  test('an assertion serves once', async () => {
    const client_assertion = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: 'client', typ: 'client-authentication+jwt' })
      .setIssuer('keyed')
      .setSubject('keyed')
      .setAudience(world.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(world.clientKey)
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
    }
    expect((await post(form)).status).toBe(200)
    const again = await post(form)
    expect([again.status, await again.json()]).toMatchObject([401, { error: 'invalid_client' }])
  })
})

describe.for([
  ['required', 401],
  ['optional', 200],
  ['implicit', 200],
] as const)('a JWT grant alone, where client authentication is %s', ([clientAuthentication, status]) => {
  test(`is answered ${status}`, async () => {
    await using other = await startDevelopmentWorld({ clientAuthentication })
    const response = await fetch(`${other.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: JWT_BEARER,
        assertion: await other.grantFor('alice'),
        scope: 'orders:read',
      }),
    })
    expect(response.status).toBe(status)
    if (status !== 200) return
    const { access_token } = (await response.json()) as { access_token: string }
    expect(await other.callAll(access_token)).toEqual(all({ sub: 'alice', scopes: ['orders:read'] }))
  })
})

describe('the request itself', () => {
  test.for([
    ['another method', { method: 'GET' }, 405, 'invalid_request'],
    [
      'another type of content',
      { body: '{}', headers: { 'content-type': 'application/json' } },
      400,
      'invalid_request',
    ],
    ['too much of it', { body: new URLSearchParams({ a: 'a'.repeat(70_000) }) }, 413, 'invalid_request'],
    ['a parameter twice', { body: new URLSearchParams('grant_type=a&grant_type=b') }, 400, 'invalid_request'],
  ] as const)('%s', async ([, init, status, error]) => {
    const response = await fetch(`${world.issuer}/token`, { method: 'POST', ...(init as RequestInit) })
    expect([response.status, await response.json()]).toMatchObject([status, { error }])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('introspection and revocation are for clients which authenticate', async () => {
    for (const path of ['/introspect', '/revoke']) {
      expect((await post({ token: 'x' }, {}, path)).status).toBe(401)
      expect((await post({ token: 'x' }, { headers: basic('basic') }, path)).status).toBe(200)
      expect((await post({}, { headers: basic('basic') }, path)).status).toBe(400)
    }
    expect((await post({ token: 'x', client_id: 'web' }, {}, '/introspect')).status).toBe(401)
  })

  test('the front page lists what was asked and why it was refused, without a secret or a token', async () => {
    const secret = 'a-guess-that-must-not-show'
    await post({ grant_type: 'client_credentials', client_id: 'post', client_secret: secret })
    const { access_token } = (await (
      await post({ grant_type: 'client_credentials' }, { headers: basic('basic') })
    ).json()) as { access_token: string }
    const page = await (await fetch(world.issuer)).text()
    expect(page).toContain('client_secret_wrong')
    expect(page).toContain('client_credentials')
    for (const hidden of [
      secret,
      access_token,
      (world.authentications['basic'] as { secret: string }).secret,
    ])
      expect(page).not.toContain(hidden)
  })
})

describe('browsers', () => {
  test('the token endpoint lets the origins of clients read its answers, and no others', async () => {
    const asked = async (origin: string): Promise<string | null> => {
      const response = await fetch(`${world.issuer}/token`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      })
      return response.headers.get('access-control-allow-origin')
    }
    expect(await asked('http://127.0.0.1:5173')).toBe('http://127.0.0.1:5173')
    expect(await asked('https://client.example')).toBe('https://client.example')
    expect(await asked('https://evil.example')).toBeNull()
    expect(await asked('https://client.example.evil.example')).toBeNull()
  })

  test('a name which somebody made point to this machine is not answered', async () => {
    const server = createDevelopmentServer()
    expect((await server.fetch(new Request('http://rebound.example/jwks'))).status).toBe(421)
    expect((await server.fetch(new Request('http://localhost:9000/jwks'))).status).toBe(200)
  })
})
