import { describe, expect, test } from 'vitest'

import { createTestIssuer } from '../../testing/src/index.ts'
import { createGuard, type ProtectOptions } from './adapter.ts'
import {
  all,
  allowInsecureRequests,
  any,
  client,
  clock,
  createResourceServer,
  customFetch,
  entitlement,
  group,
  issuer as issuedBy,
  not,
  optional,
  type ResourceServer,
  type ResourceServerOptions,
  role,
  scope,
  waitUntil,
} from './index.ts'

const ISSUER = 'https://issuer.example'
const AUDIENCE = 'https://api.example'
const now = 1_767_225_600

const example = await createTestIssuer({ issuer: ISSUER, audience: AUDIENCE, clock: () => now })
const jwks = example.jwks as { keys: Record<string, unknown>[] }
const [publicKey] = jwks.keys as [Record<string, unknown>]

function create(changes: Record<string | symbol, unknown>): ResourceServer {
  return createResourceServer({
    issuer: ISSUER,
    audience: AUDIENCE,
    ...changes,
  } as unknown as ResourceServerOptions)
}

/** An option with values which are mistakes; `issuer.x` is a member of the only issuer. */
const MISTAKES: readonly (readonly [option: string, values: readonly unknown[]])[] = [
  [
    'issuer',
    [
      undefined,
      null,
      '',
      [],
      [''],
      [[]],
      42,
      /issuer/,
      true,
      'issuer.example',
      'http://issuer.example',
      'http://127.0.0.1:8080',
      'ftp://issuer.example',
      'file:///etc/passwd',
      'data:application/json,{}',
      'javascript:alert(1)',
      'https://',
      'https://issuer.example?tenant=1',
      'https://issuer.example?',
      'https://issuer.example#fragment',
      'https://issuer.example#',
      'https://user@issuer.example',
      'https://user:secret@issuer.example',
      ' https://issuer.example',
      'https://issuer.example ',
      'https://issuer.example\n',
      String.raw`https://issuer.example\tenant`,
      `https://issuer.example/${'x'.repeat(512)}`,
      [ISSUER, ISSUER],
      [ISSUER, { issuer: ISSUER }],
      [ISSUER, undefined],
      new URL(ISSUER),
      {},
      { issuer: '' },
      { issuer: [ISSUER] },
      { issuer: ISSUER, jwksUri: 'https://issuer.example/jwks' },
      { issuer: ISSUER, audiance: AUDIENCE },
    ],
  ],
  [
    'issuer.jwks',
    [
      null,
      '',
      'https://issuer.example/jwks',
      new URL('http://issuer.example/jwks'),
      new URL('file:///etc/passwd'),
      new URL('data:application/json,{}'),
      new URL('https://user:secret@issuer.example/jwks'),
      {},
      { keys: [] },
      { keys: 'x' },
      { keys: [null] },
      // A string key, in whatever dress, is none; neither is an empty or a symmetric one.
      '-----BEGIN PUBLIC KEY-----',
      { keys: ['-----BEGIN PUBLIC KEY-----'] },
      { keys: [{ kty: 'oct', k: '' }] },
      { keys: [{ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }] },
      { keys: [{ ...publicKey, d: 'AA' }] },
      { keys: [{ ...publicKey, use: 'enc' }] },
      { keys: [{ ...publicKey, alg: 'HS256' }] },
      { keys: [{ ...publicKey, alg: 'none' }] },
      publicKey,
      () => jwks,
    ],
  ],
  ['issuer.metadata', [null, '', 'https://issuer.example/metadata', {}, new URL('http://issuer.example/m')]],
  [
    'issuer.jwksOrigins',
    [null, '', [], [''], 'keys.example', ['https://keys.example/'], ['https://keys.example/jwks'], [/keys/]],
  ],
  ['issuer.audience', [null, '', [], [''], [undefined], /api/, 1, {}]],
  ['issuer.algorithms', [null, '', [], ['none'], ['HS256'], ['ES256', 'HS256'], ['ES256', 'ES256'], /ES/]],
  ['issuer.authorities', [null, 'roles', { roles: 'roles' }, { roles: ['admin'] }, { role: () => [] }]],
  [
    'issuer.allow',
    [null, 'roles', { role: ['admin'] }, { roles: 'admin' }, { roles: [''] }, { roles: [/a/] }],
  ],
  [
    'issuer.deviations',
    [
      null,
      'typ',
      { strict: false },
      { typ: 'JWT' },
      { typ: [''] },
      { typ: [/.*/] },
      { typ: ['id_token+jwt'] },
      { typ: ['application/DPoP+jwt'] },
      { typ: ['logout+jwt'] },
      { optionalClaims: 'sub' },
      { optionalClaims: ['exp'] },
      { optionalClaims: ['iss'] },
      { optionalClaims: ['aud'] },
      { client_id: '' },
      { client_id: ['azp'] },
      { jti: '' },
      { jti: null },
    ],
  ],
  [
    'audience',
    [undefined, null, '', [], [''], [AUDIENCE, ''], [AUDIENCE, undefined], [[AUDIENCE]], /api/, 42, true, {}],
  ],
  [
    'algorithms',
    [
      null,
      '',
      [],
      [''],
      'none',
      ['none'],
      ['None'],
      ['HS256'],
      ['RS256', 'HS256'],
      ['RS256', 'none'],
      ['RS257'],
      ['rs256'],
      ['RS256 '],
      ['RS256', 'RS256'],
      ['ES256K'],
      ['RSA-OAEP'],
      ['__proto__'],
      [/RS/],
      {},
    ],
  ],
  ['claims', [null, {}, 'claims', () => true, { '~standard': {} }]],
  ['authorities', [null, 'roles', { roles: 'roles' }, { role: () => [] }]],
  ['clockTolerance', [null, Number.NaN, Infinity, -Infinity, -1, 301, '5', '', true, [5], {}]],
  ['maxTokenLifetime', [null, Number.NaN, Infinity, -1, 0, '3600', {}]],
  ['maxTokenLength', [null, Number.NaN, Infinity, 0, -1, 255, 65_537, 1000.5, '16384']],
  ['maxStale', [null, Number.NaN, Infinity, -1, '3600']],
  ['maxKeyLifetime', [null, Number.NaN, Infinity, 0, 59, 86_401, '3600']],
  ['cache', [null, true, 100, 'lru', { ttl: 60 }, { maximum: 1 }]],
  ['cache.max', [0, Number.NaN, Infinity, -1, 1.5, '100', null, 8_000_001]],
  ['cache.maxSize', [0, Number.NaN, Infinity, -1, 1.5, '100', null]],
  ['revoked', [null, true, 'x', {}, new Set()]],
  ['refusal', [null, true, 'x', {}]],
  ['onDecision', [null, true, 'x', {}]],
  ['onIssuerEvent', [null, true, 'x', {}]],
  [
    'keys',
    [
      null,
      {},
      'x',
      [null],
      [{ issuer: ISSUER }],
      [{ issuer: ISSUER, jwks, fetchedAt: Number.NaN, freshUntil: 1 }],
    ],
  ],
  ['realm', [null, '', 42, {}, 'a\r\nSet-Cookie: x=1', 'a\u0000', 'réalm']],
]

