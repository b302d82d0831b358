import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import {
  type AccessToken,
  all,
  any,
  type AnyPolicy,
  AuthorizationError,
  clock,
  createResourceServer,
  customFetch,
  group,
  type ResourceServer,
  type ResourceServerOptions,
  role,
  scope,
} from '@atjwt/core'
import { createTestIssuer, type TestIssuer } from '@atjwt/testing'
import { describe, expect, test } from 'vitest'

interface World {
  readonly api: ResourceServer
  readonly issuer: TestIssuer
}

async function world(options: Partial<ResourceServerOptions> = {}): Promise<World> {
  const issuer = await createTestIssuer({ clock: () => 1_800_000_000 })
  const api = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [customFetch]: issuer.fetch,
    [clock]: issuer.clock.now,
    ...options,
  })
  return { api, issuer }
}

/** The status of a request with this token, and the reason of a refusal. */
async function ask(api: ResourceServer, token: string, policy?: AnyPolicy): Promise<string> {
  const request = new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } })
  const result = await (policy === undefined ? api.authorize(request) : api.authorize(request, policy))
  return result.ok ? '200' : `${result.response.status} ${result.error.code}`
}

describe('authorize() judges a remembered token anew:', () => {
  test('a strict route after a lax one is refused', async () => {
    const { api, issuer } = await world()
    const token = await issuer.issue({ scope: 'read' })
    expect(await ask(api, token)).toBe('200')
    expect(await ask(api, token, scope('write'))).toBe('403 missing_scope')
    expect(await ask(api, token, role('admin'))).toBe('403 policy_denied')
    expect(await ask(api, token, scope('read'))).toBe('200')
  })

  test('a lax route after a strict one is granted: the refusal is not remembered either', async () => {
    const { api, issuer } = await world()
    const token = await issuer.issue({ scope: 'read', groups: ['staff'] })
    expect(await ask(api, token, all(scope('read'), any(role('admin'), group('managers'))))).toBe(
      '403 policy_denied',
    )
    expect(await ask(api, token, all(scope('read'), any(role('admin'), group('staff'))))).toBe('200')
  })

  test('each of two tokens of one subject keeps its own scopes', async () => {
    const { api, issuer } = await world()
    const [reads, writes] = [await issuer.issue({ scope: 'read' }), await issuer.issue({ scope: 'write' })]
    for (let time = 0; time < 2; time += 1) {
      expect(await ask(api, reads, scope('read'))).toBe('200')
      expect(await ask(api, reads, scope('write'))).toBe('403 missing_scope')
      expect(await ask(api, writes, scope('write'))).toBe('200')
      expect(await ask(api, writes, scope('read'))).toBe('403 missing_scope')
    }
  })

  test('it expires between two hits', async () => {
    const { api, issuer } = await world({ clockTolerance: 0 })
    const token = await issuer.issue({ exp: issuer.clock.now() + 10 })
    expect(await ask(api, token)).toBe('200')
    issuer.clock.advance(9.999)
    expect(await ask(api, token)).toBe('200')
    issuer.clock.advance(0.001)
    expect(await ask(api, token)).toBe('401 token_expired')
  })

  test('it is revoked between two hits, and again by a hook which fails', async () => {
    const answers: (boolean | Error)[] = [false, true, new Error('the store is down'), false]
    const { api, issuer } = await world({
      revoked: () => {
        const answer = answers.shift() ?? true
        if (answer instanceof Error) throw answer
        return answer
      },
    })
    const token = await issuer.issue()
    expect(await ask(api, token)).toBe('200')
    expect(await ask(api, token)).toBe('401 token_revoked')
    expect(await ask(api, token)).toBe('503 revocation_unavailable')
    expect(await ask(api, token)).toBe('200')
    expect(answers).toEqual([])
  })
})

describe('authorize() forgets what a key verified with the key:', () => {
  test('on the very next call after a token of the new key brought the new set', async () => {
    const { api, issuer } = await world()
    const old = await issuer.issue()
    expect([await ask(api, old), await ask(api, old)]).toEqual(['200', '200'])
    await issuer.rotate({ retire: true })
    expect(await ask(api, await issuer.issue())).toBe('200')
    expect(await ask(api, old)).toMatch(/^401 kid_unknown/)
  })

  test('on the very next call after revokeKey()', async () => {
    const { api, issuer } = await world()
    await issuer.rotate()
    const token = await issuer.issue()
    expect(await ask(api, token)).toBe('200')
    api.revokeKey(issuer.issuer, issuer.jwks.keys.at(-1)?.kid as string)
    expect(await ask(api, token)).toMatch(/^401 /)
  })

  test('on the very next call after purge(), when the issuer does not publish it any more', async () => {
    const { api, issuer } = await world()
    const token = await issuer.issue()
    expect(await ask(api, token)).toBe('200')
    await issuer.rotate({ retire: true })
    api.purge()
    expect(await ask(api, token)).toMatch(/^401 kid_unknown/)
  })
})

