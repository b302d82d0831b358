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
} from '@atjwt/express'
import express, { type Request, type RequestHandler, type Response } from 'express'
import { expectTypeOf, test } from 'vitest'

import { plain, typed } from './api.ts'

const app = express()

test('a handler of the same route sees the token at res.locals.auth', () => {
  app.get('/a', protect(typed, scope('a')), (_req, res) => {
    expectTypeOf(res.locals.auth).not.toBeAny()
    expectTypeOf(res.locals.auth).toEqualTypeOf<AccessToken<{ tenant: string }>>()
    // @ts-expect-error a typo in the name of a claim
    void res.locals.auth.claims.tenent
  })
  app.get('/b', protect(plain), (_req, res) => {
    expectTypeOf(res.locals.auth).toEqualTypeOf<AccessToken>()
  })
})

test('optional() makes it possibly undefined', () => {
  app.get('/c', protect(typed, optional()), (_req, res) => {
    expectTypeOf(res.locals.auth).toEqualTypeOf<AccessToken<{ tenant: string }> | undefined>()
    // @ts-expect-error possibly undefined
    void res.locals.auth.claims
  })
  app.get('/d', protect(typed, optional(scope('a'))), (_req, res) => {
    // @ts-expect-error possibly undefined
    void res.locals.auth.claims
  })
})

test('what other middleware puts beside it may be read', () => {
  app.get('/e', protect(plain), (_req, res) => {
    expectTypeOf(res.locals['tenant']).toBeAny()
    expectTypeOf(res.locals.auth).toEqualTypeOf<AccessToken>()
  })
})

test('parameters of the path stay typed', () => {
  app.get('/orders/:id', protect(typed, scope('a')), (req, res) => {
    expectTypeOf(req.params.id).not.toBeAny()
    expectTypeOf(req.params.id).toEqualTypeOf<string>()
    // @ts-expect-error no parameter of this path
    void req.params.tenant
    expectTypeOf(req.query['x']).not.toBeAny()
    res.end()
  })
})

test('a check knows the request and the claims, also inside of all(any(…))', () => {
  app.get(
    '/tenants/:tenant',
    protect(
      typed,
      all(
        scope('a'),
        any(
          role('admin'),
          check('own', (token, req) => {
            expectTypeOf(token).toEqualTypeOf<AccessToken<{ tenant: string }>>()
            expectTypeOf(req).toEqualTypeOf<Request>()
            return token.claims.tenant === req.params['tenant']
          }),
          // @ts-expect-error a typo in the name of a claim
          check('typo', (token) => token.claims.tenent === ''),
        ),
      ),
    ),
    (_req, res) => {
      res.end()
    },
  )
})

test('authOf() and findAuth() are typed by the resource server', () => {
  const read = (req: Request): void => {
    expectTypeOf(authOf(typed, req)).toEqualTypeOf<AccessToken<{ tenant: string }>>()
    expectTypeOf(findAuth(typed, req)).toEqualTypeOf<AccessToken<{ tenant: string }> | undefined>()
    // @ts-expect-error a response is no request
    authOf(typed, {} as express.Response)
  }
  void read
})

test('protect() refuses what is not its business', () => {
  // @ts-expect-error an unknown option
  void (() => protect(typed, scope('a'), { preflights: 'next' }))
  // @ts-expect-error a value which the option does not have
  void (() => protect(typed, scope('a'), { refusals: 'ignore' }))
  // @ts-expect-error options are no resource server
  void (() => protect({ issuer: 'https://as.example', audience: 'x' }))
  const needsNumber = check('n', (token: AccessToken<{ tenant: number }>) => token.claims.tenant > 1)
  // @ts-expect-error the schema says string
  void (() => protect(typed, needsNumber))
  const needsContext = check('c', (_token: AccessToken, context: { tenant: string }) => context.tenant !== '')
  // @ts-expect-error the context of a check is the request
  void (() => protect(plain, needsContext))
})

test('guards stand on applications and routers, before handlers of any kind', () => {
  app.use(protect(typed))
  express.Router().use('/x', protect(typed), protect(plain, optional()))
  app
    .route('/y')
    .all(protect(typed))
    .post(protect(typed, scope('a')), (_req, res) => {
      res.end()
    })
  const guard: RequestHandler = protect(typed)
  const guards: RequestHandler[] = [guard, protect(plain, optional())]
  app.post('/z', guards, [protect(typed), protect(typed, scope('a'))], (_req: Request, res: Response) => {
    res.end()
  })
})
