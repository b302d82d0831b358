import { expect, test } from 'vitest'
import { createIssuer } from './issuer.ts'
import { makeTokenRequests, renderTokenRequests, type TokenOutcome } from './token-requests.ts'

const granted: TokenOutcome = {
  name: 'a grant',
  status: 200,
  error: undefined,
  description: undefined,
  called: 200,
  asExpected: true,
}
const refused: TokenOutcome = {
  name: 'a bad one',
  status: 500,
  error: 'server_error',
  description: 'Something long that does not fit',
  called: undefined,
  asExpected: false,
}

test('what was not expected is marked, and no line is wider than the terminal', () => {
  const lines = renderTokenRequests([granted, refused], 70).split('\n')
  expect(lines[1]).toBe('a grant        200     -             200  -')
  expect(lines[2]).toBe('a bad one      500     server_error  -    Something lo…  <- unexpected')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(70)
})

test('a token which the API refuses is not as expected', async () => {
  await using issuer = await createIssuer()
  await issuer.server.listen()
  const outcomes = await makeTokenRequests(issuer, `${issuer.server.origin}/nowhere/at/all`)
  const [first] = outcomes
  expect(first).toMatchObject({ status: 200, called: 404, asExpected: false })
  expect(outcomes.filter(({ asExpected }) => !asExpected)).toHaveLength(4)
})
