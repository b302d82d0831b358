import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { createTestIssuer, type TestIssuer } from '@atjwt/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Child, run } from './child.ts'

const AUDIENCE = 'https://orders.example'
const LISTENING = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/m
const ISSUER_LINE = /^development issuer on (http:\/\/127\.0\.0\.1:\d+);/m
const LAST_CURL_LINE = /^curl .*\/reports .*$/m

/** What a token of the suite holds; beside them `none` sends no Authorization field. */
const HOLDERS = {
  nothing: {},
  reader: { scope: 'orders:read' },
  writer: { scope: 'orders:write' },
  admin: { scope: 'orders:write', roles: ['admin'] },
  manager: { scope: 'orders:write', groups: [{ value: 'order-managers', display: 'Managers' }] },
  privileged: { roles: ['admin'] },
  reporter: { entitlements: ['reports'] },
  misnamed: { roles: ['reports'], groups: ['orders:read', 'admin'], entitlements: ['admin'] },
} satisfies Record<string, Record<string, unknown>>
type Holder = keyof typeof HOLDERS

const ORDER_LIST = {
  orders: [
    { id: '1', item: 'Espresso machine', quantity: 1 },
    { id: '2', item: 'Coffee beans', quantity: 12 },
  ],
}
const REPORTS = {
  reports: [
    { item: 'Espresso machine', quantity: 1 },
    { item: 'Coffee beans', quantity: 12 },
  ],
}
const INSUFFICIENT = (scope: string): RegExp =>
  new RegExp(`^Bearer realm="${AUDIENCE}", error="insufficient_scope", .*scope="${scope}"$`)
const PLAIN = new RegExp(`^Bearer realm="${AUDIENCE}"$`)

const SERVED: [route: string, holder: Holder | 'none', body: unknown][] = [
  ['GET /health', 'none', { status: 'ok' }],
  ['GET /public', 'none', { sub: null }],
  ['GET /public', 'nothing', { sub: 'user-1' }],
  ['GET /orders', 'reader', ORDER_LIST],
  ['GET /reports', 'reporter', REPORTS],
]

const REFUSED: [route: string, holder: Holder | 'none', status: number, code: string, challenge: RegExp][] = [
  ['GET /whoami', 'none', 401, 'no_credentials', PLAIN],
  ['GET /orders', 'none', 401, 'no_credentials', PLAIN],
  ['POST /orders', 'none', 401, 'no_credentials', PLAIN],
  ['DELETE /orders/1', 'none', 401, 'no_credentials', PLAIN],
  ['GET /reports', 'none', 401, 'no_credentials', PLAIN],
  ['GET /orders', 'nothing', 403, 'missing_scope', INSUFFICIENT('orders:read')],
  ['GET /orders', 'writer', 403, 'missing_scope', INSUFFICIENT('orders:read')],
  ['GET /orders', 'misnamed', 403, 'missing_scope', INSUFFICIENT('orders:read')],
  ['POST /orders', 'reader', 403, 'missing_scope', INSUFFICIENT('orders:write')],
  ['DELETE /orders/1', 'privileged', 403, 'missing_scope', INSUFFICIENT('orders:write')],
  ['DELETE /orders/1', 'writer', 403, 'policy_denied', PLAIN],
  ['DELETE /orders/1', 'reporter', 403, 'policy_denied', PLAIN],
  ['GET /reports', 'misnamed', 403, 'policy_denied', PLAIN],
]

