import { expect } from 'vitest'

import { parseChallenge } from './challenge.ts'
import { type Expected } from './expected-codes.ts'
import { CORPUS, type HostileCase, isB64token } from './hostile.ts'

/** An answer as it came over the wire, or as `authorize` returns it. */
export interface Answer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** What the corpus wants on the wire: `undefined` where it leaves it open, `null` for a challenge without `error`. */
export interface WireExpectation {
  readonly status: number
  readonly error: string | null | undefined
}

/** How the Bearer scheme carries a case: what is no `b64token` does not get as far as being a token. */
export function expectedAtRequest(
  one: HostileCase,
  expected: Expected,
): { expected: Expected; wire: WireExpectation } {
  if (one.token !== undefined && !isB64token(one.token)) {
    return { expected: 'credentials_malformed', wire: { status: 400, error: 'invalid_request' } }
  }
  return { expected, wire: wireOf(one, expected) }
}

function wireOf(one: HostileCase, expected: Expected): WireExpectation {
  const { outcome, status, error } = one.expect
  // The corpus leaves it open; what is found wrong is still an invalid token.
  if (outcome === 'either') return { status: 401, error: 'invalid_token' }
  if (Array.isArray(status)) {
    // RFC 6750 §3.1: 400 is for requests which are malformed.
    const pinned = expected === 'credentials_malformed' ? 400 : 401
    expect(status).toContain(pinned)
    const wanted =
      expected === 'credentials_malformed'
        ? 'invalid_request'
        : expected === 'no_credentials'
          ? null
          : undefined
    if (wanted !== undefined && error !== undefined) expect([error].flat()).toContain(wanted)
    return { status: pinned, error: wanted }
  }
  return { status: status as number, error: error as string | null }
}

function fields({ headers }: Answer, name: string): string[] {
  return headers.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value)
}

/** The complete answer to a refusal: RFC 6750 §3, RFC 9110 §15.5.2, RFC 9457. */
export function expectRefusal(answer: Answer, expected: Expected, { status, error }: WireExpectation): void {
  const [code, claim] = expected.split(' ') as [string, string?]
  expect(answer.status).toBe(status)
  const challenges = fields(answer, 'www-authenticate')
  expect(challenges).toHaveLength(1)
  const { scheme, params } = parseChallenge(challenges[0] as string)
  expect(scheme).toBe('Bearer')
  expect(params.get('realm')).toBe(CORPUS.audience)
  if (error !== undefined) expect(params.get('error')).toBe(error ?? undefined)
  expect(params.has('error_description')).toBe(params.has('error'))
  expect(params.get('scope')).toBe(code === 'missing_scope' ? 'admin' : undefined)
  expect(fields(answer, 'cache-control')).toEqual(['no-store'])
  expect(fields(answer, 'content-type')).toEqual(['application/problem+json'])
  expect(fields(answer, 'etag')).toEqual([])
  const problem = JSON.parse(answer.body) as Record<string, unknown>
  expect(Object.keys(problem).toSorted()).toEqual(['code', 'detail', 'status', 'title'])
  expect(problem['code']).toBe(code)
  expect(problem['status']).toBe(status)
  if (claim !== undefined) expect(problem['detail']).toMatch(new RegExp(`: ${claim}$`))
}
