import { implementation } from '#crypto'
import { describe, expect, test } from 'vitest'

import { bearer, createTestApi } from '../../../test/helpers/api.ts'
import { addHeaders, authOf, createGuard, findAuth, replaceHeaders } from './adapter.ts'
import { check, optional, type Policy, type ResourceRequest, type ResourceServer, scope } from './index.ts'

const preflight = (headers: Record<string, string>, method = 'OPTIONS'): Request =>
  new Request('https://api.example/', { method, headers })
const PREFLIGHT = { origin: 'https://app.example', 'access-control-request-method': 'DELETE' }

describe('createGuard()', () => {
  test('throws on mistakes when the route is set up', async () => {
    const { api } = await createTestApi()
    const wild = (value: unknown): never => value as never
    const mistakes: [api: unknown, policy: unknown, options: unknown, given: number][] = [
      [undefined, scope('a'), undefined, 2],
      [{}, scope('a'), undefined, 2],
      [api, 'admin', undefined, 2],
      [api, { op: 'scope', names: [] }, undefined, 2],
      [api, undefined, undefined, 2],
      [api, scope('a'), { refusal: 'throw' }, 3],
      [api, scope('a'), { refusals: 'next' }, 3],
      [api, scope('a'), { preflight: 'throw' }, 3],
    ]
    for (const [first, policy, options, given] of mistakes) {
      expect(() => createGuard(wild(first) as ResourceServer, wild(policy), wild(options), given)).toThrow(
        /^Cannot (?:protect|use the policy)/,
      )
    }
  })

  test('takes no policy for any valid token', async () => {
    const { api, issuer } = await createTestApi()
    const guard = createGuard(api, undefined, undefined, 1)
    expect((await guard(bearer(await issuer.issue()), {})).ok).toBe(true)
    expect((await guard(bearer(undefined), {})).ok).toBe(false)
  })

  test('keeps the token for the handlers behind it, by resource server', async () => {
    const { api, issuer } = await createTestApi()
    const other = api.with({ audience: 'https://other.example' })
    const carrier = {}
    expect(() => findAuth(api, carrier)).toThrow('no protect() of this resource server ran')
    // A context which somebody forgot to hand on.
    expect(() => findAuth(api, undefined as never)).toThrow('no protect() of this resource server ran')
    await createGuard(api, scope('a'), undefined, 2)(bearer(await issuer.issue({ scope: 'a' })), carrier)
    expect(authOf(api, carrier).subject).toBe('user-1')
    expect(findAuth(api, carrier)).toBe(authOf(api, carrier))
    expect(() => authOf(other, carrier)).toThrow('no protect() of this resource server ran')
    await createGuard(other, optional(), undefined, 2)(bearer(undefined), carrier)
    expect(findAuth(other, carrier)).toBeUndefined()
    expect(() => authOf(other, carrier)).toThrow('the request is anonymous')
    expect(authOf(api, carrier).subject).toBe('user-1')
  })

  test('shows the token of the last guard', async () => {
    const { api, issuer } = await createTestApi()
    const guard = createGuard(api, optional(), undefined, 2)
    const carrier = {}
    await guard(bearer(await issuer.issue({ sub: 'a' })), carrier)
    await guard(bearer(await issuer.issue({ sub: 'b' })), carrier)
    expect(authOf(api, carrier).subject).toBe('b')
  })

  test('keeps nothing for a request that it refuses', async () => {
    const { api } = await createTestApi()
    const carrier = {}
    await createGuard(api, undefined, undefined, 1)(bearer(undefined), carrier)
    expect(() => findAuth(api, carrier)).toThrow(TypeError)
  })

  test('answers a preflight that got this far, and nothing that only looks like one (BT-21)', async () => {
    const { api } = await createTestApi()
    const guard = createGuard(api, scope('a'), undefined, 2)
    expect(await guard(preflight(PREFLIGHT), {})).toEqual({
      ok: false,
      response: { status: 204, headers: [], body: null },
    })
    for (const request of [
      preflight({ origin: 'https://app.example' }),
      preflight({ 'access-control-request-method': 'DELETE' }),
      preflight({}),
      preflight(PREFLIGHT, 'GET'),
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- four
      expect(await guard(request, {})).toMatchObject({ ok: false, response: { status: 401 } })
    }
  })

  test('judges a preflight like any request when told so', async () => {
    const { api } = await createTestApi()
    const guard = createGuard(api, scope('a'), { preflight: 'next' }, 3)
    expect(await guard(preflight(PREFLIGHT), {})).toMatchObject({ ok: false, response: { status: 401 } })
  })

  test('throws the refusal when the framework is to answer', async () => {
    const { api, issuer } = await createTestApi()
    const guard = createGuard(api, scope('a'), { refusals: 'throw' }, 3)
    expect(() => guard(bearer(undefined), {})).toThrow(
      expect.objectContaining({ code: 'no_credentials', status: 401 }),
    )
    // Now its keys have to be fetched.
    const poor = bearer(await issuer.issue({ scope: 'b' }))
    await expect(guard(poor, {})).rejects.toMatchObject({ code: 'missing_scope', status: 403 })
  })

  test('answers at once for a token that was verified before, and for somebody who stands before the server', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue()
    const guard = createGuard(api, undefined, undefined, 1)
    await expect(guard(bearer(token), {})).resolves.toMatchObject({ ok: true })
    const again = guard(bearer(token), {})
    // WebCrypto hashes asynchronously.
    expect(again instanceof Promise).toBe(implementation === 'web')
    expect(await again).toMatchObject({ ok: true })
    const asked: unknown[] = []
    const before = new Proxy(api, {
      get: (target, name) =>
        name === 'authorize'
          ? (...parameters: [ResourceRequest]) => {
              asked.push(parameters.length)
              return target.authorize(...parameters)
            }
          : Reflect.get(target, name, target),
    })
    await expect(createGuard(before, undefined, undefined, 1)(bearer(token), {})).resolves.toMatchObject({
      ok: true,
    })
    expect(asked).toEqual([1])
  })

  test.each([undefined, null, 'route', 'router', 0])(
    'never rejects with %j, which a framework takes for "go on"',
    async (thrown) => {
      const { api, issuer } = await createTestApi()
      const policy = check('odd', () => {
        throw thrown
      }) as Policy
      const guard = createGuard(api, policy, undefined, 2)
      await expect(guard(bearer(await issuer.issue()), {})).rejects.toBeInstanceOf(Error)
    },
  )

  test('hands an error on as it is', async () => {
    const { api, issuer } = await createTestApi()
    const fault = new RangeError('x')
    const guard = createGuard(
      api,
      check('odd', () => {
        throw fault
      }) as Policy,
      undefined,
      2,
    )
    await expect(guard(bearer(await issuer.issue()), {})).rejects.toBe(fault)
  })
})

