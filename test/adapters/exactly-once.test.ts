import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'

import {
  AuthorizationError,
  check,
  not,
  optional,
  type Policy,
  type ResourceServerOptions,
  scope,
} from '@atjwt/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { sendRaw } from '../helpers/raw-http.ts'
import { type Earlier, FRAMEWORKS, type RunningServer, SERVERS, type TestServer } from '../helpers/servers.ts'
import { bearer, createWorld, field, latch, watchRejections } from './world.ts'

const BOOM = new Error('boom')
const fail = (reason: unknown): never => {
  throw reason
}

/** A schema of the application, written by hand. */
function schema(validate: () => unknown): NonNullable<ResourceServerOptions['claims']> {
  return { '~standard': { version: 1, vendor: 'test', validate: validate as never } }
}

/** A mistake of the application in a function which a guard calls. */
interface Mistake {
  readonly name: string
  readonly policy?: Policy
  readonly options?: Partial<ResourceServerOptions>
  /** Whether the token is what fails; `refusal` fails without one. */
  readonly without?: 'token'
}

// `undefined` means "no error" to a framework, 'route' and 'router' mean "go elsewhere".
const REASONS = [BOOM, undefined, null, false, 0, '', 'route', 'router', { status: 200 }] as const

const MISTAKES: readonly Mistake[] = [
  ...REASONS.flatMap((reason): Mistake[] => {
    const said = reason instanceof Error ? 'an error' : (JSON.stringify(reason) ?? 'undefined')
    return [
      { name: `check throws ${said}`, policy: check('throws', () => fail(reason)) },
      { name: `check rejects with ${said}`, policy: check('rejects', () => Promise.reject(reason)) },
    ]
  }),
  { name: 'check inside of not throws', policy: not(check('throws', () => fail(BOOM))) },
  { name: 'check returns 1', policy: check('one', () => 1 as unknown as boolean) },
  { name: 'check returns undefined', policy: check('nothing', () => undefined as unknown as boolean) },
  {
    name: 'check resolves to a string',
    policy: check('text', () => Promise.resolve('true' as unknown as boolean)),
  },
  { name: 'claims throws', options: { claims: schema(() => fail(BOOM)) } },
  { name: 'claims throws undefined', options: { claims: schema(() => fail(undefined)) } },
  { name: 'claims rejects', options: { claims: schema(() => Promise.reject(BOOM)) } },
  { name: 'claims rejects with nothing', options: { claims: schema(() => Promise.reject()) } },
  { name: 'claims returns nothing', options: { claims: schema(() => undefined) } },
  { name: 'claims resolves to no object', options: { claims: schema(async () => ({ value: 1 })) } },
  { name: 'authorities throws', options: { authorities: { scopes: () => fail(BOOM) } } },
  { name: 'authorities throws undefined', options: { authorities: { roles: () => fail(undefined) } } },
  {
    name: 'authorities rejects',
    options: { authorities: { scopes: (() => Promise.reject(BOOM)) as never } },
  },
  { name: 'authorities returns a string', options: { authorities: { groups: () => 'admin' } } },
  { name: 'refusal throws', without: 'token', options: { refusal: () => fail(BOOM) } },
  { name: 'refusal throws undefined', without: 'token', options: { refusal: () => fail(undefined) } },
  { name: 'refusal rejects', without: 'token', options: { refusal: (() => Promise.reject(BOOM)) as never } },
  { name: 'refusal returns null', without: 'token', options: { refusal: (() => null) as never } },
  {
    name: 'refusal returns no body',
    without: 'token',
    options: { refusal: (() => ({ contentType: 'text/plain', body: null })) as never },
  },
  {
    name: 'refusal splits a field',
    without: 'token',
    options: { refusal: () => ({ contentType: 'text/plain\r\nX-Injected: 1', body: '' }) },
  },
]

async function ask(server: TestServer, mistake: Mistake, onError?: (error: unknown) => void) {
  const handled: string[] = []
  const rejections = watchRejections()
  const { api, issuer } = await createWorld(mistake.options)
  const running = await server.start(api, {
    routes: [
      { path: '/guarded', ...(mistake.policy === undefined ? {} : { policy: mistake.policy }) },
      // Where a framework would go on, if what was thrown told it to skip the route.
      { path: '/guarded', policy: scope('never') },
    ],
    onHandled: (path) => handled.push(path),
    ...(onError === undefined
      ? {}
      : {
          onError: (error: unknown) => {
            onError(error)
            return { status: 500, body: 'handled by the application' }
          },
        }),
  })
  const headers = mistake.without === 'token' ? [] : bearer(await issuer.issue())
  const answer = await sendRaw(running.port, { target: '/guarded', headers })
  await running.close()
  return { answer, handled, unhandled: await rejections.stop() }
}

