import {
  allowInsecureRequests,
  createResourceServer,
  type Deviations,
  optional,
  type ResourceServer,
} from '@atjwt/core'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuthorizationServer, resource, startAuthorizationServer } from './authorization-server.ts'
import { judge } from './judge.ts'

let as: AuthorizationServer

beforeAll(async () => {
  as = await startAuthorizationServer()
})
afterAll(() => as[Symbol.asyncDispose]())

const resourceServer = (audience: string | string[], deviations: Deviations = {}): ResourceServer =>
  createResourceServer({
    issuer: { issuer: as.issuer, deviations },
    audience,
    [allowInsecureRequests]: true,
  })

/** As far as `typ` can be relaxed. */
const ANY_TYPE: Deviations = { typ: ['JWT', null] }

describe('an ID token, signed by the same key (AT-02)', () => {
  test('has no typ, and so is refused', async () => {
    const { id_token } = await as.userTokens('ES256')
    expect(decodeProtectedHeader(id_token)).toEqual({ alg: 'ES256', kid: 'es256-1' })
    expect(await judge(resourceServer(resource('ES256')), id_token)).toBe('type_mismatch')
    // Also where the API bears the name of the client.
    expect(await judge(resourceServer('web'), id_token)).toBe('type_mismatch')
  })

  test('is refused also with relaxed typ: by its audience', async () => {
    const { id_token } = await as.userTokens('ES256')
    expect(await judge(resourceServer(resource('ES256'), ANY_TYPE), id_token)).toBe('audience_mismatch')
  })

  test('is refused also with relaxed typ by an API with the name of the client', async () => {
    const { id_token } = await as.userTokens('ES256', 'nonce-1')
    expect(decodeJwt(id_token)['nonce']).toBe('nonce-1')
    expect(await judge(resourceServer('web', ANY_TYPE), id_token)).toBe('not_an_access_token')
    // Without a nonce nothing in it says what it is; but no ID token says for which client it is a credential.
    const plain = (await as.userTokens('ES256')).id_token
    expect(await judge(resourceServer('web', ANY_TYPE), plain)).toBe('claim_missing')
  })
})

describe('a signed answer of the introspection endpoint (RFC 9701)', () => {
  test('is refused, also with relaxed typ by an API with the name of its audience', async () => {
    const jwt = await as.introspectionJWT(await as.clientToken('opaque'))
    expect(decodeProtectedHeader(jwt)).toMatchObject({ typ: 'token-introspection+jwt', kid: 'es256-1' })
    expect(decodeJwt(jwt)).toMatchObject({ aud: 'introspector', token_introspection: { active: true } })
    expect(await judge(resourceServer('introspector'), jwt)).toBe('type_mismatch')
    expect(await judge(resourceServer('introspector', ANY_TYPE), jwt)).toBe('type_mismatch')
  })

  test('its type cannot be admitted by a deviation', () => {
    expect(() => resourceServer('introspector', { typ: ['token-introspection+jwt'] })).toThrow(
      'none of another kind of token',
    )
  })
})

test('an opaque token is refused as such', async () => {
  const token = await as.clientToken('opaque')
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(await judge(resourceServer(resource('opaque')), token)).toBe('token_opaque')
})

test('an encrypted token is refused as such', async () => {
  const token = await as.clientToken('encrypted')
  expect(token.split('.')).toHaveLength(5)
  expect(await judge(resourceServer(resource('encrypted')), token)).toBe('token_encrypted')
})

describe('a token which is bound to a key by DPoP (RFC 9449)', () => {
  test('is no bearer token', async () => {
    const { token, jkt } = await as.boundToken('ES256')
    expect(decodeJwt(token)['cnf']).toEqual({ jkt })
    const api = resourceServer(resource('ES256'))
    expect(await judge(api, token)).toBe('binding_not_supported')
    await expect(api.verify(token)).rejects.toMatchObject({ code: 'binding_not_supported', status: 401 })
  })

  test('under its own scheme it is another scheme, which is not offered here', async () => {
    const { token } = await as.boundToken('ES256')
    const api = resourceServer(resource('ES256'))
    expect(await judge(api, token, undefined, 'DPoP')).toBe('no_credentials')
    const request = new Request('https://api.example', { headers: { authorization: `DPoP ${token}` } })
    expect(await api.authorize(request, optional())).toMatchObject({ ok: true, auth: undefined })
  })
})
