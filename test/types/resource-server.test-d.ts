/* oxlint-disable typescript/consistent-return -- what the type checker makes of a switch is asked here */
import {
  type AccessToken,
  allowInsecureRequests,
  type AnyAuthorizationError,
  type AnyPolicy,
  AuthorizationError,
  type AuthorizeResult,
  type ErrorCode,
  ERRORS,
  type ErrorResponse,
  createResourceServer,
  customFetch,
  fromNode,
  type HeaderList,
  optional,
  type ResourceRequest,
  type ResourceServer,
  scope,
} from '@atjwt/core'
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { expectTypeOf, test } from 'vitest'

import { plain, typed } from './api.ts'

const request = {} as Request

test('createResourceServer() needs an issuer and an audience', () => {
  // @ts-expect-error audience is required
  void (() => createResourceServer({ issuer: 'https://as.example' }))
  // @ts-expect-error issuer is required
  void (() => createResourceServer({ audience: 'https://api.example' }))
  // @ts-expect-error an option which does not exist
  void (() => createResourceServer({ issuer: 'https://as.example', audience: 'x', ignoreExpiration: true }))
  // @ts-expect-error a weakening option has no name that JSON could set
  void (() => createResourceServer({ issuer: 'http://as', audience: 'x', allowInsecureRequests: true }))
  // @ts-expect-error an audience is no pattern
  void (() => createResourceServer({ issuer: 'https://as.example', audience: /.*/ }))
})

test('issuers are identifiers, descriptions or a resolver', () => {
  const list: string[] = []
  expectTypeOf(createResourceServer({ issuer: list, audience: list })).toEqualTypeOf<ResourceServer>()
  void createResourceServer({
    issuer: [
      'https://a.example',
      {
        issuer: 'http://keycloak:8080/realms/x',
        metadata: new URL('http://keycloak/x'),
        deviations: { typ: ['JWT', null], client_id: 'azp' },
        allow: { roles: [] },
      },
    ],
    audience: ['x'],
    [allowInsecureRequests]: ['http://keycloak:8080'],
    [customFetch]: fetch,
  })
  void createResourceServer({
    issuer: async (iss, asked) => {
      expectTypeOf(iss).toEqualTypeOf<string>()
      expectTypeOf(asked).toEqualTypeOf<ResourceRequest | undefined>()
      return iss === 'https://a.example' ? { issuer: iss } : undefined
    },
    audience: 'x',
  })
})

test('a result is told apart by ok', async () => {
  const result = await typed.authorize(request, scope('a'))
  expectTypeOf(result).toEqualTypeOf<AuthorizeResult<AccessToken<{ tenant: string }>>>()
  // @ts-expect-error not before ok was asked
  void result.auth
  if (result.ok) {
    expectTypeOf(result.auth.claims.tenant).not.toBeAny()
    expectTypeOf(result.auth.claims.tenant).toEqualTypeOf<string>()
    expectTypeOf(result.headers).toEqualTypeOf<HeaderList>()
    // @ts-expect-error a grant has no error
    void result.error
    void new Response('', result)
  } else {
    expectTypeOf(result.error).toEqualTypeOf<AnyAuthorizationError>()
    expectTypeOf(result.response).toEqualTypeOf<ErrorResponse>()
    // @ts-expect-error a refusal has no token
    void result.auth
    void new Response(result.response.body, result.response)
  }
})

test('without a policy there is a token; with optional() there may be none', async () => {
  const any = await plain.authorize(request)
  if (any.ok) expectTypeOf(any.auth).toEqualTypeOf<AccessToken>()
  const maybe = await typed.authorize(request, optional(scope('a')))
  expectTypeOf(maybe).toEqualTypeOf<AuthorizeResult<AccessToken<{ tenant: string }> | undefined>>()
  // @ts-expect-error possibly undefined
  if (maybe.ok) void maybe.auth.claims
  const open = await typed.authorize(request, optional())
  // @ts-expect-error possibly undefined
  if (open.ok) void open.auth.claims
})

