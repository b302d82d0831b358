import { expect, test } from 'vitest'

import { fromNode, tokenOf } from './index.ts'

const request = (authorization?: string): Request =>
  new Request('https://api.example/', { headers: authorization === undefined ? {} : { authorization } })

test('tokenOf() reads the token from the request', () => {
  expect(tokenOf(request('Bearer a.b.c'))).toBe('a.b.c')
  expect(tokenOf(fromNode({ headers: { authorization: 'bearer  a.b.c' } }))).toBe('a.b.c')
})

test.each([undefined, 'Basic dTpw', 'Bearer', 'Bearer a b', ''])('tokenOf() has none for %j', (field) => {
  expect(tokenOf(request(field))).toBeUndefined()
})
