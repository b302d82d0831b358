import { readFile } from 'node:fs/promises'

import { CompactSign, exportJWK, generateKeyPair } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'

import {
  clock,
  createAssertionVerifier,
  createTokenEndpoint,
  JWT_BEARER,
  memoryReplayStore,
  type TokenEndpoint,
  type TokenEndpointOptions,
} from './index.ts'

const NOW = 1_700_000_000
const SERVER = 'https://as.example'
const ISSUER = 'https://partner.example'
const CLIENT = 'reports'
const fixed = { [clock]: () => NOW }

let keys: Awaited<ReturnType<typeof generateKeyPair>>
let others: Awaited<ReturnType<typeof generateKeyPair>>
let jwks: never
beforeAll(async () => {
  keys = await generateKeyPair('ES256')
  others = await generateKeyPair('ES256')
  jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), alg: 'ES256' }] } as never
})

let count = 0
async function sign(claims: object, right = true): Promise<string> {
  const payload = { aud: SERVER, iat: NOW, exp: NOW + 60, jti: `a${(count += 1)}`, ...claims }
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'ES256' })
    .sign((right ? keys : others).privateKey)
}
const client = async (id: string, right = true) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await sign({ iss: id, sub: id }, right),
})
const grant = async (right = true) => ({
  grant_type: JWT_BEARER,
  assertion: await sign({ iss: ISSUER, sub: 'user-1' }, right),
})

function make(options: Partial<TokenEndpointOptions> = {}): TokenEndpoint {
  return createTokenEndpoint({
    clients: createAssertionVerifier({
      purpose: 'client-authentication',
      issuer: SERVER,
      clients: (client_id) =>
        client_id === CLIENT || client_id === ISSUER ? { client_id, jwks } : undefined,
      replay: memoryReplayStore(fixed),
      ...fixed,
    }),
    grants: createAssertionVerifier({
      purpose: 'authorization-grant',
      issuer: SERVER,
      trusted: { issuer: ISSUER, jwks },
      replay: memoryReplayStore(fixed),
      ...fixed,
    }),
    grantTypes: 'client_credentials',
    ...options,
  })
}

const post = (parameters: Record<string, string>, headers: Record<string, string> = {}): Request =>
  new Request(`${SERVER}/token`, { method: 'POST', body: new URLSearchParams(parameters), headers })

const ROWS: Readonly<Record<string, () => Promise<Record<string, string>>>> = {
  'grant alone': () => grant(),
  'bad grant alone': () => grant(false),
  'grant, client': async () => ({ ...(await grant()), ...(await client(CLIENT)) }),
  'grant, its issuer as client': async () => ({ ...(await grant()), ...(await client(ISSUER)) }),
  'bad grant, client': async () => ({ ...(await grant(false)), ...(await client(CLIENT)) }),
  'grant, bad client': async () => ({ ...(await grant()), ...(await client(CLIENT, false)) }),
  'bad grant, bad client': async () => ({ ...(await grant(false)), ...(await client(CLIENT, false)) }),
  'client alone': async () => ({ grant_type: 'client_credentials', ...(await client(CLIENT)) }),
  'bad client alone': async () => ({ grant_type: 'client_credentials', ...(await client(CLIENT, false)) }),
  'neither, `client_credentials`': async () => ({ grant_type: 'client_credentials' }),
  'neither, `jwt-bearer`': async () => ({ grant_type: JWT_BEARER }),
}
const MODES = ['required', 'optional', 'implicit'] as const

