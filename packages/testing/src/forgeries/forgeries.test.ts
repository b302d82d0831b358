import { clock, createResourceServer, customFetch, ERRORS, scope } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { createTestIssuer } from '../test-issuer.ts'
import type { Forgery } from './forgery.ts'

const NOW = 1_800_000_000

async function forge(alg: string): Promise<{
  readonly forgeries: readonly Forgery[]
  readonly genuine: string
  readonly request: (token: string) => Promise<Response>
}> {
  const issuer = await createTestIssuer({ alg, clock: () => NOW })
  const api = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [customFetch]: issuer.fetch,
    [clock]: issuer.clock.now,
  })
  const claims = { scope: 'orders:read' }
  const forgeries: Forgery[] = []
  for await (const forgery of issuer.forgeries(claims)) forgeries.push(forgery)
  return {
    forgeries,
    genuine: await issuer.issue(claims),
    request: async (token) => {
      const request = new Request('https://api.example/orders', {
        headers: { authorization: `Bearer ${token}` },
      })
      const result = await api.authorize(request, scope('orders:read'))
      return result.ok ? Response.json({}) : new Response(result.response.body, result.response)
    },
  }
}

describe.for(['ES256', 'ES512', 'RS256', 'PS256', 'Ed25519'])('of an issuer with %s', (alg) => {
  test('each forgery is refused for its own reason, and the genuine token passes before and after', async () => {
    const { forgeries, genuine, request } = await forge(alg)
    expect((await request(genuine)).status).toBe(200)
    const answers: unknown[] = []
    for (const { name, token } of forgeries) {
      const answer = await request(token)
      answers.push({ name, status: answer.status, code: ((await answer.json()) as { code: string }).code })
    }
    expect(answers).toEqual(forgeries.map(({ name, status, expect: code }) => ({ name, status, code })))
    expect((await request(genuine)).status).toBe(200)
  })
})

test('there are more than a hundred, each with its own name and token, over every family', async () => {
  const { forgeries, genuine } = await forge('ES256')
  expect(forgeries.length).toBeGreaterThan(100)
  expect(new Set(forgeries.map(({ name }) => name)).size).toBe(forgeries.length)
  expect(new Set(forgeries.map(({ token }) => token)).size).toBe(forgeries.length)
  expect(forgeries.map(({ token }) => token)).not.toContain(genuine)
  expect(new Set(forgeries.map(({ family }) => family)).size).toBe(9)
})

test('each says which rule it breaks: a section, and a sentence', async () => {
  const { forgeries } = await forge('ES256')
  for (const { spec, sentence, expect: code, status } of forgeries) {
    expect(spec).toMatch(/^RFC \d{4} §\d+(?:\.\d+)*$/)
    expect(sentence).toMatch(/^[A-Z"].{20,}\.$/)
    expect(status).toBe(ERRORS[code].status)
  }
})

test('every refusal of a token which default options can give is forged at least once', async () => {
  const { forgeries } = await forge('ES256')
  const forged = new Set(forgeries.map(({ expect: code }) => code))
  const codes = Object.entries(ERRORS)
    .filter(([, row]) => row.status === 401)
    .map(([code]) => code)
  expect(codes.filter((code) => !forged.has(code as never))).toEqual([
    'no_credentials',
    // Node answers 431 before any application sees such a field.
    'token_too_large',
    // The state of the resource server, not the token.
    'kid_unknown_throttled',
    'key_retired',
    // Options.
    'not_an_access_token',
    'claims_schema_mismatch',
    'token_revoked',
  ])
})
