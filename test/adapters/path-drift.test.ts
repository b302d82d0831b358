import { scope } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { sendRaw } from '../helpers/raw-http.ts'
import { FRAMEWORKS, SERVERS } from '../helpers/servers.ts'
import { bearer, createWorld } from './world.ts'

/** Ways of writing a path which a guard and a router may read differently. */
const SPELLINGS = [
  '/admin',
  '//admin',
  '///admin',
  '/./admin',
  '/a/../admin',
  '/a/%2e%2e/admin',
  '/..%2fadmin',
  '/%61dmin',
  '/%2561dmin',
  '/ADMIN',
  '/Admin',
  '/admin/',
  '/admin//',
  '/admin/.',
  '/admin%2f',
  '/admin%2F',
  '%2fadmin',
  '/admin;a=b',
  '/;/admin',
  '/admin?x',
  '/admin#x',
  '/admin#?x',
  '/?/admin',
  '/admin%00',
  '/admin%20',
  '/admin%0a',
  '/admin.json',
  '/\\admin',
  '\\admin',
  '/admin\\',
  '/%c0%afadmin',
  '/admin%',
  'admin',
  '*',
  'http://127.0.0.1/admin',
  'http://other.example//admin',
  'https://user:password@127.0.0.1/admin',
]

describe.each(SERVERS)('$name', (server) => {
  test.each(['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND'])(
    'no spelling of a path reaches a guarded handler without a verdict: %s (H5, H9)',
    async (method) => {
      const { api, issuer } = await createWorld()
      const handled: string[] = []
      const running = await server.start(api, {
        routes: [{ path: '/admin', policy: scope('admin') }],
        onHandled: (path) => handled.push(path),
      })
      const anonymous: [string, number | undefined][] = []
      const granted: string[] = []
      const token = await issuer.issue({ scope: 'admin' })
      for (const target of SPELLINGS) {
        anonymous.push([target, (await sendRaw(running.port, { method, target, headers: [] }))?.status])
        expect([target, handled]).toEqual([target, []])
        await sendRaw(running.port, { method, target, headers: bearer(token) })
        if (handled.length > 0) granted.push(target)
        handled.length = 0
      }
      await running.close()
      // 400 by the parser of HTTP, 404 by the router, 401 by the guard; nothing else.
      for (const [target, status] of anonymous)
        expect([target, status]).toEqual([target, expect.toBeOneOf([400, 401, 404])])
      // Each spelling that leads to the handler with a token leads to the guard without one.
      for (const target of granted) expect(anonymous).toContainEqual([target, 401])
      if (method === 'GET') expect(granted).toContain('/admin')
    },
  )
})

describe.each(FRAMEWORKS)('$name below a guarded router', (server) => {
  test('no spelling of a path passes the guard of a mounted router (H5)', async () => {
    const { api, issuer } = await createWorld()
    const handled: string[] = []
    const running = await server.start(api, {
      mount: { path: '/inner', policy: scope('inner') },
      routes: [{ path: '/admin', policy: scope('admin') }],
      onHandled: (path) => handled.push(path),
    })
    const half = bearer(await issuer.issue({ scope: 'admin' }))
    const full = bearer(await issuer.issue({ scope: 'admin inner' }))
    for (const prefix of [
      '/inner',
      '//inner',
      '/INNER',
      '/%69nner',
      '/a/../inner',
      '/inner%2f',
      '/inner;x',
    ]) {
      for (const spelling of SPELLINGS) {
        const target = `${prefix}${spelling}`
        await sendRaw(running.port, { target, headers: half })
        expect([target, handled]).toEqual([target, []])
      }
    }
    const answer = await sendRaw(running.port, { target: '/inner/admin', headers: full })
    await running.close()
    expect([answer?.status, handled]).toEqual([200, ['/admin']])
  })
})