describe('addHeaders()', () => {
  const answer = new Headers({
    'WWW-Authenticate': 'Basic realm="a"',
    'Cache-Control': 'public',
    'X-Frame-Options': 'DENY',
    ETag: '"v"',
  })

  test('adds challenges to those of others, and replaces the rest (BT-19)', () => {
    addHeaders(answer, [
      ['WWW-Authenticate', 'Bearer realm="b"'],
      ['Cache-Control', 'no-store'],
    ])
    expect(Object.fromEntries(answer)).toEqual({
      'www-authenticate': 'Basic realm="a", Bearer realm="b"',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      etag: '"v"',
    })
  })

  test.each([
    [undefined, 'Authorization'],
    ['', 'Authorization'],
    ['Origin', 'Origin, Authorization'],
    ['Origin, authorization', 'Origin, authorization'],
    ['*', '*'],
    ['Accept , *', 'Accept , *'],
  ])('adds to Vary: %j', (earlier, vary) => {
    const headers = new Headers(earlier === undefined ? {} : { vary: earlier })
    addHeaders(headers, [['Vary', 'Authorization']])
    expect(headers.get('vary')).toBe(vary)
  })
})

describe('replaceHeaders()', () => {
  test('removes what earlier middleware said about another representation, and keeps the rest', () => {
    const answer = new Headers({
      'access-control-allow-origin': 'https://app.example',
      'content-encoding': 'gzip',
      'content-length': '7',
      'content-type': 'text/html',
      'last-modified': 'x',
      etag: '"v"',
      expires: 'x',
      'strict-transport-security': 'max-age=1',
    })
    replaceHeaders(answer, [['Content-Type', 'application/problem+json']])
    expect(Object.fromEntries(answer)).toEqual({
      'access-control-allow-origin': 'https://app.example',
      'content-type': 'application/problem+json',
      'strict-transport-security': 'max-age=1',
    })
  })

  test('knows the fields of a representation and of caches by their names, whatever their case', () => {
    const gone =
      'Accept-Ranges Age CDN-Cache-Control Cloudflare-CDN-Cache-Control Content-Digest Content-Disposition ' +
      'Content-Encoding Content-Language Content-Length Content-Location Content-MD5 Content-Range Content-Type ' +
      'Digest Edge-Control ETag Expires Last-Modified Location Pragma Repr-Digest Surrogate-Control Trailer ' +
      'Transfer-Encoding Vercel-CDN-Cache-Control X-Accel-Expires'
    const kept =
      'Access-Control-Allow-Origin Cache-Control Content-Security-Policy Content-Security-Policy-Report-Only Link ' +
      'Cross-Origin-Resource-Policy Permissions-Policy Retry-After Server-Timing Set-Cookie Vary WWW-Authenticate ' +
      'X-Content-Type-Options X-Frame-Options X-Page-Age X-Session-Expires'
    const left = new Set([...gone.split(' '), ...kept.split(' ')])
    replaceHeaders(
      { keys: () => left, get: () => null, set() {}, append() {}, delete: (name) => void left.delete(name) },
      [],
    )
    expect([...left]).toEqual(kept.split(' '))
  })
})
