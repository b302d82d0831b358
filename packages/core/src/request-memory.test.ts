import { describe, expect, test } from 'vitest'

import { generateKeyPairSync, sign } from 'node:crypto'

import { bearer, createTestApi } from '../../../test/helpers/api.ts'
import { check, createResourceServer, fromNode, type ResourceRequest, scope } from './index.ts'

/** A resource server which counts its verifications: `revoked` is asked at the end of each. */
async function countingApi() {
  const counted = { verifications: 0 }
  const test = await createTestApi({
    cache: false,
    revoked: () => {
      counted.verifications += 1
      return false
    },
  })
  return { ...test, counted }
}

describe('a request', () => {
  test('is verified once, however many guards stand on its way', async () => {
    const { api, issuer, counted } = await countingApi()
    const request = bearer(await issuer.issue({ scope: 'a' }))
    const results = [
      await api.authorize(request),
      await api.authorize(request, scope('a')),
      await api.authorize(request, scope('b')),
    ]
    expect(results.map(({ ok }) => ok)).toEqual([true, true, false])
    expect(counted.verifications).toBe(1)
  })

  test('of Node is verified once, through however many views, and leaves no mark on it', async () => {
    const { api, issuer, counted } = await countingApi()
    const req = { method: 'GET', url: '/', headers: { authorization: `Bearer ${await issuer.issue()}` } }
    const log = JSON.stringify(req)
    await api.authorize(fromNode(req))
    await api.authorize(fromNode(req, { url: () => 'https://api.example/orders' }))
    await Promise.all([api.authorize(fromNode(req)), api.authorize(fromNode(req))])
    expect(counted.verifications).toBe(1)
    expect(JSON.stringify(req)).toBe(log)
    const derived = Object.create(req) as typeof req
    await api.authorize(fromNode(derived))
    expect(counted.verifications).toBe(2)
  })

  test('which lives long keeps nothing of texts which it had before', async () => {
    const { api, issuer, counted } = await countingApi()
    const [first, second] = [await issuer.issue(), await issuer.issue()]
    const req = { method: 'GET', url: '/', headers: { authorization: '' } }
    const authorize = async (token: string): Promise<boolean> => {
      req.headers.authorization = `Bearer ${token}`
      return (await api.authorize(fromNode(req))).ok
    }
    expect([await authorize(first), await authorize(second), await authorize(second)]).not.toContain(false)
    expect(counted.verifications).toBe(2)
    expect(await authorize(first)).toBe(true)
    expect(counted.verifications).toBe(3)
  })

  test('is verified once also when two guards ask at the same time', async () => {
    const { api, issuer, counted } = await countingApi()
    const request = bearer(await issuer.issue())
    await Promise.all([api.authorize(request), api.authorize(request)])
    expect(counted.verifications).toBe(1)
  })

  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  test.each([
    ['a header as everybody writes it', '{"alg":"ES256","typ":"at+jwt"}', {}, true],
    ['a header in lines', '{\n"alg":"ES256","typ":"at+jwt"}', {}, true],
    ['an indented header', ' {"alg":"ES256","typ":"at+jwt"}', {}, true],
    ['a cache in which it has no room', '{"alg":"ES256","typ":"at+jwt"}', { maxSize: 1000 }, false],
  ])(
    'is verified once with %s, and its token remembered or not',
    async (_what, header, cache, remembered) => {
      let verifications = 0
      const [issuer, audience] = ['https://issuer.example', 'https://api.example']
      const api = createResourceServer({
        issuer: { issuer, jwks: { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), alg: 'ES256' }] } },
        audience,
        cache,
        claims: {
          '~standard': {
            version: 1,
            vendor: 'test',
            validate: (value) => {
              verifications += 1
              return { value: value as object }
            },
          },
        },
      })
      const iat = Math.floor(Date.now() / 1000)
      const claims = { iss: issuer, aud: audience, sub: 'a', client_id: 'b', jti: 'c', iat, exp: iat + 600 }
      const encode = (text: string): string => Buffer.from(text).toString('base64url')
      const input = `${encode(header)}.${encode(JSON.stringify(claims))}`
      const key = { key: pair.privateKey, dsaEncoding: 'ieee-p1363' } as const
      const token = `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
      const request = bearer(token)
      for (const guarded of [request, request]) expect((await api.authorize(guarded)).ok).toBe(true)
      expect(verifications).toBe(1)
      await api.verify(token)
      expect(verifications).toBe(remembered ? 1 : 2)
    },
  )

  test('is verified anew when middleware replaced its token between two guards', async () => {
    const { api, issuer, counted } = await countingApi()
    const headers = new Map([['authorization', `Bearer ${await issuer.issue({ sub: 'a' })}`]])
    const request: ResourceRequest = {
      method: 'GET',
      url: 'https://api.example/',
      headers: { get: (name) => headers.get(name.toLowerCase()) ?? null },
    }
    const subject = async (): Promise<string | undefined> => {
      const result = await api.authorize(request)
      return result.ok ? result.auth.subject : undefined
    }
    expect(await subject()).toBe('a')
    headers.set('authorization', `Bearer ${await issuer.issue({ sub: 'b' })}`)
    expect(await subject()).toBe('b')
    headers.delete('authorization')
    expect(await subject()).toBeUndefined()
    expect(counted.verifications).toBe(2)
  })

  test('is verified by each resource server for itself', async () => {
    const { api, issuer, counted } = await countingApi()
    const other = api.with({ audience: 'https://other.example' })
    const request = bearer(await issuer.issue({ aud: ['https://other.example', issuer.audience] }))
    expect((await api.authorize(request)).ok && (await other.authorize(request)).ok).toBe(true)
    expect(counted.verifications).toBe(2)
  })

  test('has its checks run for each guard: they read what is around them', async () => {
    const { api, issuer } = await countingApi()
    const request = bearer(await issuer.issue())
    const is = check('is', (_token, context: string) => context === 'yes')
    expect((await api.authorize(request, is, 'yes')).ok).toBe(true)
    expect((await api.authorize(request, is, 'no')).ok).toBe(false)
  })
})