describe('the table of the page', () => {
  test('is what the endpoint answers', async () => {
    const table: string[][] = []
    for (const [name, parameters] of Object.entries(ROWS)) {
      const row = [name]
      for (const clientAuthentication of MODES) {
        const result = await make({ clientAuthentication }).verify(post(await parameters()))
        if (!result.ok) row.push(`${result.response.status} \`${result.error.error}\``)
        else
          row.push(
            `accepted, client: ${result.client?.client_id === undefined ? 'none' : label(result.client)}`,
          )
      }
      table.push(row)
    }
    const page = await readFile(new URL('../../docs/token-endpoint.md', import.meta.url), 'utf8')
    const section = /## Who is answered what\n([^]*?)\n## /.exec(page)?.[1] ?? ''
    const shown = section
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.includes('---') && !line.includes('| `required`'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    expect(shown).toEqual(table)
  })
})

const label = ({ client_id, method }: { client_id: string; method: string }): string =>
  method === 'implicit' ? 'the issuer' : client_id === ISSUER ? 'the issuer' : 'the client'

test('verify() hands on who the client is, whom the grant is about, and the other parameters', async () => {
  const result = await make().verify(
    post({ ...(await grant()), ...(await client(CLIENT)), scope: 'orders:read' }),
  )
  if (!result.ok) throw new Error(result.error.code)
  expect(result).toMatchObject({
    grant_type: JWT_BEARER,
    client: { client_id: CLIENT, method: 'private_key_jwt' },
    grant: { issuer: ISSUER, type: 'jwt', subject: 'user-1' },
  })
  expect(Object.fromEntries(result.params)).toEqual({ grant_type: JWT_BEARER, scope: 'orders:read' })
  expect(Object.isFrozen(result)).toBe(true)
})

test('verify() refuses under implicit a grant beside the name of another client than its issuer', async () => {
  const judge = make({ clientAuthentication: 'implicit' })
  const codes = []
  for (const client_id of ['somebody-else', CLIENT, '', ISSUER]) {
    const result = await judge.verify(post({ ...(await grant()), client_id }))
    codes.push(result.ok ? result.client?.client_id : result.error.code)
  }
  // A parameter without a value counts as not sent (RFC 6749 §3.2).
  expect(codes).toEqual(['client_mismatch', 'client_mismatch', ISSUER, ISSUER])
})

test('verify() hands on the assertion of another grant type, and never one which was judged here', async () => {
  const saml = 'urn:ietf:params:oauth:grant-type:saml2-bearer'
  const events: unknown[] = []
  const judge = make({ grantTypes: saml, onAudit: (event) => events.push(event) })
  const result = await judge.verify(
    post({ grant_type: saml, assertion: 'PHNhbWw', scope: 'a', ...(await client(CLIENT)) }),
  )
  if (!result.ok) throw new Error(result.error.code)
  expect(Object.fromEntries(result.params)).toEqual({ grant_type: saml, assertion: 'PHNhbWw', scope: 'a' })
  const refused = await judge.verify(
    post({ grant_type: saml, assertion: 'PHNhbWw', ...(await client(CLIENT, false)) }),
  )
  expect(JSON.stringify([events, refused])).not.toContain('PHNhbWw')
})

test('verify() refuses a grant type for which the client is not registered', async () => {
  const clients = createAssertionVerifier({
    purpose: 'client-authentication',
    issuer: SERVER,
    clients: (client_id) => ({ client_id, jwks, grant_types: ['client_credentials'] }),
    replay: memoryReplayStore(fixed),
    ...fixed,
  })
  const judge = make({ clients })
  const refused = await judge.verify(post({ ...(await grant()), ...(await client(CLIENT)) }))
  expect(!refused.ok && [refused.response.status, refused.error.error]).toEqual([400, 'unauthorized_client'])
  const accepted = await judge.verify(post({ grant_type: 'client_credentials', ...(await client(CLIENT)) }))
  expect(accepted.ok).toBe(true)
})

describe('verify() under implicit asks the registry for the issuer of a grant', () => {
  const answered = async (answer: unknown) => {
    const clients = createAssertionVerifier({
      purpose: 'client-authentication',
      issuer: SERVER,
      clients: (client_id) => (client_id === ISSUER ? (answer as () => never)() : undefined),
      replay: memoryReplayStore(fixed),
      ...fixed,
    })
    return make({ clients, clientAuthentication: 'implicit' }).verify(post(await grant()))
  }
  const entry = (members: object) => () => ({ client_id: ISSUER, jwks, ...members })
  test.for<[string, string, () => unknown]>([
    ['knows no such client', 'ok', () => undefined],
    ['knows no such client, and says null', 'ok', () => null],
    ['says nothing of grant types', 'ok', entry({})],
    ['names the grant type', 'ok', entry({ grant_types: ['refresh_token', JWT_BEARER] })],
    ['names others', 'grant_type_not_registered', entry({ grant_types: ['client_credentials'] })],
    ['names a text', 'client_misconfigured', entry({ grant_types: JWT_BEARER })],
    ['answers about an alias', 'client_misconfigured', entry({ client_id: 'alias' })],
    ['answers with a text', 'client_misconfigured', () => ISSUER],
    ['fails', 'resolver_failed', () => Promise.reject(new Error('no connection'))],
  ])('which %s', async ([, code, answer]) => {
    const result = await answered(answer)
    expect(result.ok ? 'ok' : result.error.code).toBe(code)
  })

  test('and hands on what it said', async () => {
    const client = { client_id: ISSUER, jwks, grant_types: [JWT_BEARER] }
    const result = await answered(() => client)
    expect(result.ok && result.client).toEqual({ client_id: ISSUER, method: 'implicit', client })
  })

  test('only when the grant is verified', async () => {
    const asked: string[] = []
    const clients = createAssertionVerifier({
      purpose: 'client-authentication',
      issuer: SERVER,
      clients: (client_id) => void asked.push(client_id),
      replay: memoryReplayStore(fixed),
      ...fixed,
    })
    const judge = make({ clients, clientAuthentication: 'implicit' })
    expect((await judge.verify(post(await grant(false)))).ok).toBe(false)
    expect(asked).toEqual([])
    expect((await judge.verify(post(await grant()))).ok).toBe(true)
    expect(asked).toEqual([ISSUER])
  })
})

describe('secrets', () => {
  const seen: unknown[] = []
  const secrets: TokenEndpointOptions['secrets'] = (client_id, secret, method) => {
    seen.push([client_id, secret, method])
    return secret === 'p%:ä w'
  }
  const basic = (id: string, secret: string): Record<string, string> => ({
    authorization: `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret).replaceAll('%20', '+')}`)}`,
  })
  const credentials = { grant_type: 'client_credentials' }

  test('are decoded twice from the header field, as RFC 6749 §2.3.1 has them', async () => {
    const result = await make({ secrets }).verify(post(credentials, basic('a:b', 'p%:ä w')))
    expect(result.ok && result.client).toEqual({ client_id: 'a:b', method: 'client_secret_basic' })
    expect(seen).toEqual([['a:b', 'p%:ä w', 'client_secret_basic']])
  })

  test.for([
    ['no base64', 'Basic ***'],
    ['no colon', `Basic ${btoa('abc')}`],
    ['no secret', `Basic ${btoa('abc:')}`],
    ['no client', `Basic ${btoa(':abc')}`],
    ['broken UTF-8', `Basic ${btoa('a:\u00FF')}`],
    ['broken escapes', `Basic ${btoa('a:%zz')}`],
    ['nothing behind the scheme', 'Basic'],
  ])('with %s are refused with a challenge', async ([, authorization]) => {
    const result = await make({ secrets }).verify(
      post(credentials, { authorization: authorization as string }),
    )
    expect(!result.ok && result.error.code).toBe('credentials_malformed')
    expect(!result.ok && new Headers(result.response.headers).get('www-authenticate')).toBe(
      `Basic realm="${SERVER}"`,
    )
  })

  test.for(['Basic YTpi', 'Bearer abc', 'Basic'])(
    'in two fields are refused, one of them %s',
    async (other) => {
      for (const fields of [
        [other, 'Basic YTpi'],
        ['basic YTpi', other],
      ]) {
        const request = post(credentials)
        for (const field of fields) request.headers.append('authorization', field)
        const result = await make({ secrets: () => true }).verify(request)
        expect(!result.ok && [result.error.code, result.response.status]).toEqual([
          'several_authentication_methods',
          400,
        ])
      }
    },
  )

  test('of another client than the client_id parameter names are refused', async () => {
    const parameters = { ...credentials, client_id: 'other' }
    const result = await make({ secrets }).verify(post(parameters, basic('a', 'p%:ä w')))
    expect(!result.ok && result.error.code).toBe('client_secret_wrong')
  })

  test('count only when the hook says true', async () => {
    for (const [answer, code] of [
      [false, 'client_secret_wrong'],
      ['yes', 'client_secret_wrong'],
      [undefined, 'client_secret_wrong'],
    ] as const) {
      const result = await make({ secrets: () => answer as never }).verify(
        post({ ...credentials, client_id: 'a', client_secret: 'b' }),
      )
      expect(!result.ok && result.error.code).toBe(code)
    }
  })

  test('are looked up for a name of at most 512 characters', async () => {
    const asked: number[] = []
    const judge = make({
      secrets: (client_id) => {
        asked.push(client_id.length)
        return true
      },
    })
    const verdicts = []
    for (const id of ['a'.repeat(512), 'a'.repeat(513)]) {
      for (const request of [
        post({ ...credentials, client_id: id, client_secret: 'b' }),
        post(credentials, basic(id, 'b')),
      ]) {
        const result = await judge.verify(request)
        verdicts.push(result.ok ? 'ok' : result.error.code)
      }
    }
    expect(verdicts).toEqual(['ok', 'ok', 'client_secret_wrong', 'client_secret_wrong'])
    expect(asked).toEqual([512, 512])
  })

  test('are 503 when the hook throws', async () => {
    const failing = make({
      secrets: () => {
        throw new Error('no connection')
      },
    })
    const result = await failing.verify(post({ ...credentials, client_id: 'a', client_secret: 'b' }))
    expect(!result.ok && [result.error.code, result.response.status]).toEqual(['secrets_failed', 503])
  })
})

test('onAudit() sees each verdict, and its failure costs nobody theirs', async () => {
  const events: unknown[] = []
  const judge = make({
    onAudit: ({ ms, ...event }) => {
      events.push({ ...event, timed: ms >= 0 })
      throw new Error('no disk')
    },
  })
  await judge.verify(post({ ...(await grant()), ...(await client(CLIENT)) }), { address: '192.0.2.1' })
  await judge.verify(post({ ...(await grant(false)), ...(await client(CLIENT)) }))
  await judge.verify(post({ ...(await grant()), ...(await client(CLIENT, false)) }))
  await judge.verify(post({ grant_type: 'x' }))
  const common = { grant_type: JWT_BEARER, client_id: CLIENT, timed: true }
  expect(events).toEqual([
    { ...common, code: 'accepted', issuer: ISSUER, method: 'private_key_jwt', address: '192.0.2.1' },
    { ...common, code: 'signature_invalid', issuer: ISSUER, method: 'private_key_jwt', address: undefined },
    { ...common, code: 'signature_invalid', issuer: undefined, method: 'assertion', address: undefined },
    {
      code: 'grant_type_unsupported',
      grant_type: undefined,
      client_id: undefined,
      issuer: undefined,
      method: undefined,
      address: undefined,
      timed: true,
    },
  ])
})

describe('createTokenEndpoint() throws and names the option when', () => {
  test.for<[string, string, object]>([
    ['nothing is given', 'clients', { clients: undefined, grants: undefined }],
    ['a name is unknown', 'clientAuthentification', { clientAuthentification: 'required' }],
    ['clients verify grants', 'clients', { clients: { purpose: 'authorization-grant' } }],
    [
      'clients are wrapped under implicit, which asks their registry',
      'clients must be made by createAssertionVerifier()',
      {
        clientAuthentication: 'implicit',
        clients: { purpose: 'client-authentication' },
        grants: undefined,
      },
    ],
    ['grants verify clients', 'grants', { grants: { purpose: 'client-authentication' } }],
    [
      'the two are other servers',
      'grants',
      { grants: { purpose: 'authorization-grant', issuer: 'https://x.example' } },
    ],
    ['the mode is none', 'clientAuthentication', { clientAuthentication: true }],
    ['nobody could authenticate', 'clientAuthentication', { clients: undefined }],
    ['a limiter is none', 'limits.address', { limits: { address: {} } }],
    ['a limit is unknown', 'limits', { limits: { max: 1 } }],
    ['the body may be of any size', 'limits.maxBody', { limits: { maxBody: Infinity } }],
    ['the grant type is named twice', 'grantTypes', { grantTypes: JWT_BEARER }],
    ['secrets are a list', 'secrets', { secrets: [] }],
    ['the realm is two lines', 'realm', { realm: 'a\nb' }],
    ['onAudit is no function', 'onAudit', { onAudit: true }],
  ])('%s', ([, option, options]) => {
    expect(() => make(options)).toThrow(TypeError)
    expect(() => make(options)).toThrow(option)
    expect(() => make(options)).toThrow('Cannot create a token endpoint')
  })
})
