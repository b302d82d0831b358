import * as core from '@atjwt/core'
import * as adapter from '@atjwt/core/adapter'
import * as assertion from '@atjwt/core/assertion'
import { expect, test } from 'vitest'

import * as kit from './index.ts'

const ENTRIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  '@atjwt/core': core,
  '@atjwt/core/adapter': adapter,
  '@atjwt/core/assertion': assertion,
}

/** Everything that can be reached from a value by reading members, and by waiting. */
async function reachable(value: unknown, seen: Set<unknown> = new Set(), depth = 4): Promise<Set<unknown>> {
  const settled: unknown = value instanceof Promise ? await value.catch((error: unknown) => error) : value
  if ((typeof settled !== 'object' && typeof settled !== 'function') || settled === null) return seen
  if (seen.has(settled) || depth === 0) return seen
  seen.add(settled)
  for (const name of Reflect.ownKeys(settled)) {
    const { value: member } = Object.getOwnPropertyDescriptor(settled, name) as PropertyDescriptor
    await reachable(member, seen, depth - 1)
  }
  return seen
}

/** What somebody without a key of the issuer has: a forged token, its claims, and an object that looks verified. */
async function attempts(api: core.ResourceServer, issuer: kit.TestIssuer): Promise<unknown[][]> {
  const stranger = await kit.createTestIssuer({ issuer: issuer.issuer, audience: issuer.audience })
  const token = await stranger.issue({ scope: 'orders:read' }, { kid: issuer.jwks.keys[0]?.kid })
  const made = await kit.accessToken({ iss: issuer.issuer, aud: issuer.audience, scope: 'orders:read' })
  const request = new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } })
  const policy = core.scope('orders:read')
  const lookalike = { ...made, scopes: new Set(['orders:read']) }
  return [
    [],
    [token],
    [made.claims],
    [made],
    [lookalike],
    [request],
    [request, policy],
    [policy, made],
    [policy, lookalike],
    [api, token],
    [api, request],
    [api, policy],
    [api, made],
    [api, lookalike],
    [api, made.claims],
    [{ issuer: issuer.issuer, audience: issuer.audience, [core.customFetch]: issuer.fetch }],
    [{ verifier: api, claims: made.claims, header: made.header }, made.claims],
    ['name', () => true],
    [new Map(), [['Authorization', `Bearer ${token}`]]],
  ]
}

test.for(
  Object.entries(ENTRIES).flatMap(([entry, exports]) =>
    Object.entries(exports).map(([name, value]) => [`${entry} ${name}`, value] as const),
  ),
)('%s makes no token which demand() takes', async ([, exported]) => {
  const issuer = await kit.createTestIssuer()
  const api = core.createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [core.customFetch]: issuer.fetch,
  })
  const policy = core.scope('orders:read')
  const genuine = await api.verify(await issuer.issue({ scope: 'orders:read' }))
  expect(await api.demand(genuine, policy)).toBe(genuine)

  const results = new Set<unknown>([exported])
  if (typeof exported === 'function') {
    const call = exported as (...args: unknown[]) => unknown
    const construct = exported as unknown as new (...args: unknown[]) => unknown
    for (const args of await attempts(api, issuer)) {
      for (const make of [() => call(...args), () => new construct(...args)]) {
        try {
          await reachable(make(), results)
        } catch {
          // A refusal to be called so yields no token.
        }
      }
    }
  }
  for (const result of results) {
    await expect(api.demand(result as core.AccessToken, policy)).rejects.toBeInstanceOf(Error)
  }
})

test('a verified token does not lead to the class which makes tokens', async () => {
  const issuer = await kit.createTestIssuer()
  const api = core.createResourceServer(issuer.options)
  const genuine = await api.verify(await issuer.issue())
  const constructors = new Set<unknown>([genuine.constructor])
  for (let at: object | null = genuine; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, 'constructor')) constructors.add(at.constructor)
  }
  expect([...constructors]).toEqual([Object])
})

test('the options which weaken or replace something are these four, and none of them skips a check', async () => {
  const symbols = Object.entries(core).filter(([, value]) => typeof value === 'symbol')
  expect(symbols.map(([name]) => name).toSorted()).toEqual([
    'allowInsecureRequests',
    'clock',
    'customFetch',
    'waitUntil',
  ])
  const issuer = await kit.createTestIssuer()
  const api = core.createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [core.allowInsecureRequests]: true,
    [core.clock]: issuer.clock.now,
    [core.customFetch]: issuer.fetch,
    [core.waitUntil]: () => {},
  })
  let refused = 0
  for await (const { token, expect: code } of issuer.forgeries()) {
    await expect(api.verify(token)).rejects.toMatchObject({ code })
    refused += 1
  }
  expect(refused).toBeGreaterThan(100)
})

test.for(['skipVerification', 'verify', 'insecure', 'strict', 'mock', 'test'])(
  'createResourceServer() knows no option %s',
  (name) => {
    expect(() =>
      core.createResourceServer({
        issuer: 'https://as.example',
        audience: 'https://api.example',
        [name]: false,
      } as core.ResourceServerOptions),
    ).toThrow(TypeError)
  },
)
