import { createTestIssuer } from '../../testing/src/index.ts'
import { expect, test } from 'vitest'
import {
  createResourceServer,
  customFetch,
  scope,
  all,
  any,
  role,
  group,
  AuthorizationError,
} from './index.ts'

test('accepts a token', async () => {
  const issuer = await createTestIssuer()
  const api = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [customFetch]: issuer.fetch,
  })
  const token = await issuer.issue({ scope: 'a b' })
  const r = await api.authorize(
    new Request('https://api.example', { headers: { authorization: `Bearer ${token}` } }),
    scope('a'),
  )
  console.log(r, issuer.fetched)
  const r2 = await api.authorize(
    new Request('https://api.example', { headers: { authorization: `Bearer ${token}` } }),
    all(scope('a', 'c'), any(role('x'), group('u'), scope('b'))),
  )
  console.log(r2)
  expect(r.ok).toBe(true)
  await expect(api.verify(token + 'x')).rejects.toThrow(AuthorizationError)
})
