import {
  type AccessToken,
  all,
  any,
  type AnyPolicy,
  type Atom,
  check,
  client,
  type Decision,
  entitlement,
  evaluate,
  group,
  issuer,
  not,
  optional,
  type OptionalPolicy,
  type Policy,
  role,
  scope,
} from '@atjwt/core'
import { expectTypeOf, test } from 'vitest'

import { plain, typed } from './api.ts'

const request = {} as Request
const names: readonly string[] = []

test('names are given one by one or as a list, and never none', () => {
  for (const atom of [scope, role, group, entitlement, client, issuer]) {
    expectTypeOf(atom('a')).toEqualTypeOf<Atom>()
    expectTypeOf(atom('a', 'b')).toEqualTypeOf<Atom>()
    expectTypeOf(atom(names)).toEqualTypeOf<Atom>()
    // @ts-expect-error no name
    void (() => atom())
    // @ts-expect-error a list among names
    void (() => atom('a', names))
    // @ts-expect-error no string
    void (() => atom(1))
  }
})

test('all() and any() need a policy', () => {
  // @ts-expect-error empty
  void (() => all())
  // @ts-expect-error empty
  void (() => any())
  // @ts-expect-error empty
  void (() => not())
})

test('optional() stands at the top only', () => {
  expectTypeOf(optional(scope('a'))).toExtend<OptionalPolicy>()
  // @ts-expect-error inside of all()
  void (() => all(optional()))
  // @ts-expect-error inside of any()
  void (() => any(scope('a'), optional(scope('b'))))
  // @ts-expect-error inside of not()
  void (() => not(optional()))
  // @ts-expect-error inside of itself
  void (() => optional(optional()))
})

test('a policy is no object literal of the wrong kind', () => {
  // @ts-expect-error misspelt
  const misspelt: Policy = { op: 'scopes' }
  void misspelt
  // @ts-expect-error a function is no policy
  void (() => plain.authorize(request, () => true))
  // @ts-expect-error a string is no policy
  void (() => plain.authorize(request, 'orders:read'))
})

test('a check inside of all(any(…)) knows token and context from where it is used', () => {
  void plain.authorize(
    request,
    all(
      scope('a'),
      any(
        role('admin'),
        check('own', (token: AccessToken, context: { tenant: string }) => {
          expectTypeOf(token.claims.sub).toEqualTypeOf<string>()
          return context.tenant === token.subject
        }),
      ),
    ),
    { tenant: 'x' },
  )
})

test('a check says true or false', () => {
  // @ts-expect-error a string is neither
  void (() => check('text', () => 'yes'))
  // @ts-expect-error nothing is neither
  void (() => check('nothing', () => {}))
  // @ts-expect-error without a name
  void (() => check(() => true))
  expectTypeOf(check('async', async () => true)).toExtend<Policy>()
})

test('a context which a check reads must be given', () => {
  const own = check(
    'own',
    (token: AccessToken<{ tenant: string }>, context: { tenant: string }) =>
      token.claims.tenant === context.tenant,
  )
  expectTypeOf(own).toEqualTypeOf<Policy<{ tenant: string }, { tenant: string }>>()
  expectTypeOf(all(scope('a'), own)).toEqualTypeOf<Policy<{ tenant: string }, { tenant: string }>>()
  void typed.authorize(request, own, { tenant: 'x' })
  // @ts-expect-error missing
  void typed.authorize(request, own)
  // @ts-expect-error of the wrong type
  void typed.authorize(request, own, { tenant: 1 })
  // @ts-expect-error missing, also under optional()
  void typed.authorize(request, optional(own))
  // @ts-expect-error missing, also in demand()
  void typed.demand({} as AccessToken<{ tenant: string }>, own)
  void typed.demand({} as AccessToken<{ tenant: string }>, own, { tenant: 'x' })
  void typed.demand(undefined, scope('a'))
  // @ts-expect-error demand() has no anonymous
  void (() => typed.demand(undefined, optional()))
})

test('evaluate() decides over a token', async () => {
  const decision = await evaluate(scope('a'), {} as AccessToken)
  expectTypeOf(decision).toEqualTypeOf<Decision>()
  if (decision.granted) {
    // @ts-expect-error a granted decision lacks nothing
    void decision.missing
  } else {
    expectTypeOf(decision.code).toEqualTypeOf<'missing_scope' | 'policy_denied'>()
    expectTypeOf(decision.missing.scope).toEqualTypeOf<readonly string[] | undefined>()
  }
  // @ts-expect-error optional() is for requests
  void (() => evaluate(optional(), {} as AccessToken))
})

test('a policy from a variable may be optional', async () => {
  const policy = {} as AnyPolicy<unknown, unknown>
  const result = await plain.authorize(request, policy)
  if (result.ok) expectTypeOf(result.auth).toEqualTypeOf<AccessToken | undefined>()
})