test('a policy which may be undefined is none', () => {
  const unset = undefined as AnyPolicy | undefined
  // @ts-expect-error possibly undefined
  void (() => plain.authorize(request, unset))
  // @ts-expect-error undefined
  void (() => plain.authorize(request, undefined))
})

test('demand() gives the token which it was asked about', async () => {
  const token = await typed.demand({} as AccessToken<{ tenant: string }> | undefined, scope('a'))
  expectTypeOf(token).toEqualTypeOf<AccessToken<{ tenant: string }>>()
})

test('each code has its status', () => {
  expectTypeOf<AuthorizationError<'token_expired'>['status']>().toEqualTypeOf<401>()
  expectTypeOf<AuthorizationError<'credentials_malformed'>['status']>().toEqualTypeOf<400>()
  expectTypeOf<AuthorizationError<'missing_scope'>['status']>().toEqualTypeOf<403>()
  expectTypeOf<AuthorizationError<'issuer_unreachable'>['status']>().toEqualTypeOf<503>()
  expectTypeOf<AnyAuthorizationError['code']>().toEqualTypeOf<ErrorCode>()
  expectTypeOf<keyof typeof ERRORS>().toEqualTypeOf<ErrorCode>()
  expectTypeOf<ErrorCode>().not.toEqualTypeOf<string>()
  expectTypeOf(ERRORS.missing_scope.error).toEqualTypeOf<'insufficient_scope'>()
  // @ts-expect-error no credentials, no wire error
  void ERRORS.no_credentials.error
})

test('is() tells our errors from others, for a switch over the code', () => {
  const explain = (error: unknown): string => {
    if (!AuthorizationError.is(error)) return 'no refusal'
    expectTypeOf(error).toEqualTypeOf<AnyAuthorizationError>()
    switch (error.code) {
      case 'no_credentials':
        expectTypeOf(error.status).toEqualTypeOf<401>()
        return 'no credentials'
      case 'missing_scope':
        expectTypeOf(error).toEqualTypeOf<AuthorizationError<'missing_scope'>>()
        expectTypeOf(error.status).toEqualTypeOf<403>()
        return 'scope'
      // @ts-expect-error a code which does not exist
      case 'expired':
        return 'never'
      default:
        expectTypeOf(error.code).toEqualTypeOf<Exclude<ErrorCode, 'no_credentials' | 'missing_scope'>>()
        return error.message
    }
  }
  void explain
})

test('a switch over all codes is exhaustive, one which forgets a code is not', () => {
  type Policies = AuthorizationError<'missing_scope'> | AuthorizationError<'policy_denied'>
  const complete = ({ code }: Policies): string => {
    switch (code) {
      case 'missing_scope':
        return 'scope'
      case 'policy_denied':
        return 'denied'
    }
  }
  // @ts-expect-error the end is reached for policy_denied
  const incomplete = ({ code }: Policies): string => {
    switch (code) {
      case 'missing_scope':
        return 'scope'
    }
  }
  void [complete, incomplete]
  const rest = (error: AnyAuthorizationError): never => {
    // @ts-expect-error codes are left
    return error
  }
  void rest
})

test('an error has what error handlers read, and cannot be made outside', () => {
  expectTypeOf<AuthorizationError['headers']>().toEqualTypeOf<Readonly<Record<string, string>>>()
  expectTypeOf<AuthorizationError['getResponse']>().toEqualTypeOf<() => Response>()
  expectTypeOf<AuthorizationError['claim']>().toEqualTypeOf<string | undefined>()
})

test('requests of the web and of Node are requests', () => {
  expectTypeOf<Request>().toExtend<ResourceRequest>()
  void plain.authorize(fromNode({} as IncomingMessage))
  void plain.authorize(fromNode({} as Http2ServerRequest))
  // @ts-expect-error a Node request is none before fromNode()
  void (() => plain.authorize({} as IncomingMessage))
})

test('a resource server is disposed of', () => {
  expectTypeOf<ResourceServer>().toExtend<AsyncDisposable>()
})
