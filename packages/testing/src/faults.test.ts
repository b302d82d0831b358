import { allowInsecureRequests, createResourceServer, customFetch } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { FAULTS } from './faults.ts'
import { createTestIssuer } from './test-issuer.ts'

async function ask(api: ReturnType<typeof createResourceServer>, token: string): Promise<number> {
  const request = new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } })
  const result = await api.authorize(request)
  return result.ok ? 200 : result.response.status
}

// Some take as long as a resource server waits.
describe.concurrent('an outage', { timeout: 20_000 }, () => {
  test.for(FAULTS)(
    '$name: 503 by an injected fetch unless it is harmless, 200 after it',
    async (fault, { expect }) => {
      const issuer = await createTestIssuer()
      const create = (): ReturnType<typeof createResourceServer> =>
        createResourceServer({
          issuer: issuer.issuer,
          audience: issuer.audience,
          [customFetch]: issuer.fetch,
        })
      issuer.outage(fault.name)
      await using api = create()
      expect(await ask(api, await issuer.issue())).toBe(fault.harmless ? 200 : 503)
      issuer.recover()
      await using later = create()
      expect(await ask(later, await issuer.issue())).toBe(200)
    },
  )

  test.for(FAULTS)('$name: the same over HTTP', async (fault, { expect }) => {
    await using issuer = await createTestIssuer()
    await issuer.listen()
    const create = (): ReturnType<typeof createResourceServer> =>
      createResourceServer({
        issuer: issuer.issuer,
        audience: issuer.audience,
        [allowInsecureRequests]: true,
      })
    issuer.outage(fault.name)
    await using api = create()
    expect(await ask(api, await issuer.issue())).toBe(fault.harmless && !fault.fetchOnly ? 200 : 503)
    issuer.recover()
    await using later = create()
    expect(await ask(later, await issuer.issue())).toBe(200)
  })
})

test('the table has more than 60 faults, each with a name of its own', () => {
  expect(FAULTS.length).toBeGreaterThan(60)
  expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length)
})

test('outage() refuses a name that no fault has', async () => {
  const issuer = await createTestIssuer()
  expect(() => {
    issuer.outage('flood' as never)
  }).toThrow(TypeError)
})