const SYMBOLS = [
  ['customFetch', customFetch, [null, true, 'https://proxy.example', {}]],
  ['clock', clock, [null, true, 0, now, {}]],
  ['waitUntil', waitUntil, [null, true, {}]],
  [
    'allowInsecureRequests',
    allowInsecureRequests,
    [null, false, 'true', '', [], ['localhost'], ['http://localhost/'], ['https://localhost'], ['*'], [/./]],
  ],
] as const

function withMistake(option: string, value: unknown): Record<string, unknown> {
  const [name, member] = option.split('.') as [string, string?]
  if (member === undefined) return { [name]: value }
  return { [name]: name === 'issuer' ? { issuer: ISSUER, [member]: value } : { [member]: value } }
}

function show(value: unknown): string {
  const text = typeof value === 'number' || value instanceof RegExp ? String(value) : JSON.stringify(value)
  return (text ?? String(value)).slice(0, 60)
}

describe('createResourceServer() throws a TypeError which names the option', () => {
  const table = MISTAKES.flatMap(([option, values]) =>
    values.map((value) => ({ option, value, shown: show(value) })),
  )
  test.each(table)('$option: $shown', ({ option, value }) => {
    const attempt = (): ResourceServer => create(withMistake(option, value))
    expect(attempt).toThrow(TypeError)
    expect(attempt).toThrow(`resource server: ${option.split('.')[0]}`)
    // A member is named by its path, unless the whole of what it stands in is wrong.
    expect(attempt).toThrow(option)
  })

  test.each(
    SYMBOLS.flatMap(([name, symbol, values]) =>
      values.map((value) => ({ name, symbol, value, shown: show(value) })),
    ),
  )('[$name]: $shown', ({ name, symbol, value }) => {
    const attempt = (): ResourceServer => create({ [symbol]: value })
    expect(attempt).toThrow(TypeError)
    expect(attempt).toThrow(name)
  })

  test.each([
    ['audiance', { audiance: AUDIENCE }],
    ['jwksUri', { jwksUri: 'https://issuer.example/jwks' }],
    ['secret', { secret: 'x' }],
    ['key', { key: '' }],
    ['strict', { strict: false }],
    ['allowInsecureRequests', { allowInsecureRequests: true }],
    ['customFetch', { [Symbol('customFetch')]: fetch }],
    ['clock', { clock: () => 0 }],
  ])('for an option which does not exist: %s', (name, changes) => {
    expect(() => create(changes)).toThrow(TypeError)
    expect(() => create(changes)).toThrow(name)
  })

  test.each([undefined, null, '', 'https://issuer.example', 42, () => {}])(
    'for options which are %s',
    (options) => {
      expect(() => createResourceServer(options as unknown as ResourceServerOptions)).toThrow(TypeError)
      expect(() => createResourceServer(options as unknown as ResourceServerOptions)).toThrow('options')
    },
  )

  test('issuer.metadata: beside jwks, which replaces discovery', () => {
    const both = { issuer: ISSUER, jwks: new URL(`${ISSUER}/jwks`), metadata: new URL(`${ISSUER}/metadata`) }
    expect(() => create({ issuer: both })).toThrow('issuer.metadata')
    expect(() => create({ issuer: { ...both, jwks } })).toThrow('issuer.metadata')
  })

  test('issuer: http is only for origins which were named, or for loopback hosts', () => {
    const attempt = (origins: true | string[], issuer: string): (() => ResourceServer) => {
      return () => create({ issuer, [allowInsecureRequests]: origins })
    }
    expect(attempt(true, 'http://issuer.example')).toThrow('issuer')
    expect(attempt(true, 'http://10.0.0.1')).toThrow('issuer')
    expect(attempt(['http://keycloak:8080'], 'http://keycloak:8081')).toThrow('issuer')
    expect(attempt(['http://keycloak:8080'], 'http://127.0.0.1')).toThrow('issuer')
    expect(attempt(true, 'http://127.0.0.1:8080')).not.toThrow()
    expect(attempt(['http://keycloak:8080'], 'http://keycloak:8080/realms/a')).not.toThrow()
  })

  test('realm: an audience which cannot stand in a header field needs another', () => {
    expect(() => create({ audience: 'urn:ápi' })).toThrow('realm')
    expect(() => create({ audience: 'urn:ápi', realm: 'api' })).not.toThrow()
  })
})

