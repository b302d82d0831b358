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
} from '@atjwt/koa'
import Koa, { type Context } from 'koa'
import { expectTypeOf, test } from 'vitest'

import { plain, typed } from './api.ts'

test('what follows sees the token at ctx.state.auth', () => {
  new Koa().use(protect(typed, scope('a'))).use((ctx) => {
    expectTypeOf(ctx.state.auth).not.toBeAny()
    expectTypeOf(ctx.state.auth).toEqualTypeOf<AccessToken<{ tenant: string }>>()
    // @ts-expect-error a typo in the name of a claim
    void ctx.state.auth.claims.tenent
  })
  new Koa().use(protect(plain)).use((ctx) => {
    expectTypeOf(ctx.state.auth).toEqualTypeOf<AccessToken>()
  })
})

test('optional() makes it possibly undefined', () => {
  new Koa().use(protect(typed, optional(scope('a')))).use((ctx) => {
    // @ts-expect-error possibly undefined
    void ctx.state.auth.claims
    expectTypeOf(ctx.state.auth).toEqualTypeOf<AccessToken<{ tenant: string }> | undefined>()
  })
})

test('a check knows the context and the claims, also inside of all(any(…))', () => {
  new Koa().use(
    protect(
      typed,
      all(
        scope('a'),
        any(
          role('admin'),
          check('own', (token, ctx) => {
            expectTypeOf(token).toEqualTypeOf<AccessToken<{ tenant: string }>>()
            expectTypeOf(ctx).not.toBeAny()
            expectTypeOf(ctx).toEqualTypeOf<Context>()
            return token.claims.tenant === ctx.path
          }),
        ),
      ),
    ),
  )
  const forExpress = check('e', (_token: AccessToken, req: import('express').Request) => req.ip === '')
  // @ts-expect-error a check over the request of another framework
  void (() => protect(plain, forExpress))
})

test('authOf() and findAuth() are typed by the resource server', () => {
  const read = (ctx: Context): void => {
    expectTypeOf(authOf(typed, ctx)).toEqualTypeOf<AccessToken<{ tenant: string }>>()
    expectTypeOf(findAuth(typed, ctx)).toEqualTypeOf<AccessToken<{ tenant: string }> | undefined>()
  }
  void read
})
