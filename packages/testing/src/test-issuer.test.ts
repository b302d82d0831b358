import {
  allowInsecureRequests,
  clock,
  createResourceServer,
  customFetch,
  type ResourceServer,
  scope,
} from '@atjwt/core'
import { expect, onTestFinished, test, vi } from 'vitest'

import { createTestIssuer, type TestIssuer } from './test-issuer.ts'

const serverOf = (issuer: TestIssuer): ResourceServer =>
  createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [customFetch]: issuer.fetch,
    [clock]: issuer.clock.now,
  })

async function verdict(api: ResourceServer, request: Request): Promise<string> {
  const result = await api.authorize(request)
  return result.ok ? 'authorized' : result.error.code
}

const bearing = (token: string): Request =>
  new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } })

test('a token ends when the clock of both is moved past its exp', async () => {
  const issuer = await createTestIssuer()
  issuer.clock.set(1_800_000_000)
  const api = serverOf(issuer)
  const token = await issuer.issue()
  expect(await verdict(api, bearing(token))).toBe('authorized')
  issuer.clock.advance(304)
  expect(await verdict(api, bearing(token))).toBe('authorized')
  issuer.clock.advance(1)
  expect(issuer.clock.now()).toBe(1_800_000_305)
  expect(await verdict(api, bearing(token))).toBe('token_expired')
})

test('the clock is the real one until it is set, and refuses what is no time', async () => {
  const { clock: own } = await createTestIssuer()
  expect(Math.abs(own.now() - Date.now() / 1000)).toBeLessThan(5)
  own.advance(3600)
  expect(Math.abs(own.now() - 3600 - Date.now() / 1000)).toBeLessThan(5)
  expect(() => {
    own.set(Number.NaN)
  }).toThrow(TypeError)
})

test('fetches() counts what was asked for; withToken() bears a token which verifies', async () => {
  const issuer = await createTestIssuer()
  const api = serverOf(issuer)
  expect(issuer.fetches()).toEqual({ metadata: 0, jwks: 0, other: 0 })
  const request = await issuer.withToken(new Request('https://api.example/orders', { method: 'DELETE' }), {
    sub: 'user-7',
  })
  expect([request.method, request.url]).toEqual(['DELETE', 'https://api.example/orders'])
  const result = await api.authorize(request)
  expect(result.ok && result.auth.subject).toBe('user-7')
  expect(issuer.fetches()).toEqual({ metadata: 1, jwks: 1, other: 0 })
  await issuer.fetch(`${issuer.issuer}/elsewhere`)
  expect(issuer.fetches()).toEqual({ metadata: 1, jwks: 1, other: 1 })
})

test('withToken() keeps the parts of a plain request and its other fields, and replaces a token', async () => {
  const issuer = await createTestIssuer()
  const api = serverOf(issuer)
  const init = await issuer.withToken(
    { method: 'POST', headers: { Accept: 'text/plain', Authorization: 'Bearer old' } },
    { scope: 'orders:write' },
  )
  expect(init.method).toBe('POST')
  expect(Object.keys(init.headers).toSorted()).toEqual(['accept', 'authorization'])
  const result = await api.authorize(new Request('https://api.example/', init), scope('orders:write'))
  expect(result.ok).toBe(true)
})

test('a Request is known when the global one was replaced meanwhile', async () => {
  const issuer = await createTestIssuer()
  const request = new Request('https://api.example/orders', { method: 'POST', body: 'an order' })
  const question = new Request(`${issuer.issuer}/jwks`)
  vi.stubGlobal('Request', class extends Request {})
  onTestFinished(() => {
    vi.unstubAllGlobals()
  })
  const bearer = await issuer.withToken(request)
  expect([bearer.method, bearer.url, await bearer.text()]).toEqual([
    'POST',
    'https://api.example/orders',
    'an order',
  ])
  expect(bearer.headers.get('authorization')).toMatch(/^Bearer /)
  expect((await issuer.fetch(question)).status).toBe(200)
})

test('what has an address and headers, and is no Request, keeps its members', async () => {
  const issuer = await createTestIssuer()
  const init = await issuer.withToken({ url: '/orders', method: 'POST', headers: new Headers({ a: 'b' }) })
  expect(init).toEqual({
    url: '/orders',
    method: 'POST',
    headers: { a: 'b', authorization: expect.stringMatching(/^Bearer /) as string },
  })
})

test('a rotation is followed; a key which was withdrawn signs on and is refused', async () => {
  const issuer = await createTestIssuer()
  const api = serverOf(issuer)
  const first = await issuer.issue()
  expect(await verdict(api, bearing(first))).toBe('authorized')
  await issuer.rotate({ retire: true })
  expect(await verdict(api, bearing(await issuer.issue()))).toBe('authorized')
  expect(await verdict(api, bearing(first))).toBe('kid_unknown')
  const [{ kid = '' } = {}] = issuer.jwks.keys
  issuer.withdraw(kid)
  expect(issuer.jwks.keys).toEqual([])
  api.purge()
  expect(await verdict(api, bearing(await issuer.issue({}, { kid })))).toBe('issuer_metadata_unusable')
})

test('two issuers on two ports are two issuers', async () => {
  await using one = await createTestIssuer()
  await using two = await createTestIssuer()
  await one.listen()
  await two.listen()
  await using api = createResourceServer({
    issuer: one.issuer,
    audience: one.audience,
    [allowInsecureRequests]: true,
  })
  expect(await verdict(api, bearing(await one.issue()))).toBe('authorized')
  expect(await verdict(api, bearing(await two.issue()))).toBe('issuer_not_trusted')
  expect(one.fetches()).toEqual({ metadata: 1, jwks: 1, other: 0 })
  expect(two.fetches()).toEqual({ metadata: 0, jwks: 0, other: 0 })
})

test.for([
  [{ aud: 'https://api.example' }, 'options has no member aud; known are issuer, audience, alg, clock'],
  [null, 'options must be an object'],
  [{ issuer: 'no url' }, 'issuer must be an http or https URL without credentials, query and fragment'],
  [{ issuer: 'https://issuer.test/?tenant=1' }, 'issuer must be an http or https URL'],
  [{ issuer: 'https://somebody@issuer.test' }, 'issuer must be an http or https URL'],
  [{ audience: [] }, 'audience must be a string which is not empty'],
  [{ alg: 'none' }, 'alg must be one of RS256, '],
  [{ alg: 'HS256' }, 'alg must be one of RS256, '],
  [{ clock: 5 }, 'clock must be a function'],
] as const)('createTestIssuer(%j) says: %s', async ([options, text]) => {
  const created = createTestIssuer(options as never)
  await expect(created).rejects.toThrow(TypeError)
  await expect(created).rejects.toThrow(`Cannot create a test issuer: ${text}`)
})

test('rotate() refuses a name which it does not know', async () => {
  const issuer = await createTestIssuer()
  await expect(issuer.rotate({ retired: true } as never)).rejects.toThrow(
    new TypeError('Cannot rotate the keys: options has no member retired; known are retire'),
  )
})