describe('with() throws a TypeError which names the option', () => {
  const api = create({ issuer: { issuer: ISSUER, jwks } })
  test.each([
    ['with()', undefined],
    ['with()', null],
    ['audience', {}],
    ['audience', { audience: '' }],
    ['audience', { audience: [] }],
    ['audience', { audience: /api/ }],
    ['issuer', { audience: AUDIENCE, issuer: ISSUER }],
    ['realm', { audience: AUDIENCE, realm: '' }],
  ])('%s: %j', (name, options) => {
    expect(() => api.with(options as never)).toThrow(TypeError)
    expect(() => api.with(options as never)).toThrow(name)
  })
})

/** What every adapter does when a route is set up. */
function protect(...given: [api: ResourceServer, policy?: never, options?: ProtectOptions]): unknown {
  return createGuard(given[0], given[1], given[2], given.length)
}

describe('a guard with nothing to demand throws a TypeError', () => {
  const api = create({ issuer: { issuer: ISSUER, jwks } })
  const atoms = { scope, role, group, entitlement, client, issuer: issuedBy }
  const empty = [[], [[]], [''], [undefined], [null], [42], [/x/], [['']], [[undefined]], [['a', '']]]
  const table = Object.entries(atoms).flatMap(([name, atom]) => empty.map((args) => ({ name, atom, args })))
  test.each(table)('$name($args)', ({ atom, args }) => {
    const attempt = (): unknown => (atom as (...given: unknown[]) => unknown)(...args)
    expect(attempt).toThrow(TypeError)
    expect(attempt).toThrow(/^Cannot use the policy: /)
  })

  test('and one with something to demand does not', () => {
    expect(protect(api)).toBeTypeOf('function')
    expect(protect(api, scope('a') as never, { refusals: 'throw' })).toBeTypeOf('function')
    expect(optional(all(scope(['a', 'b']), not(any(role('c'), client('d')))))).toMatchObject({
      op: 'optional',
    })
  })

  test.each([
    ['scope of two tokens', () => scope('a b')],
    ['scope which would end a quoted string', () => scope('a"')],
    ['scope with a line break', () => scope('a\r\nb')],
    ['all', () => (all as (...policies: unknown[]) => unknown)()],
    ['all of undefined', () => all(undefined as never)],
    ['any', () => (any as (...policies: unknown[]) => unknown)()],
    ['any of a string', () => any('orders:read' as never)],
    ['not', () => not(undefined as never)],
    ['optional of undefined', () => optional(undefined)],
    ['optional inside', () => all(optional() as never)],
    ['protect without a server', () => protect(undefined as never)],
    ['protect with an undefined policy', () => protect(api, undefined as never)],
    ['protect with null', () => protect(api, null as never)],
    ['protect with a string', () => protect(api, 'orders:read' as never)],
    ['protect with a list', () => protect(api, [scope('a')] as never)],
    ['protect with an empty object', () => protect(api, {} as never)],
    ['protect with an unknown operator', () => protect(api, { op: 'scopes', names: ['a'] } as never)],
    ['protect with no names', () => protect(api, { op: 'scope', names: [] } as never)],
    ['protect with an unknown option', () => protect(api, scope('a') as never, { refuse: 'throw' } as never)],
    ['protect with a wrong option', () => protect(api, scope('a') as never, { refusals: 'next' } as never)],
  ])('%s', (_name, attempt) => {
    expect(attempt).toThrow(TypeError)
    expect(attempt).toThrow(/^Cannot /)
  })
})

