import { createHash } from 'node:crypto'

import { decodeJwt } from 'jose'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { jsonOf, makeKey, signCompact } from '../jws.ts'
import type { DevelopmentConfig } from './config.ts'
import {
  createDevelopmentServer,
  type DevelopmentServer,
  type DevelopmentServerOptions,
} from './development-server.ts'

const NOW = 1_800_000_000
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const REDIRECT_URI = 'http://127.0.0.1:49152/callback'
const VERIFIER = 'v'.repeat(43)
const SECRET = 'of this test, and 32 octets or more'
const IDENTITY_PROVIDER = 'https://idp.example'

const provider = await makeKey('ES256')
const keyed = await makeKey('ES256')
const CONFIG: DevelopmentConfig = {
  clients: [
    { client_id: 'service', client_secret: SECRET },
    { client_id: 'post', client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post' },
    { client_id: 'both', client_secret: SECRET, jwks: { keys: [keyed.publicJwk] } },
    { client_id: 'narrow', client_secret: SECRET, scope: 'orders:read news:read' },
    { client_id: 'web', redirect_uris: [REDIRECT_URI] },
    { client_id: 'native', redirect_uris: ['com.example.app:/callback'] },
  ],
  users: [{ sub: 'alice' }],
  trusted: [{ issuer: IDENTITY_PROVIDER, jwks: { keys: [provider.publicJwk] } }],
}

const serverOf = (config: DevelopmentServerOptions['config'] = CONFIG): DevelopmentServer =>
  createDevelopmentServer({ config, clock: () => NOW })

interface Answer {
  readonly status: number
  readonly [member: string]: unknown
}

async function post(
  server: DevelopmentServer,
  path: string,
  form: string | Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await server.fetch(
    new Request(`${server.origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    }),
  )
  const text = await response.text()
  return { ...(text === '' ? {} : (JSON.parse(text) as object)), status: response.status }
}

const basic = (client_id: string): Record<string, string> => ({
  authorization: `Basic ${btoa(`${client_id}:${SECRET}`)}`,
})

/** What the client `web` gets for a login of alice. */
async function codeFor(server: DevelopmentServer, asked: Readonly<Record<string, string>>): Promise<string> {
  const response = await server.fetch(
    new Request(`${server.origin}/authorize`, {
      method: 'POST',
      headers: { origin: server.origin },
      body: new URLSearchParams({
        client_id: 'web',
        redirect_uri: REDIRECT_URI,
        response_type: 'code',
        code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
        code_challenge_method: 'S256',
        ...asked,
        user: 'alice',
        decision: 'login',
      }),
    }),
  )
  return new URL(response.headers.get('location') as string).searchParams.get('code') as string
}

const redeem = (
  server: DevelopmentServer,
  code: string,
  more: Record<string, string> = {},
): Promise<Answer> =>
  post(server, '/token', {
    grant_type: 'authorization_code',
    client_id: 'web',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: VERIFIER,
    ...more,
  })

const refresh = (
  server: DevelopmentServer,
  { refresh_token }: Answer,
  more: Record<string, string> = {},
): Promise<Answer> =>
  post(server, '/token', {
    grant_type: 'refresh_token',
    client_id: 'web',
    refresh_token: refresh_token as string,
    ...more,
  })

const grantAbout = (aud: string, sub: string): Promise<string> =>
  signCompact(
    provider,
    jsonOf({ alg: 'ES256', kid: provider.kid }),
    jsonOf({
      iss: IDENTITY_PROVIDER,
      sub,
      aud,
      iat: NOW,
      exp: NOW + 60,
      jti: crypto.randomUUID(),
    }),
  )

describe.for(['/introspect', '/revoke'])('%s', (path) => {
  const grantTypes = ['authorization_code', 'client_credentials', JWT_BEARER, 'urn:atjwt:revocation', '']

  test.for(grantTypes)('a form with the grant type "%s" of its own is refused', async (grant_type) => {
    const answer = await post(serverOf(), path, { token: 'x', grant_type }, basic('service'))
    expect(answer).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  // A public client may redeem codes and revoke its tokens by its name alone.
  test.for(grantTypes)('nor does "%s" before a hundred empty parts authenticate a client', async (own) => {
    const server = serverOf()
    const token = await server.issue()
    const form = new URLSearchParams({ client_id: 'web', token, grant_type: own })
    expect(await post(server, path, `${form}${'&'.repeat(101)}`)).toMatchObject({
      status: 400,
      error: 'invalid_request',
    })
  })
})

test.for([
  ['service', 'client_secret_basic', 200],
  ['service', 'client_secret_post', 401],
  ['post', 'client_secret_basic', 401],
  ['post', 'client_secret_post', 200],
  // Whoever gives its public keys means them, and not the secret beside them.
  ['both', 'client_secret_basic', 401],
  ['both', 'client_secret_post', 401],
] as const)('client %s by %s: %i', async ([client_id, method, status]) => {
  const form = { grant_type: 'client_credentials' }
  const answer =
    method === 'client_secret_basic'
      ? await post(serverOf(), '/token', form, basic(client_id))
      : await post(serverOf(), '/token', { ...form, client_id, client_secret: SECRET })
  expect(answer.status).toBe(status)
})

test.for([
  'http://localhost:9/path',
  'http://localhost:9/?query',
  'http://localhost:9/#fragment',
  'http://somebody@localhost:9',
  'localhost:9',
  'ws://localhost:9',
  '',
])('the origin "%s" is refused', (origin) => {
  const text = 'Cannot create a development server: origin must be an http or https URL without a path'
  expect(() => createDevelopmentServer({ origin })).toThrow(new TypeError(text))
})

test.for(['http://localhost:9', 'http://localhost:9/', 'HTTP://LOCALHOST:9'])('%s is an origin', (origin) => {
  expect(createDevelopmentServer({ origin }).origin).toBe('http://localhost:9')
})

test('listen() leaves Request and Response of the process as they are, and reads a body of unknown length', async () => {
  const own = [globalThis.Request, globalThis.Response]
  await using server = serverOf()
  await server.listen()
  expect([globalThis.Request, globalThis.Response]).toEqual(own)
  const answer = await fetch(`${server.origin}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic('service') },
    body: new Blob(['grant_type=client_credentials']).stream(),
    duplex: 'half',
  })
  expect(answer.status).toBe(200)
})

