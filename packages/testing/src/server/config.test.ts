import { expect, test } from 'vitest'

import { readConfig } from './config.ts'

test.for([
  [[], 'The configuration must be an object'],
  [{ client: [] }, 'client is unknown'],
  [{ audience: 7 }, 'audience must be a string'],
  [{ tokenLifetime: -1 }, 'tokenLifetime must be a number'],
  [{ clientAuthentication: 'no' }, 'clientAuthentication must be one of required, optional, implicit'],
  [{ clients: {} }, 'clients must be a list'],
  [{ clients: [{}] }, 'clients[0].client_id must be a string'],
  [{ clients: [{ client_id: 'a' }, { client_id: 'a' }] }, 'clients[1].client_id stands there twice'],
  [{ clients: [{ client_id: 'a', secret: 'x' }] }, 'clients[0].secret is unknown'],
  [
    { clients: [{ client_id: 'a', token_endpoint_auth_method: 'private_key_jwt' }] },
    'clients[0].jwks must be given',
  ],
  [{ clients: [{ client_id: 'a', redirect_uris: ['/x'] }] }, 'clients[0].redirect_uris must be absolute'],
  [{ users: [{ name: 'Alice' }] }, 'users[0].sub must be a string'],
  [{ trusted: [{ issuer: 'https://idp.example' }] }, 'trusted[0].jwks must be given'],
])('readConfig(%j) says: %s', ([value, text]) => {
  expect(() => readConfig(value)).toThrow(text as string)
})

test('readConfig() copies: later changes to the object have no effect', () => {
  const users = [{ sub: 'alice' }]
  const config = readConfig({ users })
  users.push({ sub: 'mallory' })
  expect(config.users).toEqual([{ sub: 'alice' }])
})
