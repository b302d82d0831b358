import {
  type AccessToken,
  all,
  any,
  authOf,
  check,
  findAuth,
  optional,
  protect,
  role,
  scope,
} from '@atjwt/hono'
import { type Context, Hono } from 'hono'
import { hc } from 'hono/client'
import { expectTypeOf, test } from 'vitest'

import { plain, typed } from './api.ts'

test('what follows sees the token at c.var.auth', () => {
  new Hono().get('/a', protect(typed, scope('a')), (c) => {
    expectTypeOf(c.var.auth).not.toBeAny()
    expectTypeOf(c.var.auth).toEqualTypeOf<AccessToken<{ tenant: string }>>()
    expectTypeOf(c.get('auth')).toEqualTypeOf<AccessToken<{ tenant: string }>>()
    // @ts-expect-error a typo in the name of a claim
    void c.var.auth.claims.tenent
    return c.text('')
  })
  new Hono().use(protect(plain)).get('/b', (c) => {
    expectTypeOf(c.var.auth).toEqualTypeOf<AccessToken>()
    return c.text(String(c.var.auth.claims['anything']))
  })
})

test('optional() makes it possibly undefined', () => {
  new Hono().get('/c', protect(typed, optional()), (c) => {
    expectTypeOf(c.var.auth).toEqualTypeOf<AccessToken<{ tenant: string }> | undefined>()
    // @ts-expect-error possibly undefined
    void c.var.auth.claims
    return c.text('')
  })
})

test('parameters of the path stay typed', () => {
  new Hono().get('/orders/:id', protect(typed, scope('a')), (c) => {
    expectTypeOf(c.req.param('id')).toEqualTypeOf<string>()
    return c.text('')
  })
})

test('a check knows the context and the claims, also inside of all(any(…))', () => {
  new Hono().get(
    '/tenants/:tenant',
    protect(
      typed,
      all(
        scope('a'),
        any(
          role('admin'),
          check('own', (token, c) => {
            expectTypeOf(token).toEqualTypeOf<AccessToken<{ tenant: string }>>()
            expectTypeOf(c).not.toBeAny()
            expectTypeOf(c).toEqualTypeOf<Context>()
            return token.claims.tenant === c.req.param('tenant')
          }),
        ),
      ),
    ),
    (c) => c.text(''),
  )
  const forExpress = check('e', (_token: AccessToken, req: import('express').Request) => req.ip === '')
  // @ts-expect-error a check over the request of another framework
  void (() => protect(plain, forExpress))
})

test('authOf() and findAuth() are typed by the resource server', () => {
  const read = (c: Context): void => {
    expectTypeOf(authOf(typed, c)).toEqualTypeOf<AccessToken<{ tenant: string }>>()
    expectTypeOf(findAuth(typed, c)).toEqualTypeOf<AccessToken<{ tenant: string }> | undefined>()
  }
  void read
})

test('the client of Hono still infers what a guarded handler answers', async () => {
  const app = new Hono()
    .use('/admin/*', protect(plain, role('admin')))
    .get('/orders/:id', protect(typed, scope('a')), (c) =>
      c.json({ id: c.req.param('id'), tenant: c.var.auth.claims.tenant }, 200),
    )
    .post('/orders', protect(typed, optional()), (c) => c.json({ created: true }, 201))
  const client = hc<typeof app>('https://api.example')
  const get = (): ReturnType<(typeof client.orders)[':id']['$get']> =>
    client.orders[':id'].$get({ param: { id: '1' } })
  type Answer = Awaited<ReturnType<typeof get>>
  expectTypeOf<Awaited<ReturnType<Answer['json']>>>().not.toBeAny()
  expectTypeOf<Awaited<ReturnType<Answer['json']>>>().toEqualTypeOf<{ id: string; tenant: string }>()
  expectTypeOf<Answer['status']>().toEqualTypeOf<200>()
  // @ts-expect-error a route which does not exist
  void (() => client.nowhere.$get())
  // @ts-expect-error the parameter is missing
  void (() => client.orders[':id'].$get())
})
