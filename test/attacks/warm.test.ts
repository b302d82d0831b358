// oxlint-disable no-await-in-loop -- the clock moves from case to case
import { AuthorizationError, type AccessToken, clock, type ResourceServer } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { CORPUS, policyOf, type SetupName, setupOf, staticServer, TOKEN_CASES } from './hostile.ts'

const SETUPS: readonly SetupName[] = ['main', 'single', 'two issuers']
const NOW = CORPUS.now
/** When the ordinary token of the corpus expires. */
const EXP = NOW + 300

interface Movable {
  readonly servers: ReadonlyMap<SetupName, ResourceServer>
  /** Seconds. */
  at: number
}

function servers(cache: boolean): Movable {
  const self: { servers: Map<SetupName, ResourceServer>; at: number } = { servers: new Map(), at: NOW }
  for (const setup of SETUPS) {
    const options = { [clock]: () => self.at }
    self.servers.set(setup, staticServer(setup, cache ? options : { ...options, cache: false }))
  }
  return self
}

/** All that anybody can see of a verdict. */
async function verdictOf(api: ResourceServer, one: (typeof TOKEN_CASES)[number]): Promise<unknown> {
  const seen: unknown[] = []
  try {
    const token = await api.verify(one.token)
    seen.push(token.claims, token.header, [...token.scopes], [...token.roles], [...token.groups])
  } catch (error) {
    if (!(error instanceof AuthorizationError)) throw error
    seen.push(error.code, error.claim, error.status, error.headers)
  }
  const request = {
    method: 'GET',
    url: 'https://api.example/',
    headers: { get: () => `Bearer ${one.token}` },
  }
  const policy = policyOf(one)
  const result = await (policy === undefined ? api.authorize(request) : api.authorize(request, policy))
  seen.push(result.ok ? result.headers : result.response)
  return seen
}

/** The `exp` of a token where it is one, the ordinary one elsewhere. */
function expiryOf(token: string): number {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      exp?: unknown
    }
    if (typeof exp === 'number' && exp > 0 && exp < NOW + 10 * 365 * 86_400) return exp
  } catch {}
  return EXP
}

describe.each([
  ['now', () => NOW],
  ['a second before exp', (token: string) => expiryOf(token) - 1],
  ['exp', expiryOf],
  ['the last moment of the tolerance', (token: string) => expiryOf(token) + CORPUS.clockToleranceSec - 0.001],
  ['the end of the tolerance', (token: string) => expiryOf(token) + CORPUS.clockToleranceSec],
  ['beyond exp and the tolerance', (token: string) => expiryOf(token) + CORPUS.clockToleranceSec + 1],
] as const)('at %s', (_name, at) => {
  test('a remembered token gets the verdict of a fresh one, over the whole corpus, twice', async () => {
    const cold = servers(false)
    const warm = servers(true)
    for (const one of TOKEN_CASES) await verdictOf(warm.servers.get(setupOf(one)) as ResourceServer, one)
    const different: string[] = []
    for (const one of [...TOKEN_CASES, ...TOKEN_CASES]) {
      cold.at = warm.at = at(one.token)
      const fresh = await verdictOf(cold.servers.get(setupOf(one)) as ResourceServer, one)
      const remembered = await verdictOf(warm.servers.get(setupOf(one)) as ResourceServer, one)
      if (JSON.stringify(fresh) !== JSON.stringify(remembered)) different.push(one.id)
    }
    expect(different).toEqual([])
  })
})

async function accepted(api: ResourceServer): Promise<Map<string, AccessToken>> {
  const tokens = new Map<string, AccessToken>()
  for (const one of TOKEN_CASES) {
    if (setupOf(one) !== 'main') continue
    try {
      tokens.set(one.id, await api.verify(one.token))
    } catch (error) {
      if (!(error instanceof AuthorizationError)) throw error
    }
  }
  return tokens
}

test('the comparison is one with a warm cache: what was accepted is the remembered object', async () => {
  const api = staticServer('main')
  const first = await accepted(api)
  const second = await accepted(api)
  expect(first.size).toBeGreaterThan(30)
  expect([...second.keys()]).toEqual([...first.keys()])
  for (const [id, token] of first) expect(second.get(id)).toBe(token)
})

test('verify() refuses every other signature under a remembered header and payload', async () => {
  const api = staticServer('main')
  const one = TOKEN_CASES.find(({ id }) => id === 'S-control-001') as (typeof TOKEN_CASES)[number]
  await api.verify(one.token)
  const stolen = TOKEN_CASES.find(({ id }) => id === 'S-control-015') as (typeof TOKEN_CASES)[number]
  const [header, payload] = one.token.split('.')
  const forged = `${header}.${payload}.${stolen.token.split('.')[2]}`
  await expect(api.verify(forged)).rejects.toMatchObject({ code: 'signature_invalid' })
})

test('revocation by issuer and jti meets both spellings of an ECDSA signature', async () => {
  // (r, n-s) is a second valid signature of the same claims: another token to the cache, the same one to a deny-list.
  const twin = TOKEN_CASES.find(({ id }) => id === 'S-sig-ecdsa-900') as (typeof TOKEN_CASES)[number]
  const seen: string[] = []
  const denied = new Set<string>()
  const api = staticServer('main', {
    revoked: ({ claims }) => {
      const identity = JSON.stringify([claims.iss, claims.jti])
      seen.push(identity)
      return denied.has(identity)
    },
  })
  await api.verify(twin.token)
  const other = twinOf(twin.token)
  await api.verify(other)
  expect(other).not.toBe(twin.token)
  expect(seen[1]).toBe(seen[0])
  denied.add(seen[0] as string)
  await expect(api.verify(twin.token)).rejects.toMatchObject({ code: 'token_revoked' })
  await expect(api.verify(other)).rejects.toMatchObject({ code: 'token_revoked' })
})

/** The order of P-256. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

function twinOf(token: string): string {
  const dot = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(dot + 1), 'base64url')
  const s = N - BigInt(`0x${signature.subarray(32).toString('hex')}`)
  const twin = Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
  ])
  return `${token.slice(0, dot)}.${twin.toString('base64url')}`
}