/** The orders API over HTTP, as `main` serves it: the same assertions for every example. */
export function describeOrdersApi(main: URL): void {
  describe('configured by ISSUER and AUDIENCE', () => {
    let issuer: TestIssuer
    let child: Child
    let base: string

    beforeAll(async () => {
      issuer = await createTestIssuer({ audience: AUDIENCE })
      await issuer.listen()
      child = run(main, { ISSUER: issuer.issuer, AUDIENCE, PORT: '0' })
      base = (await child.printed(LISTENING))[1] as string
    })
    afterAll(async () => {
      await child[Symbol.asyncDispose]()
      await issuer.close()
    })

    const call = async (route: string, token?: string, init: RequestInit = {}): Promise<Response> => {
      const [method, path] = route.split(' ') as [string, string]
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      return fetch(base + path, { method, headers, ...init })
    }

    const tokenOf = async (holder: Holder | 'none'): Promise<string | undefined> =>
      holder === 'none' ? undefined : issuer.issue(HOLDERS[holder])

    test.each(SERVED)('%s serves: %s', async (route, holder, body) => {
      const response = await call(route, await tokenOf(holder))
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual(body)
      expect(response.headers.get('www-authenticate')).toBeNull()
      // Only the answer of a route which also serves without a token depends on whether there was one.
      expect(response.headers.get('vary')).toBe(route === 'GET /public' ? 'Authorization' : null)
    })

    test.each(REFUSED)('%s refuses: %s, with %i %s', async (route, holder, status, code, challenge) => {
      const response = await call(route, await tokenOf(holder))
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('www-authenticate')).toMatch(challenge)
      expect(await response.json()).toMatchObject({ status, code })
    })

    test('GET /whoami shows what the token says, sorted', async () => {
      const token = await issuer.issue({
        scope: 'orders:write orders:read',
        groups: [{ value: 'z' }, { value: 'a' }],
        roles: ['r2', 'r1'],
        entitlements: ['reports'],
      })
      expect(await (await call('GET /whoami', token)).json()).toEqual({
        iss: issuer.issuer,
        sub: 'user-1',
        client_id: 'client-1',
        scopes: ['orders:read', 'orders:write'],
        groups: ['a', 'z'],
        roles: ['r1', 'r2'],
        entitlements: ['reports'],
        binding: [],
      })
    })

    test.each(['/public', '/whoami', '/orders', '/reports'])(
      'GET %s refuses every token which is not good',
      async (path) => {
        const everything = { scope: 'orders:read orders:write', roles: ['admin'], entitlements: ['reports'] }
        const now = Math.floor(Date.now() / 1000)
        const [kid] = issuer.jwks.keys.map((key) => key.kid)
        const stranger = await createTestIssuer({ issuer: issuer.issuer, audience: AUDIENCE })
        const bad = {
          token_expired: await issuer.issue({ ...everything, iat: now - 600, exp: now - 300 }),
          audience_mismatch: await issuer.issue({ ...everything, aud: 'https://other.example' }),
          issuer_not_trusted: await issuer.issue({ ...everything, iss: 'https://other.example' }),
          type_mismatch: await issuer.issue({ ...everything, nonce: 'n' }, { typ: 'JWT' }),
          signature_invalid: await stranger.issue(everything, { kid }),
          token_opaque: 'opaque',
        }
        for (const [code, token] of Object.entries(bad)) {
          // oxlint-disable-next-line no-await-in-loop -- one after the other, so that a failure names its token
          const response = await call(`GET ${path}`, token)
          expect({ code, status: response.status }).toEqual({ code, status: 401 })
          // oxlint-disable-next-line no-await-in-loop
          expect(await response.json()).toMatchObject({ code })
          expect(response.headers.get('www-authenticate')).toMatch(
            new RegExp(`^Bearer realm="${AUDIENCE}", error="invalid_token", error_description="[^"]+"$`),
          )
        }
      },
    )

    test('an Authorization field which is malformed is 400, also where a token is optional', async () => {
      const init = { headers: { authorization: 'Bearer two tokens' } }
      const response = await call('GET /public', undefined, init)
      expect(response.status).toBe(400)
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_request"')
      expect(await response.json()).toMatchObject({ code: 'credentials_malformed' })
    })

    test('POST /orders creates, DELETE /orders/:id deletes, by role and by group', async () => {
      const writer = await issuer.issue(HOLDERS.writer)
      const reader = await issuer.issue(HOLDERS.reader)
      const holders = [await issuer.issue(HOLDERS.admin), await issuer.issue(HOLDERS.manager)]
      for (const holder of holders) {
        /* oxlint-disable no-await-in-loop -- each step needs the one before */
        const created = await call('POST /orders', writer, { body: '{"item":"Cup","quantity":6}' })
        expect(created.status).toBe(201)
        const order = (await created.json()) as { id: string }
        expect(order).toEqual({ id: expect.any(String), item: 'Cup', quantity: 6 })
        const location = created.headers.get('location') as string
        expect(location).toBe(`/orders/${order.id}`)
        const during = (await (await call('GET /orders', reader)).json()) as { orders: unknown[] }
        expect(during.orders).toContainEqual(order)

        const deleted = await call(`DELETE ${location}`, holder)
        expect(deleted.status).toBe(204)
        expect(await deleted.text()).toBe('')
        expect(await (await call('GET /orders', reader)).json()).toEqual(ORDER_LIST)
        const again = await call(`DELETE ${location}`, holder)
        expect(again.status).toBe(404)
        expect(again.headers.get('content-type')).toMatch(/^application\/problem\+json/)
        expect(await again.json()).toMatchObject({ status: 404 })
        /* oxlint-enable no-await-in-loop */
      }
    })

    test.each([
      ['no body', undefined],
      ['no JSON', '{"item":'],
      ['no object', '"Cup"'],
      ['null', 'null'],
      ['no item', '{"quantity":1}'],
      ['a blank item', '{"item":" ","quantity":1}'],
      ['no quantity', '{"item":"Cup"}'],
      ['a quantity of text', '{"item":"Cup","quantity":"1"}'],
      ['a quantity of none', '{"item":"Cup","quantity":0}'],
      ['half a cup', '{"item":"Cup","quantity":0.5}'],
      ['more than anybody sells', '{"item":"Cup","quantity":1001}'],
      ['a body which is too long', JSON.stringify({ item: 'Cup', quantity: 1, note: 'x'.repeat(200_000) })],
    ])('POST /orders answers 400 to %s', async (_name, body) => {
      const init = body === undefined ? {} : { body }
      const response = await call('POST /orders', await issuer.issue(HOLDERS.writer), init)
      expect(response.status).toBe(400)
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(await response.json()).toEqual({
        title: 'Bad Request',
        status: 400,
        detail: expect.stringContaining('item'),
      })
    })

    test('a route which does not exist is 404', async () => {
      expect((await call('GET /none', await issuer.issue())).status).toBe(404)
    })

    test('prints no token and nothing but where it listens', () => {
      expect(child.stdout).toBe(`listening on ${base}\n`)
      expect(child.stderr).toBe('')
    })
  })

  describe('without ISSUER', () => {
    test('prints curl lines which work in a POSIX shell, and ends on SIGTERM with its issuer', async () => {
      await using child = run(main, { PORT: '0' })
      await child.printed(LAST_CURL_LINE)
      const base = LISTENING.exec(child.stdout)?.[1] as string
      const issuer = ISSUER_LINE.exec(child.stdout)?.[1] as string
      const lines = child.stdout.split('\n')
      const variables = lines.filter((line) => /^[A-Z]+='[\w.-]+'$/.test(line))
      const calls = lines.filter((line) => line.startsWith('curl '))
      expect(variables).toHaveLength(2)

      const answers = []
      for (const line of calls) {
        // oxlint-disable-next-line no-await-in-loop -- in the order in which they are shown
        answers.push(await statusInShell([...variables, line].join('\n')))
      }
      expect(answers).toEqual([401, 200, 200, 403, 204, 201, 200])

      child.kill('SIGTERM')
      expect(await child.ended).toEqual({ code: 0, signal: null })
      expect(child.stderr).toBe('')
      await expect(fetch(`${base}/health`)).rejects.toThrow('fetch failed')
      await expect(fetch(issuer)).rejects.toThrow('fetch failed')
    })

    test('ends on SIGINT while a client keeps its connection open', async () => {
      await using child = run(main, { PORT: '0' })
      const base = new URL((await child.printed(LISTENING))[1] as string)
      const socket = connect(Number(base.port), base.hostname)
      await once(socket, 'connect')
      socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
      await once(socket, 'data')
      child.kill('SIGINT')
      expect(await child.ended).toEqual({ code: 0, signal: null })
      socket.destroy()
    })
  })

  describe('misconfigured', () => {
    test.each([
      [
        'an issuer without TLS elsewhere',
        { ISSUER: 'http://as.example', AUDIENCE },
        'ISSUER must be an https URL, or http on a loopback host',
      ],
      ['no audience', { ISSUER: 'https://as.example' }, 'AUDIENCE must be set when ISSUER is'],
      ['a port which is none', { PORT: 'http' }, 'PORT must be a number from 0 to 65535'],
      ['an issuer which is no URL', { ISSUER: 'as.example', AUDIENCE }, 'issuer must be an https URL'],
    ])('says why and ends with 1: %s', async (_name, env, message) => {
      await using child = run(main, { PORT: '0', ...env })
      expect(await child.ended).toEqual({ code: 1, signal: null })
      expect(child.stdout).toBe('')
      expect(child.stderr).toContain(message)
    })
  })
}

/** Runs lines in `sh`, with `curl` told to print the status alone. */
async function statusInShell(lines: string): Promise<number> {
  const quiet = `curl() { command curl -s -o /dev/null -w '%{http_code}' "$@"; }`
  const { stdout } = await promisify(execFile)('sh', ['-c', `${quiet}\n${lines.replaceAll(' -i ', ' ')}`])
  return Number(stdout)
}