describe.each(SERVERS)('$name', (server) => {
  // The default error handlers print what they answer with 500.
  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test.each(MISTAKES)('protect() grants nothing when $name: 500 by the framework', async (mistake) => {
    const { answer, handled, unhandled } = await ask(server, mistake)
    expect(handled).toEqual([])
    expect(answer?.status).toBe(500)
    expect(field(answer, 'X-Injected')).toBeUndefined()
    expect(unhandled).toEqual([])
  })
})

describe.each(FRAMEWORKS)('$name', (server) => {
  test.each(MISTAKES)("protect() tells the application's error handler once when $name", async (mistake) => {
    const errors: unknown[] = []
    const { answer, handled, unhandled } = await ask(server, mistake, (error) => errors.push(error))
    expect(handled).toEqual([])
    expect(answer).toMatchObject({ status: 500, body: 'handled by the application' })
    expect(errors).toHaveLength(1)
    expect(errors[0]).toBeInstanceOf(Error)
    expect(AuthorizationError.is(errors[0])).toBe(false)
    expect(unhandled).toEqual([])
  })

  describe('protect() while somebody else answers', () => {
    const TARGETS = [
      { name: 'refused by the guard', target: '/denied', credentials: 'good', handled: [] },
      { name: 'refused into the error handler', target: '/thrown', credentials: 'good', handled: [] },
      { name: 'granted', target: '/granted', credentials: 'good', handled: ['/granted'] },
      { name: 'granted by optional', target: '/optional', credentials: 'good', handled: ['/optional'] },
    ] as const

    async function slow(
      earlier: Earlier,
      use: (running: RunningServer, token: string, release: () => void) => Promise<void>,
    ): Promise<{ handled: readonly string[]; unhandled: readonly unknown[] }> {
      const handled: string[] = []
      const rejections = watchRejections()
      const gate = latch()
      const { api, issuer } = await createWorld({ revoked: () => gate.opened.then(() => false) })
      const running = await server.start(api, {
        routes: [
          { path: '/denied', policy: scope('never') },
          { path: '/thrown', policy: scope('never'), options: { refusals: 'throw' } },
          { path: '/granted' },
          { path: '/optional', policy: optional() },
        ],
        earlier,
        onHandled: (path) => handled.push(path),
      })
      await use(running, await issuer.issue(), gate.open)
      await setImmediate()
      await setImmediate()
      await running.close()
      return { handled, unhandled: await rejections.stop() }
    }

    test.each(TARGETS)(
      'says nothing more when a timeout has answered: $name',
      async ({ target, ...expected }) => {
        const { handled, unhandled } = await slow(
          { timeout: () => Promise.resolve() },
          async ({ port }, token, release) => {
            const answer = await sendRaw(port, { target, headers: bearer(token) })
            expect(answer).toMatchObject({ status: 504, body: 'too late' })
            expect(field(answer, 'WWW-Authenticate')).toBeUndefined()
            release()
            await setImmediate()
            const next = await sendRaw(port, { target: '/granted', headers: [] })
            expect([401, 504]).toContain(next?.status)
          },
        )
        expect(handled).toEqual(expected.handled)
        expect(unhandled).toEqual([])
      },
    )

    test.each(TARGETS)('survives a client that has gone: $name', async ({ target, ...expected }) => {
      const { handled, unhandled } = await slow({}, async ({ port }, token, release) => {
        const socket = connect(port, '127.0.0.1')
        await new Promise<void>((resolve) => {
          socket.write(
            `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`,
            () => {
              resolve()
            },
          )
        })
        // A whole request on a second connection: the first one has been read by then.
        await sendRaw(port, { target: '/granted', headers: [] })
        socket.destroy()
        await sendRaw(port, { target: '/granted', headers: [] })
        release()
        const next = await sendRaw(port, { target: '/granted', headers: bearer(token) })
        expect(next?.status).toBe(200)
      })
      expect(handled.filter((path) => path !== '/granted')).toEqual(
        expected.handled.filter((path) => path !== '/granted'),
      )
      expect(unhandled).toEqual([])
    })
  })
})