test.for([
  [{ client: [] }, 'options has no member client; known are config, origin,'],
  [null, 'options must be an object'],
  [{ config: 'atjwt-issuer.json' }, 'config must be an object, or a function which gives one'],
  [{ origin: 9000 }, 'origin must be an http or https URL without a path'],
  [{ alg: 'none' }, 'alg must be one of RS256, '],
  [{ alg: 'HS256' }, 'alg must be one of RS256, '],
  [{ maxTenants: Number.NaN }, 'maxTenants must be a positive integer'],
  [{ maxTenants: 0 }, 'maxTenants must be a positive integer'],
  [{ limits: [] }, 'limits must be an object'],
  [{ limits: { adress: { consume() {} } } }, 'limits has no member adress; known are address, failures'],
  [{ limits: { failures: {} } }, 'limits.failures must have a function consume'],
  [{ onAudit: console }, 'onAudit must be a function'],
  [{ clock: NOW }, 'clock must be a function'],
] as const)('createDevelopmentServer(%j) says: %s', ([options, text]) => {
  const create = (): unknown => createDevelopmentServer(options as never)
  expect(create).toThrow(TypeError)
  expect(create).toThrow(`Cannot create a development server: ${text}`)
})

test('a configuration may name the origin of its server', async () => {
  const server = createDevelopmentServer({
    config: () => ({ ...CONFIG, audience: `${server.origin}/api` }),
    origin: 'http://localhost:9',
  })
  const answer = await post(server, '/token', { grant_type: 'client_credentials' }, basic('service'))
  expect(answer).toMatchObject({ status: 200 })
})

describe('a config function whose answer is wrong', () => {
  const answers: readonly (readonly [string, () => unknown, string])[] = [
    ['a name nobody reads', () => ({ client: [] }), 'config gave a wrong answer: client is unknown'],
    [
      'a client without its secret',
      () => ({
        clients: [
          { client_id: 'service', client_secret: '', token_endpoint_auth_method: 'client_secret_post' },
        ],
      }),
      'config gave a wrong answer: clients[0].client_secret must be given for client_secret_post',
    ],
    [
      'what cannot be copied',
      () => ({ users: [{ sub: 'alice', claims: { of: () => SECRET } }] }),
      'config gave a wrong answer: it has what cannot be copied',
    ],
    ['nothing', () => undefined, 'config gave a wrong answer: The configuration must be an object'],
    ['a promise', async () => CONFIG, 'config answered with a promise'],
    [
      'text which is no JSON',
      () => JSON.parse(`{ "clients": ${SECRET} }`) as unknown,
      'config threw a SyntaxError',
    ],
  ]

  test.for(answers)('%s: stderr says so, without a secret', async ([, config, text]) => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => {
      error.mockRestore()
    })
    const server = serverOf(config as () => DevelopmentConfig)
    const answer = await post(server, '/token', { grant_type: 'client_credentials' }, basic('service'))
    expect(answer).toEqual({ status: 500, error: 'server_error' })
    expect(error.mock.calls).toEqual([[`Cannot answer POST /token: ${text}`]])
    expect(text).not.toContain(SECRET)
    await expect(server.issue()).rejects.toThrow(new TypeError(text))
  })
})

