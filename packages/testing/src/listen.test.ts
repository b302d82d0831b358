import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { createDevelopmentServer } from './server/development-server.ts'
import { createTestIssuer } from './test-issuer.ts'

test.for([
  ['a test issuer', createTestIssuer],
  ['a development server', async () => createDevelopmentServer()],
] as const)(
  'listen() of %s serves once at a time, and again after close() or a port which was taken',
  async ([, create]) => {
    await using server = await create()
    const url = await server.listen()
    await expect(server.listen()).rejects.toThrow(new Error('Cannot listen: the server listens already'))
    expect((await fetch(`${url.origin}/jwks`)).status).toBe(200)
    await server.close()
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => {
      taken.close()
    })
    const { port } = taken.address() as AddressInfo
    await expect(server.listen(port)).rejects.toThrow('EADDRINUSE')
    const both = await Promise.allSettled([server.listen(), server.listen()])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  },
)
