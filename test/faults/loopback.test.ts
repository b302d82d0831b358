import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

import { allowInsecureRequests, createResourceServer, type ResourceServer } from '@atjwt/core'
import { createTestIssuer, FAULTS } from '@atjwt/testing'
import { afterAll, describe, expect, test } from 'vitest'

/** The faults over real connections, with the runtime's own fetch and its own clock: nothing is simulated. */

const servers: Server[] = []
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

const ask = async (api: ResourceServer, token: string): Promise<string> => {
  const result = await api.authorize(
    new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } }),
  )
  return result.ok ? 'authorized' : result.error.code
}

const overHTTP = FAULTS.filter(({ fetchOnly }) => fetchOnly !== true)

describe('a faulty issuer on loopback', () => {
  test(
    `answers ${overHTTP.length} kinds of nonsense: 503 within the deadline, and no notice where keys are known`,
    { timeout: 60_000 },
    async () => {
      const results = await Promise.all(
        overHTTP.map(async ({ name, harmless }) => {
          await using issuer = await createTestIssuer()
          await issuer.listen()
          const token = await issuer.issue()
          const create = (): ResourceServer =>
            createResourceServer({
              issuer: issuer.issuer,
              audience: issuer.audience,
              [allowInsecureRequests]: true,
            })
          await using warm = create()
          await warm.ready()
          await using cold = create()
          issuer.outage(name)
          const started = performance.now()
          const first = await ask(cold, token)
          const waited = performance.now() - started
          return { name, harmless, first, waited, known: await ask(warm, token) }
        }),
      )
      for (const { name, harmless, first, waited, known } of results) {
        const right = harmless === true ? /^authorized$/ : /^issuer_(?:unreachable|metadata_unusable)$/
        expect(first, name).toMatch(right)
        expect(known, name).toBe('authorized')
        // Many at once on a busy machine: the deadline is 5 s, the rest is theirs.
        expect(waited, name).toBeLessThan(15_000)
      }
      expect(results.length).toBeGreaterThan(40)
    },
  )

  test('a compressed bomb is stopped while it inflates', { timeout: 30_000 }, async () => {
    await using issuer = await createTestIssuer()
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, ' '))
    let served = 0
    const server = createServer((req, res) => {
      const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      if (req.url?.endsWith('/jwks') === true) {
        served += 1
        res.setHeader('content-type', 'application/json')
        res.setHeader('content-encoding', 'gzip')
        res.end(bomb)
        return
      }
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify({ issuer: own, jwks_uri: `${own}/jwks` }))
    })
    servers.push(server)
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const token = await issuer.issue({ iss: own })
    await using api = createResourceServer({
      issuer: own,
      audience: issuer.audience,
      [allowInsecureRequests]: true,
    })
    const before = process.memoryUsage().rss
    expect(await ask(api, token)).toBe('issuer_metadata_unusable')
    expect(served).toBe(1)
    expect(api.status()[0]?.failure).toBe('too_large')
    // 200 MiB would show; what the runtime's own buffers take varies.
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
  })
})
