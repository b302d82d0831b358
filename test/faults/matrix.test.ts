import { clock, createResourceServer, customFetch, type ResourceServer } from '@atjwt/core'
import { type Fault, FAULTS } from '@atjwt/testing'
import type { JWK } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import {
  AUDIENCE,
  bearing,
  forger,
  ISSUER,
  JWKS_URL,
  jwksResponse,
  LIFETIME,
  makeKey,
  makeToken,
  METADATA_URL,
  metadataResponse,
  START,
} from './virtual-issuer.ts'

const key = makeKey('k1')
const forged = makeToken('k1', forger)
const stranger = makeKey('stranger').jwk

let now = START
let fault: Fault | undefined
let fetches: string[] = []
const rejections: unknown[] = []
const onRejection = (reason: unknown): void => {
  rejections.push(reason)
}

const issuer: typeof fetch = async (input, init) => {
  const url = String(input)
  fetches.push(url)
  const document = url === JWKS_URL ? 'jwks' : url === METADATA_URL ? 'metadata' : undefined
  if (document === undefined) return new Response('not found', { status: 404 })
  const healthy = (): Response => (document === 'jwks' ? jwksResponse([key]) : metadataResponse())
  if (fault === undefined || (fault.document ?? document) !== document) return healthy()
  return fault.answer({
    document,
    issuer: ISSUER,
    jwks_uri: JWKS_URL,
    keys: [key.jwk as JWK],
    stranger: stranger as JWK,
    signal: init?.signal ?? undefined,
    healthy,
  })
}

const create = (): ResourceServer =>
  createResourceServer({
    issuer: ISSUER,
    audience: AUDIENCE,
    maxTokenLifetime: LIFETIME,
    maxStale: 3600,
    [clock]: () => now,
    [customFetch]: issuer,
  })

/** The verdict on a token as one word, and the seconds of real time which a caller had to wait for it. */
async function ask(
  api: ResourceServer,
  token: string,
): Promise<{ code: string; status: number; waited: number }> {
  const started = Date.now()
  let done = false
  const asked = api.authorize(bearing(token)).finally(() => {
    done = true
  })
  while (!done) {
    // oxlint-disable-next-line no-await-in-loop -- time moves step by step
    await vi.advanceTimersByTimeAsync(done ? 0 : 50)
    if (Date.now() - started > 60_000) throw new Error('no answer within a minute')
  }
  const result = await asked
  const waited = (Date.now() - started) / 1000
  if (result.ok) return { code: 'authorized', status: 200, waited }
  return { code: result.error.code, status: result.response.status, waited }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'], now: 0 })
  now = START
  fault = undefined
  fetches = []
  rejections.length = 0
  process.on('unhandledRejection', onRejection)
})
afterEach(() => {
  process.off('unhandledRejection', onRejection)
  vi.useRealTimers()
})

describe.for(FAULTS.map((each) => [each.name, each] as const))('%s', ([, each]) => {
  test('cold: 503 with Retry-After within the deadline, never 401, and recovery', async () => {
    fault = each
    await using api = create()
    const valid = await ask(api, key.token)
    expect(valid.waited).toBeLessThanOrEqual(5.2)
    expect((await ask(api, forged)).status).not.toBe(200)
    if (each.harmless) {
      expect(valid.code).toBe('authorized')
    } else {
      expect(valid.status).toBe(503)
      // Asked again at once: the answer is known, and nobody waits for it.
      const asked = fetches.length
      const again = await ask(api, key.token)
      expect(again.status).toBe(503)
      expect(again.waited).toBeLessThanOrEqual(0.05)
      expect(fetches.length).toBe(asked)
    }
    fault = undefined
    for (let seconds = 0; seconds <= 5; seconds += 0.5) {
      now += 0.5
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      await ask(api, key.token)
    }
    expect((await ask(api, key.token)).code).toBe('authorized')
    expect((await ask(api, forged)).code).toBe('signature_invalid')
    expect(rejections).toEqual([])
  })

  test('warm, stale and past staleness: served without a wait, then 503', async () => {
    await using api = create()
    expect((await ask(api, key.token)).code).toBe('authorized')
    fault = each
    // One request a minute: fresh, refreshed ahead, past the lifetime, up to the end of staleness.
    for (let minute = 1; minute < 70; minute += 1) {
      now = START + minute * 60
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      const valid = await ask(api, key.token)
      expect(valid, `minute ${minute}`).toMatchObject({ code: 'authorized' })
      expect(valid.waited).toBeLessThanOrEqual(0.05)
      // oxlint-disable-next-line no-await-in-loop -- as above
      expect((await ask(api, forged)).code).toBe('signature_invalid')
      // oxlint-disable-next-line no-await-in-loop -- the refresh under way meets its own deadline
      await vi.advanceTimersByTimeAsync(6000)
    }
    const metadataOnly = each.document === 'metadata'
    if (!each.harmless && !metadataOnly) {
      now = START + 600 + 3600 + 1
      const late = await ask(api, key.token)
      expect(late.status).toBe(503)
      expect(late.waited).toBeLessThanOrEqual(5.2)
    }
    fault = undefined
    for (let seconds = 0; seconds <= 61; seconds += 1) {
      now += 1
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      await ask(api, key.token)
    }
    expect((await ask(api, key.token)).code).toBe('authorized')
    expect(rejections).toEqual([])
  })

  test('nothing but the documents of the issuer is ever asked for', async () => {
    fault = each
    await using api = create()
    await ask(api, key.token)
    now += 10
    await ask(api, key.token)
    expect(fetches.every((url) => url.startsWith(`${ISSUER}/`))).toBe(true)
  })
})
