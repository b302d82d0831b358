import {
  type AccessToken,
  type AccessTokenClaims,
  check,
  type ClaimsOf,
  createResourceServer,
  type ResourceServer,
} from '@atjwt/core'
import { expectTypeOf, test } from 'vitest'

import { byHand, plain, typed } from './api.ts'

test('a schema types the claims, by zod as by hand', () => {
  expectTypeOf(typed).toEqualTypeOf<ResourceServer<{ tenant: string }>>()
  expectTypeOf(byHand).toEqualTypeOf<ResourceServer<{ tenant: string; level?: number }>>()
  expectTypeOf<ClaimsOf<{ tenant: string }>>().not.toBeAny()
  expectTypeOf<ClaimsOf<{ tenant: string }>['tenant']>().toEqualTypeOf<string>()
  expectTypeOf<ClaimsOf<{ tenant: string; level?: number }>['level']>().toEqualTypeOf<number | undefined>()
})

test('verify() gives the claims which the schema types, and the registered ones', async () => {
  const token = await typed.verify('')
  expectTypeOf(token).toEqualTypeOf<AccessToken<{ tenant: string }>>()
  expectTypeOf(token.claims.tenant).not.toBeAny()
  expectTypeOf(token.claims.tenant).toEqualTypeOf<string>()
  expectTypeOf(token.claims.exp).toEqualTypeOf<number>()
  expectTypeOf(token.claims.aud).toEqualTypeOf<string | readonly string[]>()
})

test('a claim which no schema types is unknown; with a schema it does not exist', async () => {
  const free = await plain.verify('')
  expectTypeOf(free.claims['anything']).toEqualTypeOf<unknown>()
  expectTypeOf(free.claims.sub).toEqualTypeOf<string>()
  const token = await typed.verify('')
  // @ts-expect-error a typo in the name of a claim
  void token.claims.tenent
  // @ts-expect-error a claim which the schema does not type
  void token.claims['anything']
})

test('a schema of the registered claims keeps their types', () => {
  expectTypeOf<AccessTokenClaims['client_id']>().toEqualTypeOf<string>()
  expectTypeOf<ClaimsOf<{}>['iat']>().toEqualTypeOf<number>()
})

test('a token is read-only', () => {
  const change = (token: AccessToken<{ tenant: string }>): void => {
    // @ts-expect-error read-only
    token.subject = 'admin'
    // @ts-expect-error read-only
    token.claims.sub = 'admin'
    // @ts-expect-error a set which cannot be added to
    token.scopes.add('admin')
  }
  void change
  expectTypeOf<AccessToken['scopes']>().toEqualTypeOf<ReadonlySet<string>>()
  expectTypeOf<AccessToken['subject']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<AccessToken['clientId']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<AccessToken['binding']>().toEqualTypeOf<ReadonlySet<'dpop' | 'mtls'>>()
})

test('revoked sees typed claims, whatever the schema returns', () => {
  createResourceServer({
    issuer: 'https://as.example',
    audience: 'https://api.example',
    claims: byHandSchema,
    revoked: (token) => {
      expectTypeOf(token.claims.tenant).not.toBeAny()
      expectTypeOf(token.claims.tenant).toEqualTypeOf<string>()
      return token.claims.tenant === 'gone'
    },
  })
})
declare const byHandSchema: import('@standard-schema/spec').StandardSchemaV1<unknown, { tenant: string }>

test('another audience keeps the claims', () => {
  expectTypeOf(typed.with({ audience: 'https://other.example' })).toEqualTypeOf(typed)
})

test('a check over claims which the resource server does not type is refused', () => {
  const needsNumber = check('level', (token: AccessToken<{ tenant: number }>) => token.claims.tenant > 1)
  const needsTenant = check('tenant', (token: AccessToken<{ tenant: string }>) => token.claims.tenant !== '')
  const judge = (request: Request): void => {
    // @ts-expect-error the schema says string
    void typed.authorize(request, needsNumber)
    // @ts-expect-error no schema says anything
    void plain.authorize(request, needsTenant)
    void typed.authorize(request, needsTenant)
  }
  void judge
})
