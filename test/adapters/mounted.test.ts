import { type AccessToken, optional, role, scope } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { sendRaw } from '../helpers/raw-http.ts'
import { FRAMEWORKS, type Route } from '../helpers/servers.ts'
import { bearer, createWorld, field, fields } from './world.ts'

const ROUTES: readonly Route[] = [
  { path: '/orders', policy: scope('orders:read') },
  { path: '/plain' },
  { path: '/open', policy: optional() },
]

describe.each(FRAMEWORKS)('$name with a mounted router', (server) => {
  async function serving(revoked?: (token: AccessToken) => boolean) {
    const handled: string[] = []
    const { api, issuer } = await createWorld({ cache: false, ...(revoked === undefined ? {} : { revoked }) })
    const running = await server.start(api, {
      mount: { path: '/api', policy: role('staff') },
      routes: ROUTES,
      onHandled: (path) => handled.push(path),
    })
    return { issuer, running, handled }
  }

  test('the guards of the router and of the route both judge', async () => {
    const { issuer, running, handled } = await serving()
    const ask = async (claims: object) =>
      sendRaw(running.port, { target: '/api/orders', headers: bearer(await issuer.issue({ ...claims })) })
    const answers = [
      await ask({ roles: ['staff'], scope: 'orders:read' }),
      await ask({ roles: ['staff'] }),
      await ask({ scope: 'orders:read' }),
      await sendRaw(running.port, { target: '/api/orders', headers: [] }),
      await sendRaw(running.port, { target: '/orders', headers: [] }),
    ]
    await running.close()
    expect(answers.map((answer) => answer?.status)).toEqual([200, 403, 403, 401, 404])
    expect(answers[1]?.body).toContain('"missing_scope"')
    expect(answers[2]?.body).toContain('"policy_denied"')
    expect(handled).toEqual(['/orders'])
  })

  test('an optional guard of a route takes nothing from the guard of its router', async () => {
    const { running, handled } = await serving()
    const answer = await sendRaw(running.port, { target: '/api/open', headers: [] })
    await running.close()
    expect(answer?.status).toBe(401)
    expect(handled).toEqual([])
  })

  test('two guards verify a token once', async () => {
    let asked = 0
    const { issuer, running, handled } = await serving(() => {
      asked += 1
      return false
    })
    const headers = bearer(await issuer.issue({ roles: ['staff'], scope: 'orders:read' }))
    const first = await sendRaw(running.port, { target: '/api/orders', headers })
    expect([first?.status, asked]).toEqual([200, 1])
    // What is remembered belongs to a request, not to a token.
    const second = await sendRaw(running.port, { target: '/api/plain', headers })
    expect([second?.status, asked]).toEqual([200, 2])
    await running.close()
    expect(handled).toEqual(['/orders', '/plain'])
  })

  test('a refusal by the second guard is one answer with one challenge', async () => {
    const { issuer, running } = await serving()
    const headers = bearer(await issuer.issue({ roles: ['staff'] }))
    const answer = await sendRaw(running.port, { target: '/api/orders', headers })
    await running.close()
    expect(fields(answer, 'WWW-Authenticate')).toHaveLength(1)
    expect(field(answer, 'WWW-Authenticate')).toContain('scope="orders:read"')
  })
})

describe.each(FRAMEWORKS)('$name and one request after the other', (server) => {
  test('what a handler does to its token reaches no other request', async () => {
    const attempts: boolean[] = []
    const seen: unknown[] = []
    const { api, issuer } = await createWorld()
    const running = await server.start(api, {
      routes: [{ path: '/' }],
      onHandled: (_path, auth) => {
        const token = auth as AccessToken
        seen.push([token.subject, token.claims['nested'], [...token.scopes], [...token.roles]])
        const changes: (() => unknown)[] = [
          () => Object.assign(token, { subject: 'admin' }),
          () => Object.assign(token.claims, { sub: 'admin' }),
          () => Object.assign(token.claims['nested'] as object, { a: 2 }),
          () => Object.assign(token.header, { alg: 'none' }),
          () => (token.roles as Set<string>).add('admin'),
          () => Reflect.apply(Set.prototype.add, token.scopes, ['admin']),
          () => {
            Object.setPrototypeOf(token.claims, { roles: ['admin'] })
          },
        ]
        attempts.push(
          ...changes.map((change) => {
            try {
              change()
              return true
            } catch {
              return false
            }
          }),
        )
      },
    })
    const token = await issuer.issue({ scope: 'a', roles: ['b'], nested: { a: 1 } })
    const answers = [
      await sendRaw(running.port, { target: '/', headers: bearer(token) }),
      await sendRaw(running.port, { target: '/', headers: bearer(token) }),
      await sendRaw(running.port, { target: '/', headers: [] }),
    ]
    await running.close()
    expect(answers.map((answer) => answer?.status)).toEqual([200, 200, 401])
    expect(JSON.parse(answers[1]?.body ?? '')).toEqual({ sub: 'user-1', scopes: ['a'] })
    const expected = ['user-1', { a: 1 }, ['a'], ['b']]
    expect(seen).toEqual([expected, expected])
    expect(attempts).toEqual(Array.from({ length: 14 }, () => false))
  })

  test('an anonymous request after an authorized one is anonymous', async () => {
    const seen: unknown[] = []
    const { api, issuer } = await createWorld()
    const running = await server.start(api, {
      routes: [{ path: '/', policy: optional() }],
      onHandled: (_path, auth) => seen.push(auth?.subject),
    })
    await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue({ sub: 'one' })) })
    await sendRaw(running.port, { target: '/', headers: [] })
    await sendRaw(running.port, { target: '/', headers: bearer(await issuer.issue({ sub: 'two' })) })
    await running.close()
    expect(seen).toEqual(['one', undefined, 'two'])
  })
})
