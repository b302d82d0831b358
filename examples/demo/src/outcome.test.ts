import { createServer } from 'node:http'
import { listen, stop } from '@atjwt-examples/shared'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Call } from './calls.ts'
import { type Answer, exitCodeOf, isAsExpected, makeCall, type Outcome } from './outcome.ts'

const EXPIRED = { status: 401, code: 'token_expired', error: 'invalid_token' }
const REFUSAL: Answer = {
  status: 401,
  code: 'token_expired',
  challenge: 'Bearer realm="a", error="invalid_token", error_description="The access token expired"',
}
const GOOD: Answer = { status: 200, code: undefined, challenge: undefined }

describe('isAsExpected()', () => {
  test('agrees with the refusal and the success that must come', () => {
    expect(isAsExpected(REFUSAL, EXPIRED)).toBe(true)
    expect(isAsExpected(GOOD, { status: 200 })).toBe(true)
    const { status, code } = { status: 401, code: 'no_credentials' }
    expect(isAsExpected({ status, code, challenge: 'Bearer realm="a"' }, { status, code })).toBe(true)
  })

  test.each<[string, Answer]>([
    ['a token which should be refused passes', GOOD],
    ['the status is another', { ...REFUSAL, status: 403 }],
    ['the reason is another', { ...REFUSAL, code: 'signature_invalid' }],
    ['there is no reason', { ...REFUSAL, code: undefined }],
    ['there is no challenge', { ...REFUSAL, challenge: undefined }],
    ['the challenge has no realm', { ...REFUSAL, challenge: 'Bearer error="invalid_token"' }],
    [
      'the challenge has another error',
      { ...REFUSAL, challenge: 'Bearer realm="a", error="invalid_request"' },
    ],
    ['the challenge has no error', { ...REFUSAL, challenge: 'Bearer realm="a"' }],
  ])('disagrees when %s', (_name, answer) => {
    expect(isAsExpected(answer, EXPIRED)).toBe(false)
  })

  test.each<[string, Answer]>([
    ['a good token is refused', REFUSAL],
    ['a success carries a challenge', { ...GOOD, challenge: 'Bearer realm="a"' }],
    ['a success carries a reason', { ...GOOD, code: 'token_expired' }],
  ])('disagrees when %s', (_name, answer) => {
    expect(isAsExpected(answer, { status: 200 })).toBe(false)
  })

  test('disagrees when a challenge without credentials names an error', () => {
    const answer = { ...REFUSAL, code: 'no_credentials' }
    expect(isAsExpected(answer, { status: 401, code: 'no_credentials' })).toBe(false)
  })
})

describe('exitCodeOf()', () => {
  const outcome = (asExpected: boolean): Outcome => ({ framework: 'x', call: 'y', ...GOOD, asExpected })

  test('is 0 when all is as expected', () => {
    expect(exitCodeOf([outcome(true), outcome(true)])).toBe(0)
  })

  test('is 1 when one outcome is not, or nothing was called', () => {
    expect(exitCodeOf([outcome(true), outcome(false), outcome(true)])).toBe(1)
    expect(exitCodeOf([])).toBe(1)
  })
})

test('makeCall() marks a server which lets everybody in', async () => {
  const open = createServer((_req, res) => res.end('{"orders":[]}'))
  onTestFinished(() => stop(open))
  const url = await listen(open, '127.0.0.1', 0)
  const call: Call = { name: 'expired', method: 'GET', path: '/orders', token: 't', expected: EXPIRED }
  const outcome = await makeCall('open', url, call)
  expect(outcome).toEqual({ framework: 'open', call: 'expired', ...GOOD, asExpected: false })
  expect(exitCodeOf([outcome])).toBe(1)
})