describe('a resolver which knows nothing', () => {
  test.each([undefined, null])(
    'refuses every token as one of an issuer who is not trusted: %s',
    async (answer) => {
      const api = create({ issuer: () => answer, [clock]: () => now })
      await expect(api.verify(await example.issue())).rejects.toMatchObject({
        code: 'issuer_not_trusted',
        status: 401,
      })
    },
  )
})

describe('later changes to the options have no effect', () => {
  const foreign = createTestIssuer({ issuer: 'https://evil.example', audience: AUDIENCE, clock: () => now })

  function mutable() {
    return {
      issuer: [
        {
          issuer: ISSUER,
          jwks: structuredClone(jwks),
          audience: [AUDIENCE],
          algorithms: ['ES256'],
          authorities: { roles: () => ['reader'] as string[] },
          allow: { scopes: ['a'], roles: ['reader', 'admin'] } as Record<string, string[]>,
          deviations: { typ: [] as string[], optionalClaims: [] as string[] },
        } as Record<string, any>,
      ],
      audience: [AUDIENCE],
      algorithms: ['ES256'],
      cache: { max: 10 },
      clockTolerance: 5,
      realm: 'api',
      [clock]: () => now,
      revoked: (): boolean => false,
    } satisfies Record<string | symbol, unknown>
  }

  async function spoil(options: ReturnType<typeof mutable>): Promise<void> {
    const issuer = options.issuer[0] as Record<string, any>
    const evil = await foreign
    issuer['jwks'].keys.length = 0
    issuer['jwks'].keys.push(...evil.jwks.keys)
    issuer['audience'].push('https://other.example')
    issuer['algorithms'].push('none')
    issuer['authorities'].roles = () => ['admin']
    issuer['allow']['scopes'].push('admin')
    issuer['deviations'].typ.push('JWT')
    issuer['deviations'].optionalClaims.push('sub')
    issuer['issuer'] = evil.issuer
    options.issuer.push({ issuer: evil.issuer, jwks: evil.jwks })
    options.audience.push('https://other.example')
    options.algorithms.length = 0
    options.cache.max = Number.NaN
    options.clockTolerance = Infinity
    options.realm = 'evil'
    options[clock] = () => 0
    options.revoked = () => true
  }

  test.each([
    ['of the server', (api: ResourceServer) => api],
    ['of another resource on it', (api: ResourceServer) => api.with({ audience: AUDIENCE, realm: 'api' })],
  ] as const)('%s', async (_name, of) => {
    const options = mutable()
    const created = createResourceServer(options as unknown as ResourceServerOptions)
    await spoil(options)
    const api = of(created)
    const token = await api.verify(await example.issue({ scope: 'a admin' }))
    expect([...token.roles]).toEqual(['reader'])
    expect([...token.scopes]).toEqual(['a'])
    const refused = async (token: string): Promise<unknown> =>
      api.verify(token).then(
        () => 'accepted',
        (error: { code: string }) => error.code,
      )
    expect(await refused(await (await foreign).issue())).toBe('issuer_not_trusted')
    expect(await refused(await example.issue({ aud: 'https://other.example' }))).toBe('audience_mismatch')
    expect(await refused(await example.issue({}, { typ: 'JWT' }))).toBe('type_mismatch')
    expect(await refused(await example.issue({ sub: undefined }))).toBe('claim_missing')
    expect(await refused(await example.issue({ iat: now - 60, exp: now - 5 }))).toBe('token_expired')
    const result = await api.authorize(new Request(AUDIENCE))
    expect(result.ok ? [] : result.response.headers).toContainEqual([
      'WWW-Authenticate',
      'Bearer realm="api"',
    ])
  })
})
