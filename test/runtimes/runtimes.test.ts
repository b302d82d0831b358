import { once } from 'node:events'
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { createTestIssuer, type TestIssuer } from '@atjwt/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { assertBuilt } from '../packaging/built.ts'
import { bundleWorker } from './bundle-worker.ts'
import { ATTACKS, corpus } from './corpus.ts'
import { KIT_FINDING } from './kit.ts'
import { RUNTIMES, type Served } from './start.ts'
import { TOKEN_ENDPOINT_FINDING } from './token-endpoint.ts'

assertBuilt()

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** By `node:http`, which sends two fields of one name when told to. */
async function get(base: string, path: string, headers: readonly [string, string][] = []): Promise<Answer> {
  const outgoing = httpRequest(base + path, { agent: false })
  for (const name of new Set(headers.map(([field]) => field))) {
    const values = headers.filter(([field]) => field === name).map(([, value]) => value)
    outgoing.setHeader(name, values.length === 1 ? (values[0] as string) : values)
  }
  outgoing.end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await text(incoming) }
}

const bearer = (token: string): [string, string][] => [['Authorization', `Bearer ${token}`]]
const errorOf = ({ headers }: Answer): string | null =>
  /\berror="([^"]*)"/.exec(headers['www-authenticate'] ?? '')?.[1] ?? null
const countOf = async ({ url }: Served): Promise<number> =>
  (JSON.parse((await get(url, '/crypto')).body) as { webCryptoVerifications: number }).webCryptoVerifications
const codeOf = ({ body }: Answer): unknown => (JSON.parse(body) as { code?: unknown }).code

test('the corpus is what the runtimes are sent', () => {
  expect(ATTACKS.length).toBeGreaterThan(230)
  expect(ATTACKS.filter(({ statuses }) => statuses.includes(200)).length).toBeGreaterThan(20)
})

describe.for(RUNTIMES.map((runtime) => [runtime.name, runtime] as const))('%s', ([, runtime]) => {
  let issuer: TestIssuer
  let served: Served
  const cleanup = new AsyncDisposableStack()

  beforeAll(async () => {
    issuer = cleanup.use(await createTestIssuer({ audience: corpus.audience }))
    await issuer.listen()
    const moved = createServer((_request, response) => {
      response.writeHead(302, { location: issuer.issuer }).end()
    })
    moved.listen(0, '127.0.0.1')
    await once(moved, 'listening')
    cleanup.defer(() => void moved.close())
    const closed = createServer()
    closed.listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const address = (server: typeof moved): string =>
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const discovered = { issuer: issuer.issuer, moved: address(moved), closed: address(closed) }
    closed.close()
    await once(closed, 'close')
    const { issuer: name, audience, now, jwks } = corpus
    served = cleanup.use(await runtime.start({ issuer: name, audience, now, jwks, discovered }))
  })
  afterAll(() => cleanup.disposeAsync())

  test.for(ATTACKS)('$id: $title', async ({ path, headers, statuses, errors }) => {
    const answer = await get(served.url, path, headers)
    expect(statuses).toContain(answer.status)
    if (answer.status === 200) return
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer /)
    if (errors !== undefined) expect(errors).toContain(errorOf(answer))
  })

  test('the test kit runs inside, without a port', async () => {
    const answer = await get(served.url, '/kit')
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, KIT_FINDING])
  })

  test('a token endpoint judges assertions of clients and grants', async () => {
    const answer = await get(served.url, '/token-endpoint')
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, TOKEN_ENDPOINT_FINDING])
  })

  test('20 requests which come before any key was fetched are all answered, by one fetch of each document', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.issue()))
    const answers = await Promise.all(
      tokens.map((token) => get(served.url, '/discovered/issuer', bearer(token))),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(issuer.fetched).toEqual(['/.well-known/oauth-authorization-server', '/jwks'])
  })

  test(`signatures are verified by ${runtime.crypto === 'web' ? 'WebCrypto' : 'node:crypto'}, once per token`, async () => {
    const token = await issuer.issue()
    const before = await countOf(served)
    for (let i = 0; i < 3; i += 1) {
      expect((await get(served.url, '/discovered/issuer', bearer(token))).status).toBe(200)
    }
    expect((await countOf(served)) - before).toBe(runtime.crypto === 'web' ? 1 : 0)
  })

  test('a rotation is picked up by the first token of the new key, and the old key is dropped', async () => {
    const old = await issuer.issue()
    expect((await get(served.url, '/discovered/issuer', bearer(old))).status).toBe(200)
    await issuer.rotate({ retire: true })
    const answer = await get(served.url, '/discovered/issuer', bearer(await issuer.issue({ sub: 'user-2' })))
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toEqual({ sub: 'user-2', scopes: [], roles: [] })
    const refused = await get(served.url, '/discovered/issuer', bearer(old))
    expect([refused.status, errorOf(refused)]).toEqual([401, 'invalid_token'])
  })

  test('keys past their lifetime serve on while the issuer is down, and are refreshed after the answer', async () => {
    const status = async (): Promise<unknown> => JSON.parse((await get(served.url, '/status/issuer')).body)
    const exp = Math.floor(Date.now() / 1000) + 3600
    const statuses = async (): Promise<number[]> => {
      const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.issue({ exp })))
      const answers = await Promise.all(
        tokens.map((token) => get(served.url, '/discovered/issuer', bearer(token))),
      )
      return answers.map((answer) => answer.status)
    }
    const granted = Array.from({ length: 20 }, () => 200)
    issuer.outage('network')
    await get(served.url, '/later/700')
    expect(await statuses()).toEqual(granted)
    await expect.poll(status).toMatchObject([{ state: 'stale', keys: 1, failure: 'network' }])
    issuer.recover()
    await get(served.url, '/later/100')
    expect(await statuses()).toEqual(granted)
    await expect.poll(status).toMatchObject([{ issuer: issuer.issuer, state: 'ready', keys: 1 }])
  })

  test.for([
    ['closed', 'issuer_unreachable'],
    ['moved', 'issuer_metadata_unusable'],
  ] as const)('an issuer which is %s is an outage, never a 401', async ([name, code]) => {
    const [status] = JSON.parse((await get(served.url, `/status/${name}`)).body) as [{ issuer: string }]
    const token = await issuer.issue({ iss: status.issuer })
    const answer = await get(served.url, `/discovered/${name}`, bearer(token))
    expect([answer.status, codeOf(answer)]).toEqual([503, code])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(answer.headers['www-authenticate']).toBeUndefined()
  })
})

test('the bundle for workerd holds no code for Node, and asks for nothing but cloudflare:workers', async () => {
  const { imports, moduleIds } = await bundleWorker()
  expect(imports).toEqual(['cloudflare:workers'])
  const ours = moduleIds.flatMap(
    (id) => /packages\/core\/dist\/((?:crypto|runtime)\/\w+)\.js$/.exec(id)?.[1] ?? [],
  )
  expect(ours.toSorted()).toEqual(['crypto/web', 'runtime/web', 'runtime/workerd'])
})