describe('the memory', () => {
  test('is not shared by two resource servers of one process', async () => {
    const { api, issuer } = await world()
    const options = { issuer: issuer.issuer, audience: issuer.audience, [customFetch]: issuer.fetch }
    const later = { ...options, clockTolerance: 0, [clock]: () => issuer.clock.now() + 302 }
    const strict = createResourceServer(later)
    const lax = createResourceServer({ ...later, clockTolerance: 300 })
    const elsewhere = createResourceServer({
      ...options,
      audience: 'https://x.example',
      [clock]: issuer.clock.now,
    })
    const token = await issuer.issue()
    for (let time = 0; time < 2; time += 1) {
      expect(await ask(api, token)).toBe('200')
      expect(await ask(lax, token)).toBe('200')
      expect(await ask(strict, token)).toBe('401 token_expired')
      expect(await ask(elsewhere, token)).toBe('401 audience_mismatch')
    }
    expect(await api.verify(token)).not.toBe(await lax.verify(token))
  })

  test('does not take another signature for the one it knows', async () => {
    const { api, issuer } = await world()
    const [known, other] = [await issuer.issue({ jti: 'a' }), await issuer.issue({ jti: 'b' })]
    expect(await ask(api, known)).toBe('200')
    const [header, payload] = known.split('.')
    const forged = `${header}.${payload}.${other.split('.')[2]}`
    expect(await ask(api, forged)).toBe('401 signature_invalid')
    expect(await ask(api, forged)).toBe('401 signature_invalid')
    expect(await ask(api, known)).toBe('200')
  })

  test('holds no refusal: a token that became good is accepted at once', async () => {
    const { api, issuer } = await world()
    const early = await issuer.issue({ nbf: issuer.clock.now() + 100, exp: issuer.clock.now() + 900 })
    expect(await ask(api, early)).toBe('401 token_not_yet_valid')
    issuer.clock.advance(40)
    expect(await ask(api, early)).toBe('200')

    issuer.outage()
    api.purge()
    expect(await ask(api, early)).toMatch(/^503 /)
    issuer.recover()
    issuer.clock.advance(10)
    expect(await ask(api, early)).toBe('200')
  })

  test('loses no token to a flood of garbage', async () => {
    const { api, issuer } = await world({ cache: { max: 4 } })
    const tokens = await Promise.all(Array.from({ length: 4 }, () => issuer.issue()))
    const known: AccessToken[] = []
    for (const token of tokens) known.push(await api.verify(token))
    const [header, payload, signature] = (await issuer.issue()).split('.') as [string, string, string]
    const refused = { reasons: new Set<string>(), count: 0 }
    for (let n = 0; n < 3000; n += 1) {
      const id = Buffer.from(String(n).padStart(9, '0')).toString('base64url')
      for (const token of [`garbage-${n}`, `${header}.${payload}.${id}${signature.slice(id.length)}`]) {
        try {
          await api.verify(token)
        } catch (error) {
          refused.count += 1
          refused.reasons.add((error as AuthorizationError).code)
        }
      }
    }
    expect(refused.count).toBe(6000)
    expect([...refused.reasons]).toEqual(['token_opaque', 'signature_invalid'])
    for (const [n, token] of tokens.entries()) expect(await api.verify(token)).toBe(known[n])
  })

  test('keeps no token as text: none is found in the heap', { timeout: 120_000 }, async () => {
    const script = fileURLToPath(new URL('remembered-heap.ts', import.meta.url))
    const options = ['--conditions=@atjwt/source', '--expose-gc', script]
    const env = { ...process.env, NODE_OPTIONS: '' }
    const { stdout } = await promisify(execFile)(process.execPath, options, { env })
    expect(JSON.parse(stdout)).toEqual({ remembered: true, marks: 54, found: 0, control: true })
  })
})
