import { allowInsecureRequests, createResourceServer } from '@atjwt/core'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { expect, test } from 'vitest'

import { readConfig } from './config.ts'
import { createDevelopmentServer } from './development-server.ts'

test.for([
  [[], 'The configuration must be an object'],
  [{ client: [] }, 'client is unknown'],
  [{ audience: 7 }, 'audience must be a string'],
  [{ tokenLifetime: -1 }, 'tokenLifetime must be a number of seconds, 31 days at most'],
  [{ tokenLifetime: 31 * 86_400 + 1 }, 'tokenLifetime must be a number of seconds, 31 days at most'],
  [{ clientAuthentication: 'no' }, 'clientAuthentication must be one of required, optional, implicit'],
  [{ clients: {} }, 'clients must be a list'],
  [{ clients: [{}] }, 'clients[0].client_id must be a string'],
  [{ clients: [{ client_id: 'a' }, { client_id: 'a' }] }, 'clients[1].client_id stands there twice'],
  [{ clients: [{ client_id: 'a', secret: 'x' }] }, 'clients[0].secret is unknown'],
  [
    { clients: [{ client_id: 'a', token_endpoint_auth_method: 'private_key_jwt' }] },
    'clients[0].jwks must be given',
  ],
  [
    { clients: [{ client_id: 'a', token_endpoint_auth_method: 'client_secret_post', client_secret: '' }] },
    'clients[0].client_secret must be given for client_secret_post',
  ],
  [
    {
      clients: [{ client_id: 'a', token_endpoint_auth_method: 'client_secret_jwt', client_secret: 'short' }],
    },
    'clients[0].client_secret is none for client_secret_jwt: Cannot create a client secret: secret must have from 32',
  ],
  [
    {
      clients: [
        { client_id: 'a', token_endpoint_auth_method: 'client_secret_jwt', client_secret: 'a'.repeat(32) },
      ],
    },
    'clients[0].client_secret is none for client_secret_jwt: Cannot create a client secret: secret must be random',
  ],
  [{ clients: [{ client_id: 'a', redirect_uris: ['/x'] }] }, 'clients[0].redirect_uris must be absolute'],
  [{ users: [{ name: 'Alice' }] }, 'users[0].sub must be a string'],
  [{ trusted: [{ issuer: 'https://idp.example' }] }, 'trusted[0].jwks must be given'],
])('readConfig(%j) says: %s', ([value, text]) => {
  expect(() => readConfig(value)).toThrow(text as string)
})

test.for([
  {},
  { keys: [] },
  { keys: 5 },
  { keys: {} },
  { keys: [5] },
  { keys: [{}] },
  { keys: [{ kty: 'oct', k: 'AAAA' }] },
])('readConfig() takes no jwks of %j, neither of a client nor of a trusted issuer', (jwks) => {
  const text = 'jwks must be a JWK Set with a usable public key'
  expect(() => readConfig({ clients: [{ client_id: 'a', jwks }] })).toThrow(`clients[0].${text}`)
  expect(() => readConfig({ clients: [{ client_id: 'a', client_secret: 'b', jwks }] })).toThrow(text)
  const trusted = [{ issuer: 'https://idp.example', jwks }]
  expect(() => readConfig({ trusted })).toThrow(`trusted[0].${text}`)
})

test('readConfig() takes the public keys of every algorithm, and no private ones', async () => {
  for (const alg of ['ES256', 'ES512', 'PS256', 'RS256', 'EdDSA']) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    const configOf = (jwk: JWK): object => ({ clients: [{ client_id: 'a', jwks: { keys: [jwk] } }] })
    const right = configOf(await exportJWK(publicKey))
    expect(readConfig(right)).toEqual(right)
    const wrong = configOf(await exportJWK(privateKey))
    expect(() => readConfig(wrong)).toThrow('clients[0].jwks must be a JWK Set with a usable public key')
  }
})

test('a default resource server takes a token of the longest tokenLifetime', async () => {
  const server = createDevelopmentServer({ config: { tokenLifetime: 31 * 86_400 } })
  const token = await server.issue()
  await using api = createResourceServer({
    issuer: { issuer: server.origin, jwks: await server.jwks() },
    audience: 'https://api.example',
    [allowInsecureRequests]: true,
  })
  expect((await api.verify(token)).subject).toBe('user-1')
})

test('readConfig() copies: later changes to the object have no effect', () => {
  const users = [{ sub: 'alice' }]
  const config = readConfig({ users })
  users.push({ sub: 'mallory' })
  expect(config.users).toEqual([{ sub: 'alice' }])
})