test('clientAuthentication is read once, for the issuers which are asked for later too', async () => {
  let config = CONFIG
  const server = serverOf(() => config)
  await post(server, '/token', {})
  config = { ...CONFIG, clientAuthentication: 'optional', clients: [] }
  for (const path of ['', '/later']) {
    const assertion = await grantAbout(`${server.origin}${path}`, 'alice')
    const answer = await post(server, `${path}/token`, { grant_type: JWT_BEARER, assertion })
    expect(answer).toMatchObject({ status: 401, error: 'invalid_client' })
  }
  // Everything else is read for each request.
  const answer = await post(server, '/token', { grant_type: 'client_credentials' }, basic('service'))
  expect(answer).toMatchObject({ status: 401, error: 'invalid_client' })
})

test('a JWT grant behind a parameter which only a lenient reader takes for grant_type needs its client too', async () => {
  const server = serverOf()
  const grant = `grant_type=${encodeURIComponent(JWT_BEARER)}&assertion=${await grantAbout(server.origin, 'alice')}`
  expect(await post(server, '/token', grant)).toMatchObject({ status: 401, error: 'invalid_client' })
  expect(await post(server, '/token', grant, basic('service'))).toMatchObject({ status: 200 })
  const disguised = `?grant_type=authorization_code&grant_type=${encodeURIComponent(JWT_BEARER)}&assertion=`
  const answer = await post(server, '/token', `${disguised}${await grantAbout(server.origin, 'alice')}`)
  expect(answer).toMatchObject({ status: 400, error: 'unsupported_grant_type' })
})

describe('refresh tokens', () => {
  test('a refresh for a narrower scope gets a new one, which stands for all that was granted', async () => {
    const server = serverOf()
    const scope = 'orders:read offline_access'
    const first = await redeem(server, await codeFor(server, { scope }))
    const narrow = await refresh(server, first, { scope: 'orders:read' })
    expect(narrow).toMatchObject({ status: 200, scope: 'orders:read' })
    expect(await refresh(server, narrow)).toMatchObject({ status: 200, scope })
  })

  test.for([
    [{ resource: 'https://other.example' }, 'invalid_target'],
    [{ resource: 'orders' }, 'invalid_target'],
    [{ scope: 'orders:write' }, 'invalid_scope'],
    [{ authorization_details: '{}' }, 'invalid_authorization_details'],
  ] as const)(
    'a refresh with %j is refused, and the right one after it is no reuse',
    async ([wrong, error]) => {
      const server = serverOf()
      const asked = { scope: 'orders:read offline_access', resource: 'https://orders.example' }
      const first = await redeem(server, await codeFor(server, asked))
      expect(await refresh(server, first, wrong)).toMatchObject({ status: 400, error })
      const second = await refresh(server, first)
      expect(second).toMatchObject({ status: 200 })
      expect(await refresh(server, second)).toMatchObject({ status: 200 })
    },
  )
})

describe('codes', () => {
  test('a code with a resource which was not granted is refused, and the right request after it is served', async () => {
    const server = serverOf()
    const code = await codeFor(server, { resource: 'https://orders.example' })
    const answer = await redeem(server, code, { resource: 'https://other.example' })
    expect(answer).toMatchObject({ status: 400, error: 'invalid_target' })
    expect(await redeem(server, code)).toMatchObject({ status: 200 })
  })

  test.for([{ code_verifier: 'x'.repeat(43) }, { code_verifier: '' }, { redirect_uri: 'http://127.0.0.1/' }])(
    'a code which came with %j is used up: nobody has a second guess',
    async (wrong) => {
      const server = serverOf()
      const code = await codeFor(server, {})
      expect(await redeem(server, code, wrong as Record<string, string>)).toMatchObject({ status: 400 })
      expect(await redeem(server, code)).toMatchObject({ status: 400, error: 'invalid_grant' })
    },
  )
})

