import { optional, scope } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { type RawAnswer, sendRaw } from '../helpers/raw-http.ts'
import { type Earlier, FRAMEWORKS, type Route, type RunningServer } from '../helpers/servers.ts'
import { bearer, createWorld, field, fields, type World } from './world.ts'

const ROUTES: readonly Route[] = [
  { path: '/orders', policy: scope('orders:read') },
  { path: '/public', policy: optional() },
]

/** What earlier middleware may have said about an answer which never came. */
const HOSTILE: readonly (readonly [string, string])[] = [
  ['WWW-Authenticate', 'Negotiate'],
  ['Cache-Control', 'public, max-age=86400'],
  ['CDN-Cache-Control', 'max-age=86400'],
  ['Surrogate-Control', 'max-age=86400'],
  ['X-Accel-Expires', '86400'],
  ['Expires', 'Thu, 01 Jan 2099 00:00:00 GMT'],
  ['Pragma', 'cache'],
  ['Age', '1'],
  ['ETag', '"v1"'],
  ['Last-Modified', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ['Content-Type', 'text/html; charset=utf-8'],
  ['Content-Length', '4096'],
  ['Content-Encoding', 'gzip'],
  ['Content-Language', 'de'],
  ['Content-Disposition', 'attachment'],
  ['Location', '/elsewhere'],
  ['Vary', 'Accept-Encoding'],
  ['X-Frame-Options', 'DENY'],
  ['Content-Security-Policy', "default-src 'none'"],
  ['Set-Cookie', 'a=1'],
  ['Set-Cookie', 'b=2'],
]

/** Fields that say something about a representation, or let a cache keep the answer. */
const GONE = [
  'CDN-Cache-Control',
  'Surrogate-Control',
  'X-Accel-Expires',
  'Expires',
  'Pragma',
  'Age',
  'ETag',
  'Last-Modified',
  'Content-Encoding',
  'Content-Language',
  'Content-Disposition',
  'Location',
]

const CHALLENGE = 'Bearer realm="https://api.example"'

describe.each(FRAMEWORKS)('$name', (server) => {
  async function serving(
    earlier: Earlier,
    use: (running: RunningServer, world: World) => Promise<void>,
  ): Promise<void> {
    const world = await createWorld()
    const running = await server.start(world.api, { routes: ROUTES, earlier })
    try {
      await use(running, world)
    } finally {
      await running.close()
    }
  }

  function expectUnrelatedKept(answer: RawAnswer | undefined): void {
    expect(field(answer, 'X-Frame-Options')).toBe('DENY')
    expect(field(answer, 'Content-Security-Policy')).toBe("default-src 'none'")
    expect(fields(answer, 'Set-Cookie')).toEqual(['a=1', 'b=2'])
  }

  test('protect() answers over what earlier middleware set: challenges add up, caching ends', async () => {
    await serving({ headers: HOSTILE }, async ({ port }) => {
      const answer = await sendRaw(port, { target: '/orders', headers: [] })
      expect(answer?.status).toBe(401)
      expect(field(answer, 'WWW-Authenticate')).toBe(`Negotiate, ${CHALLENGE}`)
      expect(fields(answer, 'Cache-Control')).toEqual(['no-store'])
      expect(fields(answer, 'Content-Type')).toEqual(['application/problem+json'])
      expect(field(answer, 'Vary')).toBe('Accept-Encoding')
      for (const name of GONE) expect([name, field(answer, name)]).toEqual([name, undefined])
      expectUnrelatedKept(answer)
      expect(answer?.body).toBe(
        '{"title":"Unauthorized","status":401,"detail":"An access token is required","code":"no_credentials"}',
      )
      const length = field(answer, 'Content-Length')
      if (length !== undefined) expect(Number(length)).toBe(answer?.body.length)
    })
  })

  test('protect() adds its name to Vary when the policy is optional', async () => {
    await serving({ headers: HOSTILE }, async ({ port }) => {
      const refused = await sendRaw(port, { target: '/public', headers: bearer('a.b') })
      expect(refused?.status).toBe(401)
      expect(field(refused, 'Vary')).toBe('Accept-Encoding, Authorization')
    })
    await serving({ headers: [['Vary', 'Accept-Encoding']] }, async ({ port }) => {
      const passed = await sendRaw(port, { target: '/public', headers: [] })
      expect(passed?.status).toBe(200)
      expect(field(passed, 'Vary')).toBe('Accept-Encoding, Authorization')
    })
    for (const value of ['*', 'Origin, authorization']) {
      await serving({ headers: [['Vary', value]] }, async ({ port }) => {
        const passed = await sendRaw(port, { target: '/public', headers: [] })
        expect(field(passed, 'Vary')).toBe(value)
      })
    }
  })

  test('protect() leaves the fields of a granted request alone', async () => {
    const headers = [
      ['Cache-Control', 'private'],
      ['WWW-Authenticate', 'Negotiate'],
      ['X-Frame-Options', 'DENY'],
    ] as const
    await serving({ headers }, async ({ port }, { issuer }) => {
      const token = await issuer.issue({ scope: 'orders:read' })
      const answer = await sendRaw(port, { target: '/orders', headers: bearer(token) })
      expect(answer?.status).toBe(200)
      for (const [name, value] of headers) expect(field(answer, name)).toBe(value)
    })
  })

  test('protect() answers a preflight without what earlier middleware said about a body', async () => {
    await serving({ headers: HOSTILE }, async ({ port }) => {
      const headers: [string, string][] = [
        ['Origin', 'https://app.example'],
        ['Access-Control-Request-Method', 'PUT'],
      ]
      const answer = await sendRaw(port, { method: 'OPTIONS', target: '/orders', headers })
      expect(answer).toMatchObject({ status: 204, body: '' })
      for (const name of [...GONE, 'Content-Type', 'Content-Length', 'Transfer-Encoding']) {
        expect([name, field(answer, name)]).toEqual([name, undefined])
      }
      expectUnrelatedKept(answer)
    })
  })

  test('a refusal carries the fields of the CORS middleware before the guard', async () => {
    await serving({ corsOrigin: 'https://app.example' }, async ({ port }, { issuer }) => {
      const origin: [string, string] = ['Origin', 'https://app.example']
      const token = await issuer.issue()
      const answers = [
        await sendRaw(port, { target: '/orders', headers: [origin] }),
        await sendRaw(port, { target: '/orders', headers: [origin, ...bearer(token)] }),
        await sendRaw(port, { target: '/public', headers: [origin, ...bearer('a.b')] }),
      ]
      expect(answers.map((answer) => answer?.status)).toEqual([401, 403, 401])
      for (const answer of answers) {
        expect(field(answer, 'Access-Control-Allow-Origin')).toBe('https://app.example')
        expect(field(answer, 'Vary')).toContain('Origin')
        expect(field(answer, 'WWW-Authenticate')).toContain(CHALLENGE)
      }
      // CORS middleware adds its name before the guard or behind it.
      expect(field(answers[2], 'Vary')?.split(', ').toSorted()).toEqual(['Authorization', 'Origin'])
    })
  })

  test('CORS middleware before the guard answers the preflight', async () => {
    await serving({ corsOrigin: 'https://app.example' }, async ({ port }) => {
      const headers: [string, string][] = [
        ['Origin', 'https://app.example'],
        ['Access-Control-Request-Method', 'DELETE'],
      ]
      const answer = await sendRaw(port, { method: 'OPTIONS', target: '/orders', headers })
      expect(answer?.status).toBe(204)
      expect(field(answer, 'Access-Control-Allow-Origin')).toBe('https://app.example')
      expect(field(answer, 'Access-Control-Allow-Methods')).toContain('DELETE')
    })
  })

  test('protect() reads the Authorization which earlier middleware set', async () => {
    const world = await createWorld()
    const token = await world.issuer.issue({ scope: 'orders:read' })
    const running = await server.start(world.api, {
      routes: ROUTES,
      earlier: { authorization: () => `Bearer ${token}` },
    })
    const none = await sendRaw(running.port, { target: '/orders', headers: [] })
    const other = await sendRaw(running.port, { target: '/orders', headers: bearer('a.b') })
    await running.close()
    expect([none?.status, other?.status]).toEqual([200, 200])
  })

  test('protect() does not see the Authorization which earlier middleware deleted', async () => {
    await serving({ authorization: () => undefined }, async ({ port }, { issuer }) => {
      const token = await issuer.issue({ scope: 'orders:read' })
      const refused = await sendRaw(port, { target: '/orders', headers: bearer(token) })
      expect(refused?.status).toBe(401)
      expect(refused?.body).toContain('"no_credentials"')
      const anonymous = await sendRaw(port, { target: '/public', headers: bearer(token) })
      expect(JSON.parse(anonymous?.body ?? '')).toEqual({ sub: null, scopes: [] })
    })
  })
})
