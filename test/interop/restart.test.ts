import {
  allowInsecureRequests,
  clock,
  createResourceServer,
  type IssuerEvent,
  type ResourceServer,
} from '@atjwt/core'
import { decodeProtectedHeader } from 'jose'
import { expect, test } from 'vitest'
import { resource, startAuthorizationServer } from './authorization-server.ts'
import { judge } from './judge.ts'

/** A resource server with a clock to be set, and a way to wait for what its keys do. */
function observed(issuer: string): {
  api: ResourceServer
  time: { now: number }
  seen: (type: IssuerEvent['type']) => number
  next: (type: IssuerEvent['type']) => Promise<void>
} {
  // The authorization server has the real time; from there on it stands still.
  const time = { now: Math.floor(Date.now() / 1000) }
  const events: IssuerEvent['type'][] = []
  const waiting: [IssuerEvent['type'], () => void][] = []
  const api = createResourceServer({
    issuer,
    audience: resource('ES256'),
    [allowInsecureRequests]: true,
    [clock]: () => time.now,
    onIssuerEvent: ({ type }) => {
      events.push(type)
      for (const [awaited, resolve] of waiting) if (awaited === type) resolve()
    },
  })
  return {
    api,
    time,
    seen: (type) => events.filter((event) => event === type).length,
    next: (type) => new Promise((resolve) => waiting.push([type, resolve])),
  }
}

test('new keys under the same names: the first token is refused and starts a refresh, the next pass', async () => {
  await using as = await startAuthorizationServer()
  const { api, seen, next } = observed(as.issuer)
  const before = await as.clientToken('ES256')
  expect(await judge(api, before)).toBe('authorized')

  await as.restart()
  const after = await as.clientToken('ES256')
  expect(decodeProtectedHeader(after).kid).toBe(decodeProtectedHeader(before).kid)
  // What the old key signed serves on as long as nobody knows better.
  expect(await judge(api, before)).toBe('authorized')
  const refreshed = next('key_retired')
  expect(await judge(api, after)).toBe('signature_invalid')
  await refreshed
  expect(await judge(api, after)).toBe('authorized')
  // And now somebody knows better: it was verified, and remembered, by a key that is gone.
  expect(await judge(api, before)).toBe('signature_invalid')
  expect(seen('key_retired')).toBe(7)
  await api.close()
})

test('new keys under the same names: a refresh ahead of time finds them without any bad token', async () => {
  await using as = await startAuthorizationServer()
  const { api, time, seen, next } = observed(as.issuer)
  const before = await as.clientToken('ES256')
  expect(await judge(api, before)).toBe('authorized')

  await as.restart()
  const after = await as.clientToken('ES256')
  // The server states no lifetime for its keys: ten minutes, and the last tenth of it is time for a refresh.
  time.now += 595
  const refreshed = next('key_retired')
  expect(await judge(api, before)).toBe('authorized')
  await refreshed
  expect(await judge(api, after)).toBe('authorized')
  expect(await judge(api, before)).toBe('signature_invalid')
  expect(seen('fetch_failed')).toBe(0)
  await api.close()
})

test('while the server is down its tokens serve on, and nobody is told that they are bad', async () => {
  const as = await startAuthorizationServer()
  const { api, time, next } = observed(as.issuer)
  const token = await as.clientToken('ES256')
  expect(await judge(api, token)).toBe('authorized')
  await as[Symbol.asyncDispose]()

  time.now += 700
  const failed = next('retry_scheduled')
  expect(await judge(api, token)).toBe('authorized')
  await failed
  expect(api.status()).toMatchObject([{ state: 'stale', failure: 'network' }])
  expect(await judge(api, token)).toBe('authorized')

  // A server which never had the keys does not call the token bad either.
  const { api: fresh } = observed(as.issuer)
  expect(await judge(fresh, token)).toBe('issuer_unreachable')
  await Promise.all([api.close(), fresh.close()])
})
