import { createTestIssuer } from '@atjwt/testing'
import type { DevelopmentServer } from '@atjwt/testing/server'

/** One call of the demonstration, and what must come of it. */
export interface Call {
  readonly name: string
  readonly method: 'GET' | 'DELETE'
  readonly path: string
  /** `undefined` sends no Authorization field. */
  readonly token: string | undefined
  readonly expected: Expectation
}

/** What is judged of an answer. */
export interface Expectation {
  readonly status: number
  /** The reason code of a refusal. */
  readonly code?: string
  /** The registered `error` of the challenge; a refusal without one has a challenge all the same. */
  readonly error?: string
}

/** The calls, good and bad, with tokens of `issuer` and, for the forged one, of somebody who pretends to be it. */
export async function prepareCalls(
  issuer: Pick<DevelopmentServer, 'origin' | 'issue' | 'jwks'>,
): Promise<readonly Call[]> {
  const now = Math.floor(Date.now() / 1000)
  const forger = await createTestIssuer({ issuer: issuer.origin })
  const [{ kid } = {}] = (await issuer.jwks()).keys
  const read = { scope: 'orders:read' }
  const list = { method: 'GET', path: '/orders' } as const
  const invalid = { status: 401, error: 'invalid_token' } as const
  return [
    {
      ...list,
      name: 'no token',
      token: undefined,
      expected: { status: 401, code: 'no_credentials' },
    },
    {
      ...list,
      name: 'expired',
      token: await issuer.issue({ ...read, iat: now - 600, exp: now - 300 }),
      expected: { ...invalid, code: 'token_expired' },
    },
    {
      ...list,
      name: 'forged',
      token: await forger.issue(read, { kid }),
      expected: { ...invalid, code: 'signature_invalid' },
    },
    {
      ...list,
      name: 'wrong audience',
      token: await issuer.issue({ ...read, aud: 'https://other.example' }),
      expected: { ...invalid, code: 'audience_mismatch' },
    },
    {
      ...list,
      name: 'ID token',
      token: await issuer.issue({ ...read, nonce: 'n-0S6_WzA2Mj' }, { typ: 'JWT' }),
      expected: { ...invalid, code: 'type_mismatch' },
    },
    {
      ...list,
      name: 'missing scope',
      token: await issuer.issue({ scope: 'news:read' }),
      expected: { status: 403, code: 'missing_scope', error: 'insufficient_scope' },
    },
    {
      name: 'missing role',
      method: 'DELETE',
      path: '/orders/1',
      token: await issuer.issue({ scope: 'orders:write' }),
      expected: { status: 403, code: 'policy_denied' },
    },
    { ...list, name: 'good', token: await issuer.issue(read), expected: { status: 200 } },
  ]
}
