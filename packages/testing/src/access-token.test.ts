import {
  AuthorizationError,
  createResourceServer,
  customFetch,
  evaluate,
  group,
  not,
  role,
  scope,
} from '@atjwt/core'
import { expect, test } from 'vitest'

import { accessToken } from './access-token.ts'
import { createTestIssuer } from './test-issuer.ts'

test('evaluate() judges its authorities as those of any token', async () => {
  const token = await accessToken({ scope: 'orders:read', roles: [{ value: 'clerk', display: 'admin' }] })
  expect(await evaluate(scope('orders:read'), token)).toEqual({ granted: true })
  expect(await evaluate(role('clerk'), token)).toEqual({ granted: true })
  expect(await evaluate(role('admin'), token)).toMatchObject({ granted: false, code: 'policy_denied' })
  expect(await evaluate(not(role('admin')), token)).toEqual({ granted: true })
})

test('a claim which stands elsewhere is undecided, for not() as well', async () => {
  const token = await accessToken({ _claim_names: { groups: 'src1' }, groups: ['a'] })
  expect(await evaluate(group('a'), token)).toEqual({ granted: true })
  expect(await evaluate(not(group('b')), token)).toMatchObject({ granted: false })
})

test('the mapping of an issuer is applied', async () => {
  const token = await accessToken(
    { realm_access: { roles: ['clerk'] } },
    { authorities: { roles: ({ realm_access }) => (realm_access as { roles: string[] }).roles } },
  )
  expect([...token.roles]).toEqual(['clerk'])
})

test('it is frozen, and claims which are no access token are refused', async () => {
  const token = await accessToken({ iss: 'https://partner.example', aud: 'urn:api', tenant: { id: 7 } })
  expect(token).toMatchObject({ issuer: 'https://partner.example', claims: { aud: 'urn:api' } })
  expect(Object.isFrozen(token) && Object.isFrozen(token.claims['tenant'])).toBe(true)
  await expect(accessToken({ sub: undefined })).rejects.toThrow(AuthorizationError)
})

test.for([
  { aud: undefined },
  { aud: [] },
  { aud: '' },
  { aud: 5 },
  { aud: ['urn:api', 5] },
  { iss: undefined },
  { iss: 5 },
  { iss: 'x' },
  { iss: 'https://partner.example/?tenant=1' },
])('accessToken(%j) is refused as any resource server would', async (claims) => {
  await expect(accessToken(claims)).rejects.toThrow(AuthorizationError)
})

test.for([
  { iss: 'http://localhost:8080/realms/shop' },
  { iss: 'http://keycloak:8080/realms/shop' },
  { aud: ['urn:größe', 'urn:api'] },
])('accessToken(%j) is a token', async (claims) => {
  expect((await accessToken(claims)).claims).toMatchObject(claims)
})

test('an iss which is too long is refused as any resource server would', async () => {
  const iss = `https://partner.example/${'a'.repeat(512)}`
  await expect(accessToken({ iss })).rejects.toThrow(AuthorizationError)
})

test('a wrong mapping is no matter of the claims', async () => {
  const wrong = accessToken({}, { authorities: { roles: 'realm_access.roles' as never } })
  await expect(wrong).rejects.toThrow('authorities.roles must be a function')
})

test('demand() of another resource server refuses it, also for the same issuer and audience', async () => {
  const issuer = await createTestIssuer()
  const api = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [customFetch]: issuer.fetch,
  })
  const token = await accessToken({ scope: 'orders:read' })
  await expect(api.demand(token, scope('orders:read'))).rejects.toThrow(
    'was not verified by this resource server',
  )
  const own = await api.verify(await issuer.issue({ scope: 'orders:read' }))
  expect(await api.demand(own, scope('orders:read'))).toBe(own)
})