describe('token exchange', () => {
  const exchange = async (
    client_id: string,
    held: string,
    more: Record<string, string> = {},
  ): Promise<Answer> => {
    const server = serverOf()
    return post(
      server,
      '/token',
      {
        grant_type: TOKEN_EXCHANGE,
        subject_token: await server.issue({ scope: held }),
        subject_token_type: ACCESS_TOKEN,
        ...more,
      },
      basic(client_id),
    )
  }

  test('without a scope in the request gives what the subject token has and the client may ask for', async () => {
    const held = 'orders:read orders:write'
    expect(await exchange('service', held)).toMatchObject({ status: 200, scope: held })
    const narrow = await exchange('narrow', held)
    expect(narrow).toMatchObject({ status: 200, scope: 'orders:read' })
    expect(decodeJwt(narrow['access_token'] as string)['scope']).toBe('orders:read')
    const asked = await exchange('narrow', held, { scope: 'orders:write' })
    expect(asked).toMatchObject({ status: 400, error: 'invalid_scope' })
  })

  test.for(['', ' ', 'orders:write'])('says nothing of scope when of "%s" none is left', async (held) => {
    const answer = await exchange('narrow', held)
    expect(answer.status).toBe(200)
    expect(answer).not.toHaveProperty('scope')
    expect(decodeJwt(answer['access_token'] as string)).not.toHaveProperty('scope')
  })
})

test('where no scope was granted, neither a token response nor an introspection has one', async () => {
  const server = serverOf({
    ...CONFIG,
    clients: [
      {
        client_id: 'web',
        redirect_uris: [REDIRECT_URI],
        grant_types: ['authorization_code', 'refresh_token'],
      },
      { client_id: 'service', client_secret: SECRET },
    ],
  })
  const form = { grant_type: 'client_credentials' }
  const tokens = [
    await post(server, '/token', form, basic('service')),
    await redeem(server, await codeFor(server, {})),
  ]
  for (const answer of tokens) {
    expect(answer.status).toBe(200)
    expect(answer).not.toHaveProperty('scope')
  }
  const token = tokens[1]?.['refresh_token'] as string
  const known = await post(server, '/introspect', { token }, basic('service'))
  expect(known).toMatchObject({ active: true, sub: 'alice' })
  expect(known).not.toHaveProperty('scope')
})

test.for([
  ['http://127.0.0.1:5173', 'http://127.0.0.1:5173'],
  ['null', null],
  ['https://evil.example', null],
] as const)(
  'a page of the origin %s may read answers of the token endpoint: %s',
  async ([origin, allowed]) => {
    const server = serverOf()
    const headers = { origin, 'access-control-request-method': 'POST' }
    const request = new Request(`${server.origin}/token`, { method: 'OPTIONS', headers })
    expect((await server.fetch(request)).headers.get('access-control-allow-origin')).toBe(allowed)
  },
)

describe('the front page', () => {
  const verdictOn = async (
    server: DevelopmentServer,
    token: string,
  ): Promise<[number, string | undefined]> => {
    const response = await server.fetch(
      new Request(server.origin, {
        method: 'POST',
        headers: { origin: server.origin },
        body: new URLSearchParams({ action: 'judge', token }),
      }),
    )
    const [, verdict] = /id="verdict">\s*([^.]*)\./.exec(await response.text()) ?? []
    return [response.status, verdict]
  }

  test.for(['\n', '\r\n', ' \r\n\t', '\n\u00A0'])(
    'reads a token which was pasted with %j around and within',
    async (space) => {
      const server = serverOf()
      const token = await server.issue()
      const pasted = [space, token.slice(0, 50), space, space, token.slice(50), space].join('')
      expect(await verdictOn(server, pasted)).toEqual([200, 'It is accepted'])
    },
  )

  test.for([' ', '\t', '\u00A0', '\u2028'])(
    'reads a token between %j, and says of one with it within',
    async (space) => {
      const server = serverOf()
      const token = await server.issue()
      expect(await verdictOn(server, `${space}${token}${space}`)).toEqual([200, 'It is accepted'])
      const verdict = 'It is refused: 400 <code>credentials_malformed</code>'
      for (const pasted of [`Bearer${space}${token}`, `${token}${space}${token}`]) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        expect(await verdictOn(server, pasted)).toEqual([200, verdict])
      }
    },
  )

  test.for(['', 'tökén', 'token…', '\u0000', 'to\u0000ken', '\u007F', '\u200B', '\uD800'])(
    'says of %j, which no header field carries as a token, that the credentials are malformed',
    async (token) => {
      const verdict = 'It is refused: 400 <code>credentials_malformed</code>'
      expect(await verdictOn(serverOf(), token)).toEqual([200, verdict])
    },
  )
})
