import { generateKeyPairSync, sign } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'

import type { JSONWebKeySet } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import {
  AUDIENCE,
  bearing,
  forger,
  inventedToken,
  ISSUER,
  type IssuerKey,
  JWKS_URL,
  jwksResponse,
  LIFETIME,
  makeKey,
  makeToken,
  METADATA_URL,
  metadataResponse,
  START,
} from '../../../../test/faults/virtual-issuer.ts'
import {
  clock,
  createResourceServer,
  customFetch,
  type IssuerEvent,
  ISSUER_CHANNEL,
  type ResourceServer,
  type ResourceServerOptions,
  scope,
  waitUntil,
} from '../index.ts'

const [k1, k2, k3] = [makeKey('k1'), makeKey('k2'), makeKey('k3')]
const otherK1 = makeKey('k1')

let now: number
let published: IssuerKey[]
let headers: Record<string, string>
/** How each document is answered; the healthy answer by default. */
let answers: Record<string, (request: Request) => Response | Promise<Response>>
let fetched: { url: string; headers: Headers; at: number }[]
let events: IssuerEvent[]

const count = (url: string): number => fetched.filter((each) => each.url === url).length

beforeEach(() => {
  now = START
  published = [k1]
  headers = {}
  fetched = []
  events = []
  answers = {
    [METADATA_URL]: () => metadataResponse(),
    [JWKS_URL]: () => jwksResponse(published, headers),
  }
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const fetchDocument: typeof fetch = async (input, init) => {
  const request = new Request(input, { ...init, redirect: 'follow' })
  fetched.push({ url: request.url, headers: request.headers, at: now })
  return answers[request.url]?.(request) ?? new Response('not found', { status: 404 })
}

function create(options: Partial<ResourceServerOptions> = {}): ResourceServer {
  return createResourceServer({
    issuer: ISSUER,
    audience: AUDIENCE,
    maxTokenLifetime: LIFETIME,
    onIssuerEvent: (event) => events.push(event),
    [clock]: () => now,
    [customFetch]: fetchDocument,
    ...options,
  })
}

async function ask(api: ResourceServer, token: string): Promise<string> {
  const result = await api.authorize(bearing(token))
  return result.ok ? 'authorized' : result.error.code
}

const down = (): Response => new Response('', { status: 503 })
function outage(): void {
  answers = { [METADATA_URL]: down, [JWKS_URL]: down }
}
function recovery(): void {
  answers = { [METADATA_URL]: () => metadataResponse(), [JWKS_URL]: () => jwksResponse(published, headers) }
}
/** Lets things run until something has happened: how many turns cryptography takes is the runtime's affair. */
async function until(happened: () => boolean): Promise<void> {
  for (let turn = 0; !happened() && turn < 10_000; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one turn after the other
    await settle()
  }
}
/** Lets background work end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one turn after the other
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

/** A request a minute, with what each starts in the background. */
async function minutesOf(count: number, api: ResourceServer): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await ask(api, k1.token)
    // oxlint-disable-next-line no-await-in-loop -- as above
    await settle()
    now += 60
  }
}

describe('discovery', () => {
  test('asks each place once, in order, and remembers the one which answered', async () => {
    const third = `${ISSUER}/tenant/.well-known/openid-configuration`
    answers = {
      [third]: () => Response.json({ issuer: `${ISSUER}/tenant`, jwks_uri: JWKS_URL }),
      [JWKS_URL]: () => jwksResponse(published),
    }
    const key = makeKey('k1', `${ISSUER}/tenant`)
    published = [key]
    const api = create({ issuer: `${ISSUER}/tenant` })
    expect(await ask(api, key.token)).toBe('authorized')
    expect(fetched.map(({ url }) => url)).toEqual([
      `${ISSUER}/.well-known/oauth-authorization-server/tenant`,
      `${ISSUER}/.well-known/openid-configuration/tenant`,
      third,
      JWKS_URL,
    ])
    now += 3000
    fetched = []
    await ask(api, key.token)
    await settle()
    expect(fetched.map(({ url }) => url)).toEqual([third, JWKS_URL])
  })

  test('goes on to the next place after one that always fails', async () => {
    const second = `${ISSUER}/.well-known/openid-configuration`
    answers[METADATA_URL] = () => new Response('', { status: 500 })
    answers[second] = () => metadataResponse()
    const api = create()
    expect(await ask(api, k1.token)).toBe('issuer_unreachable')
    now += 1
    expect(await ask(api, k1.token)).toBe('authorized')
    expect(fetched.map(({ url }) => url)).toEqual([METADATA_URL, second, JWKS_URL])
  })

  test('follows a changed jwks_uri and says so when its origin changed', async () => {
    const elsewhere = 'https://keys.example/jwks'
    const api = create()
    await ask(api, k1.token)
    answers[METADATA_URL] = () => metadataResponse({ jwks_uri: elsewhere })
    answers[elsewhere] = () => jwksResponse([k2])
    now += 3000
    await ask(api, k1.token)
    await settle()
    expect(await ask(api, k2.token)).toBe('authorized')
    expect(await ask(api, k1.token)).toBe('kid_unknown')
    expect(events).toContainEqual({
      type: 'jwks_origin_changed',
      issuer: ISSUER,
      from: ISSUER,
      to: 'https://keys.example',
    })
  })

  test('serves the keys of a known place while the metadata fail', async () => {
    const api = create()
    await ask(api, k1.token)
    answers[METADATA_URL] = down
    published = [k2]
    now += 3000
    await ask(api, k1.token)
    await settle()
    expect(await ask(api, k2.token)).toBe('authorized')
  })

  test('looks for the place again when it says that there are no keys', async () => {
    const moved = `${ISSUER}/moved`
    const api = create()
    await ask(api, k1.token)
    answers[JWKS_URL] = () => new Response('', { status: 404 })
    answers[METADATA_URL] = () => metadataResponse({ jwks_uri: moved })
    answers[moved] = () => jwksResponse([k1])
    now += 500
    await ask(api, k1.token)
    await settle()
    now += 1
    await ask(api, k1.token)
    await settle()
    expect(fetched.at(-1)?.url).toBe(moved)
  })

  test('that hangs keeps nobody from the keys of a known place', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const api = create()
    await ask(api, k1.token)
    answers[METADATA_URL] = () => new Promise(() => {})
    published = [k2]
    now += 3000
    await ask(api, k1.token)
    await until(() => count(METADATA_URL) === 2)
    await vi.advanceTimersByTimeAsync(3000)
    await until(() => count(JWKS_URL) === 2)
    await settle()
    expect(await ask(api, k2.token)).toBe('authorized')
    // Not before a pause is it asked again, so that other attempts have all their time.
    now += 2
    await ask(api, k3.token)
    expect([count(METADATA_URL), count(JWKS_URL)]).toEqual([2, 3])
  })

  const second = `${ISSUER}/.well-known/openid-configuration`
  const moved = `${ISSUER}/moved`
  test.each([
    ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['metadata of another issuer', () => Response.json({ issuer: 'https://other.example', jwks_uri: moved })],
    ['a failure', down],
    ['nothing', () => new Response('', { status: 404 })],
  ])('finds keys which moved also when the first place gives %s from then on', async (_what, answer) => {
    const api = create()
    await ask(api, k1.token)
    answers = {
      [METADATA_URL]: answer,
      [second]: () => metadataResponse({ jwks_uri: moved }),
      [moved]: () => jwksResponse([k2]),
    }
    now += 500
    await minutesOf(6, api)
    expect(await ask(api, k2.token)).toBe('authorized')
  })

  test('which is slow is waited for when the known place gives no keys', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const api = create({ maxStale: 0 })
    await ask(api, k1.token)
    answers[JWKS_URL] = () => new Response('', { status: 404 })
    answers[moved] = () => jwksResponse([k1])
    now += 600
    await ask(api, k1.token)
    answers[METADATA_URL] = async () => {
      await new Promise((resolve) => {
        setTimeout(resolve, 4000)
      })
      return metadataResponse({ jwks_uri: moved })
    }
    now += 2
    const asked = ask(api, k1.token)
    await until(() => count(METADATA_URL) === 2)
    await vi.advanceTimersByTimeAsync(4000)
    expect(await asked).toBe('authorized')
  })

  test('is asked again at the place which answered before, after one failure of it', async () => {
    const issuer = `${ISSUER}/tenant`
    const third = `${issuer}/.well-known/openid-configuration`
    const key = makeKey('k1', issuer)
    answers = {
      [third]: () => Response.json({ issuer, jwks_uri: JWKS_URL }),
      [JWKS_URL]: () => jwksResponse([key]),
    }
    const api = create({ issuer, maxStale: 0 })
    await ask(api, key.token)
    answers = {
      [third]: down,
      [JWKS_URL]: () => new Response('', { status: 404 }),
      [moved]: () => jwksResponse([key]),
    }
    now += 600
    await ask(api, key.token)
    now += 2
    await ask(api, key.token)
    answers[third] = () => Response.json({ issuer, jwks_uri: moved })
    now += 3
    expect(await ask(api, key.token)).toBe('authorized')
  })

  test('looks for the place again when no keys are left and the known one is out of order', async () => {
    const api = create({ maxStale: 0 })
    await ask(api, k1.token)
    answers[JWKS_URL] = down
    answers[METADATA_URL] = () => metadataResponse({ jwks_uri: moved })
    answers[moved] = () => jwksResponse([k1])
    now += 600
    expect(await ask(api, k1.token)).toBe('issuer_unreachable')
    now += 2
    expect(await ask(api, k1.token)).toBe('authorized')
  })

  test('sends a place no validator of another one', async () => {
    const etag = { etag: '"v1"' }
    answers[METADATA_URL] = () => Response.json({ issuer: ISSUER, jwks_uri: JWKS_URL }, { headers: etag })
    const api = create()
    await ask(api, k1.token)
    answers = {
      [METADATA_URL]: () => new Response('', { status: 404 }),
      [second]: (request) =>
        request.headers.has('if-none-match')
          ? new Response(null, { status: 304, headers: etag })
          : metadataResponse({ jwks_uri: moved }),
      [JWKS_URL]: () => new Response('', { status: 404 }),
      [moved]: () => jwksResponse([k2]),
    }
    now += 3000
    await minutesOf(6, api)
    expect(await ask(api, k2.token)).toBe('authorized')
  })

  test('jwksOrigins restricts where keys may stand', async () => {
    answers[METADATA_URL] = () => metadataResponse({ jwks_uri: 'https://keys.example/jwks' })
    answers['https://keys.example/jwks'] = () => jwksResponse([k1])
    expect(await ask(create({ issuer: { issuer: ISSUER, jwksOrigins: [ISSUER] } }), k1.token)).toBe(
      'issuer_metadata_unusable',
    )
    expect(
      await ask(create({ issuer: { issuer: ISSUER, jwksOrigins: ['https://keys.example'] } }), k1.token),
    ).toBe('authorized')
  })
})

describe('a cold start', () => {
  test('fetches once for any number of waiters, and survives one who goes', async () => {
    const api = create()
    const abort = new AbortController()
    const ready = api.ready(abort.signal)
    const asked = Array.from({ length: 1000 }, () => ask(api, k1.token))
    abort.abort(new Error('gone'))
    await expect(ready).rejects.toThrow('gone')
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['authorized']))
    expect(fetched.map(({ url }) => url)).toEqual([METADATA_URL, JWKS_URL])
  })

  test('that fails is retried after 1 s, then every 2 s, and answers at once in between', async () => {
    outage()
    const api = create()
    const times: number[] = []
    for (let i = 0; i < 1000; i += 1) {
      now = START + (i * 8) / 1000
      const before = fetched.length
      // oxlint-disable-next-line no-await-in-loop -- spread over time
      const result = await api.authorize(bearing(k1.token))
      if (result.ok) throw new Error('authorized')
      expect(result.response.status).toBe(503)
      const retryAfter = Number(new Headers(result.response.headers).get('retry-after'))
      expect(retryAfter).toBeGreaterThanOrEqual(1)
      expect(retryAfter).toBeLessThanOrEqual(2)
      if (fetched.length > before) times.push(Math.round((now - START) * 10) / 10)
    }
    expect(times).toEqual([0, 1, 3, 5, 7])
    recovery()
    now = START + 9
    expect(await ask(api, k1.token)).toBe('authorized')
  })

  test('holds Retry-After of the issuer to 5 s', async () => {
    answers[METADATA_URL] = () => new Response('', { status: 503, headers: { 'retry-after': '3600' } })
    const api = create()
    await ask(api, k1.token)
    expect(api.status()[0]).toMatchObject({
      state: 'unavailable',
      nextTryAt: START + 5,
      failure: 'status_transient',
    })
  })

  test('ready() loads the keys, and names the reason when it cannot', async () => {
    const api = create()
    expect(api.status()).toEqual([{ issuer: ISSUER, state: 'never_loaded', keys: 0 }])
    await api.ready()
    expect(api.status()).toEqual([{ issuer: ISSUER, state: 'ready', keys: 1, fetchedAt: START }])
    answers[METADATA_URL] = () => metadataResponse({ issuer: 'https://evil.example' })
    const other = create()
    const error = await other.ready().then(
      () => undefined,
      (reason: Error) => reason,
    )
    expect(error).toMatchObject({ code: 'issuer_metadata_unusable', status: 503 })
    expect(String(error?.cause)).toContain(`${ISSUER}: issuer_mismatch`)
    expect(count(JWKS_URL)).toBe(1)
  })

  test('takes no longer than the deadline for everything together', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const slow = async (response: Response): Promise<Response> => {
      await new Promise((resolve) => {
        setTimeout(resolve, 3000)
      })
      return response
    }
    answers[METADATA_URL] = () => slow(metadataResponse())
    answers[JWKS_URL] = () => slow(jwksResponse([k1]))
    const asked = ask(create(), k1.token)
    await until(() => count(METADATA_URL) === 1)
    await vi.advanceTimersByTimeAsync(3000)
    await until(() => count(JWKS_URL) === 1)
    await vi.advanceTimersByTimeAsync(5000)
    expect(await asked).toBe('issuer_unreachable')
  })
})

describe('the lifetime of a set', () => {
  test.for<[string, Record<string, string>, number]>([
    ['10 minutes without a header', {}, 600],
    ['Cache-Control', { 'cache-control': 'public, max-age=1200' }, 1200],
    ['Cache-Control less Age', { 'cache-control': 'max-age=1200', age: '200' }, 1000],
    ['at least a minute', { 'cache-control': 'max-age=5' }, 60],
    ['a minute for no-store', { 'cache-control': 'no-store' }, 60],
    ['at most an hour', { 'cache-control': 'max-age=31536000' }, 3600],
  ])('is %s', async ([, given, lifetime]) => {
    headers = given
    const api = create()
    await ask(api, k1.token)
    now = START + lifetime - 1
    expect(api.status()[0]?.state).toBe('ready')
    now = START + lifetime
    expect(api.status()[0]?.state).toBe('stale')
  })

  test('may be let up to a day by maxKeyLifetime', async () => {
    headers = { 'cache-control': 'max-age=31536000' }
    const api = create({ maxKeyLifetime: 86_400 })
    await ask(api, k1.token)
    now = START + 86_399
    expect(api.status()[0]?.state).toBe('ready')
  })

  test('is refreshed ahead in the background, from 80 % on, by one fetch', async () => {
    const api = create()
    await ask(api, k1.token)
    let release: ((response: Response) => void) | undefined
    answers[JWKS_URL] = () =>
      new Promise((resolve) => {
        release = resolve
      })
    now = START + 479
    await ask(api, k1.token)
    expect(count(JWKS_URL)).toBe(1)
    now = START + 480
    // Nobody waits for it.
    expect(new Set(await Promise.all(Array.from({ length: 100 }, () => ask(api, k1.token))))).toEqual(
      new Set(['authorized']),
    )
    expect(count(JWKS_URL)).toBe(2)
    release?.(jwksResponse([k1, k2]))
    await settle()
    expect(await ask(api, k2.token)).toBe('authorized')
    expect(api.status()[0]).toMatchObject({ state: 'ready', keys: 2, fetchedAt: START + 480 })
  })

  test('is spread, so that instances which start together part ways', async () => {
    vi.mocked(Math.random).mockReturnValue(0.999)
    const api = create()
    await ask(api, k1.token)
    now = START + 539
    await ask(api, k1.token)
    expect(count(JWKS_URL)).toBe(1)
    now = START + 540
    await ask(api, k1.token)
    expect(count(JWKS_URL)).toBe(2)
  })

  test('is extended by 304, for which the validator is sent', async () => {
    headers = { etag: '"v1"' }
    const api = create()
    await ask(api, k1.token)
    answers[JWKS_URL] = (request) =>
      request.headers.get('if-none-match') === '"v1"'
        ? new Response(null, { status: 304 })
        : jwksResponse([k1])
    now = START + 500
    await ask(api, k1.token)
    await settle()
    expect(api.status()[0]).toMatchObject({ state: 'ready', fetchedAt: START + 500, keys: 1 })
  })

  test('a withdrawn key is dead with the first good answer, with all it verified', async () => {
    published = [k1, k2]
    const api = create()
    expect(await ask(api, k1.token)).toBe('authorized')
    published = [k2]
    now = START + 500
    await ask(api, k2.token)
    await settle()
    expect(await ask(api, k1.token)).toBe('kid_unknown')
    expect(await ask(api, k2.token)).toBe('authorized')
    expect(events).toContainEqual({ type: 'key_retired', issuer: ISSUER, kid: 'k1' })
  })

  test('an unchanged key keeps what it verified over a refresh', async () => {
    const schema = vi.fn((value: unknown) => ({ value: value as object }))
    const api = create({ claims: { '~standard': { version: 1, vendor: 'test', validate: schema } } })
    await ask(api, k1.token)
    published = [k2, k1]
    now = START + 500
    await ask(api, k1.token)
    await settle()
    expect(await ask(api, k1.token)).toBe('authorized')
    expect(schema).toHaveBeenCalledTimes(1)
  })

  test('a key of the same name and other material is another key', async () => {
    const api = create()
    expect(await ask(api, k1.token)).toBe('authorized')
    published = [otherK1]
    now = START + 500
    await ask(api, k1.token)
    await settle()
    expect(await ask(api, k1.token)).toBe('signature_invalid')
    expect(await ask(api, otherK1.token)).toBe('authorized')
  })
})

describe('an outage', () => {
  test('of an hour costs no valid request, and the first good answer counts', async () => {
    const api = create()
    await ask(api, k1.token)
    outage()
    for (let minute = 1; minute <= 60; minute += 1) {
      now = START + minute * 60
      // oxlint-disable-next-line no-await-in-loop -- one a minute
      expect(await ask(api, k1.token), `minute ${minute}`).toBe('authorized')
      // oxlint-disable-next-line no-await-in-loop -- the attempt in the background ends within its minute
      await settle()
    }
    expect(events.some(({ type }) => type === 'served_stale')).toBe(true)
    published = [k2]
    recovery()
    now += 60
    await ask(api, k1.token)
    await settle()
    expect(await ask(api, k1.token)).toBe('kid_unknown')
  })

  test('is survived up to maxStale to the second, then answered 503', async () => {
    const api = create({ maxStale: 100 })
    await ask(api, k1.token)
    outage()
    now = START + 600 + 99
    expect(await ask(api, k1.token)).toBe('authorized')
    await settle()
    now = START + 600 + 100
    expect(await ask(api, k1.token)).toBe('issuer_unreachable')
  })

  test('backs off from 1 s to 60 s while keys are at hand, and holds Retry-After to 60 s', async () => {
    const api = create()
    await ask(api, k1.token)
    outage()
    const attempts: number[] = []
    for (now = START + 480; now < START + 900; now += 0.5) {
      const before = fetched.length
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await ask(api, k1.token)
      // oxlint-disable-next-line no-await-in-loop -- as above
      await settle()
      if (fetched.length > before) attempts.push(now - START - 480)
    }
    expect(attempts).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363])
    answers[JWKS_URL] = () => new Response('', { status: 429, headers: { 'retry-after': '999' } })
    now = START + 2000
    await ask(api, k1.token)
    await settle()
    expect(api.status()[0]?.nextTryAt).toBe(now + 60)
  })

  test('an unknown name cannot be judged while the issuer fails: 503, not 401', async () => {
    const api = create()
    await ask(api, k1.token)
    outage()
    expect(await ask(api, k2.token)).toBe('issuer_unreachable')
    expect(await ask(api, k2.token)).toBe('issuer_unreachable')
    // Only one fetch: the retry schedule holds what the budget got back.
    expect(count(JWKS_URL)).toBe(2)
  })

  test('gives the budget for unknown names back', async () => {
    const api = create()
    await ask(api, k1.token)
    outage()
    for (const seconds of [0, 1, 3]) {
      now = START + seconds
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(api, inventedToken(`n${seconds}`))).toBe('issuer_unreachable')
    }
    expect(count(JWKS_URL)).toBe(4)
    recovery()
    now = START + 7
    published = [k1, k2]
    expect(await ask(api, k2.token)).toBe('authorized')
    published = [k1, k2, k3]
    expect(await ask(api, k3.token)).toBe('authorized')
  })

  test('of one issuer slows no other', async () => {
    const other = 'https://other.example'
    const theirs = makeKey('k1', other)
    answers[`${other}/.well-known/oauth-authorization-server`] = () =>
      Response.json({ issuer: other, jwks_uri: `${other}/jwks` })
    answers[`${other}/jwks`] = () => jwksResponse([theirs])
    answers[METADATA_URL] = () => new Promise(() => {})
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const api = create({ issuer: [ISSUER, other] })
    const stuck = ask(api, k1.token)
    expect(await ask(api, theirs.token)).toBe('authorized')
    await until(() => count(METADATA_URL) === 1)
    await vi.advanceTimersByTimeAsync(5000)
    expect(await stuck).toBe('issuer_unreachable')
  })
})

describe('an unknown kid', () => {
  test('is looked up once for all who wait, and the first token after a rotation passes', async () => {
    const api = create()
    await ask(api, k1.token)
    published = [k2]
    const asked = await Promise.all(Array.from({ length: 50 }, () => ask(api, k2.token)))
    expect(new Set(asked)).toEqual(new Set(['authorized']))
    expect(count(JWKS_URL)).toBe(2)
  })

  test('is fetched for twice, then once per 30 s; others are refused at once', async () => {
    const api = create()
    await ask(api, k1.token)
    const codes: string[] = []
    for (let i = 0; i < 5; i += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      codes.push(await ask(api, inventedToken(`invented-${i}`)))
    }
    expect(codes).toEqual([
      'kid_unknown',
      'kid_unknown',
      'kid_unknown_throttled',
      'kid_unknown_throttled',
      'kid_unknown_throttled',
    ])
    expect(events).toContainEqual({ type: 'kid_throttled', issuer: ISSUER })
    now += 29
    expect(await ask(api, inventedToken('later'))).toBe('kid_unknown_throttled')
    now += 1
    expect(await ask(api, inventedToken('later'))).toBe('kid_unknown')
    expect(count(JWKS_URL)).toBe(4)
  })

  test('is looked up also when a refresh was under way whose answer is older', async () => {
    const api = create()
    await ask(api, k1.token)
    let release: (() => void) | undefined
    const older = jwksResponse(published)
    answers[JWKS_URL] = () =>
      new Promise((resolve) => {
        release = () => resolve(older)
      })
    now += 500
    await ask(api, k1.token)
    await until(() => release !== undefined)
    published = [k1, k2]
    recovery()
    const rotated = ask(api, k2.token)
    release?.()
    expect(await rotated).toBe('authorized')
  })

  test('which was looked for is refused without a fetch for 30 s', async () => {
    const api = create()
    await ask(api, k1.token)
    expect(await ask(api, inventedToken('x'))).toBe('kid_unknown')
    expect(await ask(api, inventedToken('x'))).toBe('kid_unknown')
    expect(count(JWKS_URL)).toBe(2)
    now += 31
    expect(await ask(api, inventedToken('x'))).toBe('kid_unknown')
    expect(count(JWKS_URL)).toBe(3)
  })

  test('costs nothing when the token could not be accepted anyway', async () => {
    const api = create()
    await ask(api, k1.token)
    const token = (claims: Record<string, unknown>): string => makeToken('new', forger, claims)
    expect(await ask(api, token({ exp: START - 100 }))).toBe('token_expired')
    expect(await ask(api, token({ aud: 'https://other.example' }))).toBe('audience_mismatch')
    expect(await ask(api, token({ iss: 'https://evil.example' }))).toBe('issuer_not_trusted')
    expect(await ask(api, inventedToken('n'.repeat(5000)))).toBe('kid_unknown')
    expect(count(JWKS_URL)).toBe(1)
  })

  test('during a flood a rotation is picked up within 30 s', async () => {
    const api = create()
    await ask(api, k1.token)
    for (let i = 0; i < 2000; i += 1) {
      now += 0.01
      // oxlint-disable-next-line no-await-in-loop -- a flood in order
      await ask(api, inventedToken(`flood-${i}`))
    }
    published = [k1, k2]
    const rotated = now
    let picked: number | undefined
    for (let i = 0; picked === undefined && i < 4000; i += 1) {
      now += 0.01
      // oxlint-disable-next-line no-await-in-loop -- a flood in order
      await ask(api, inventedToken(`more-${i}`))
      // oxlint-disable-next-line no-await-in-loop -- as above
      if (i % 10 === 0 && (await ask(api, k2.token)) === 'authorized') picked = now - rotated
    }
    expect(picked).toBeLessThanOrEqual(30)
  })
})

describe('a bad signature under a known kid', () => {
  test('starts one background refresh per 30 s, and nobody waits', async () => {
    const api = create()
    await ask(api, k1.token)
    published = [otherK1]
    let release: (() => void) | undefined
    answers[JWKS_URL] = () =>
      new Promise((resolve) => {
        release = () => resolve(jwksResponse(published))
      })
    expect(await ask(api, otherK1.token)).toBe('signature_invalid')
    expect(await ask(api, otherK1.token)).toBe('signature_invalid')
    expect(count(JWKS_URL)).toBe(2)
    release?.()
    await settle()
    expect(await ask(api, otherK1.token)).toBe('authorized')
    now += 29
    expect(await ask(api, k1.token)).toBe('signature_invalid')
    expect(count(JWKS_URL)).toBe(2)
    now += 1
    expect(await ask(api, k1.token)).toBe('signature_invalid')
    expect(count(JWKS_URL)).toBe(3)
  })

  test('so does a key of another algorithm under that name', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'EdDSA', use: 'sig' }
    const input = [
      { alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' },
      JSON.parse(Buffer.from(k1.token.split('.')[1] as string, 'base64url').toString()),
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    const token = `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
    const api = create()
    await ask(api, k1.token)
    published = [{ kid: 'k1', jwk, token }]
    now += 5
    expect(await ask(api, token)).toBe('key_unsuitable')
    await settle()
    expect(await ask(api, token)).toBe('authorized')
  })

  test('a flood of them costs the issuer one fetch per 30 s', async () => {
    const api = create()
    await ask(api, k1.token)
    const forged = makeToken('k1', forger)
    for (let i = 0; i < 300; i += 1) {
      now += 1
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await ask(api, forged)
      // oxlint-disable-next-line no-await-in-loop -- as above
      await settle()
    }
    expect(count(JWKS_URL)).toBeLessThanOrEqual(1 + 300 / 30 + 1)
  })
})

describe('a clock which jumps', () => {
  test('back, does not freeze the retry schedule', async () => {
    outage()
    const api = create()
    await ask(api, k1.token)
    recovery()
    now = START - 100_000
    expect(await ask(api, k1.token)).toBe('issuer_unreachable')
    now += 1
    expect(await ask(api, k1.token)).toBe('authorized')
  })

  test('back, gives keys no longer life than they have from then on', async () => {
    now = START + 1_000_000
    const api = create()
    expect(await ask(api, k1.token)).toBe('authorized')
    outage()
    now = START
    expect(await ask(api, k1.token)).toBe('authorized')
    await settle()
    now = START + 600 + 3600 - 1
    expect(await ask(api, k1.token)).toBe('authorized')
    now = START + 600 + 3600
    expect(await ask(api, k1.token)).toBe('issuer_unreachable')
  })

  test('back, does not freeze a refresh', async () => {
    const api = create()
    await ask(api, k1.token)
    now = START - 100_000
    expect(await ask(api, k1.token)).toBe('authorized')
    await settle()
    expect(api.status()[0]?.fetchedAt).toBe(now)
  })

  test('forward, costs a fetch, not a verdict', async () => {
    const api = create()
    await ask(api, k1.token)
    now = START + 1_000_000
    expect(await ask(api, k1.token)).toBe('authorized')
    expect(count(JWKS_URL)).toBe(2)
  })
})

test('a pause made while there were keys does not outlast them', async () => {
  headers = { 'cache-control': 'max-age=600' }
  const api = create({ maxStale: 3600 })
  await ask(api, k1.token)
  outage()
  // Once more shortly before the keys are too old: the next attempt is a minute away.
  for (now = START + 600; now < START + 4195; now += 5) {
    await ask(api, k1.token)
    await settle()
  }
  recovery()
  now = START + 4200
  expect(await ask(api, k1.token)).toBe('issuer_unreachable')
  now += 1
  expect(await ask(api, k1.token)).toBe('authorized')
})

test('a pause made while there were keys does not outlast them when they are revoked', async () => {
  const api = create()
  await ask(api, k1.token)
  now = START + 590
  outage()
  for (; now < START + 1000; now += 5) {
    await ask(api, k1.token)
    await settle()
  }
  recovery()
  published = [k2]
  api.revokeKey(ISSUER, 'k1')
  expect(await ask(api, k2.token)).toBe('issuer_unreachable')
  now += 1
  expect(await ask(api, k2.token)).toBe('authorized')
})

test('tokens without kid pass soon after their issuer changed the algorithm', async () => {
  const withoutName = ({ jwk: { kid: _kid, ...jwk }, ...others }: IssuerKey): IssuerKey => ({
    ...others,
    jwk,
  })
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const [, payload] = k1.token.split('.')
  const input = `${encode({ alg: 'EdDSA', typ: 'at+jwt' })}.${payload}`
  const token = `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
  headers = { 'cache-control': 'max-age=3600' }
  published = [withoutName(k1)]
  const api = create()
  await api.ready()
  published = [{ kid: '', token, jwk: publicKey.export({ format: 'jwk' }) as Record<string, unknown> }]
  expect(await ask(api, token)).toBe('key_unsuitable')
  await settle()
  expect(await ask(api, token)).toBe('authorized')
})

describe('an operator', () => {
  test('revokeKey() distrusts a key at once and for good', async () => {
    published = [k1, k2]
    const api = create()
    await ask(api, k1.token)
    api.revokeKey(ISSUER, 'k1')
    expect(await ask(api, k1.token)).not.toBe('authorized')
    now = START + 500
    await ask(api, k2.token)
    await settle()
    expect(await ask(api, k1.token)).not.toBe('authorized')
    expect(await ask(api, k2.token)).toBe('authorized')
    // Another key of that name is trusted.
    published = [otherK1, k2]
    now = START + 1000
    await ask(api, k2.token)
    await settle()
    expect(await ask(api, otherK1.token)).toBe('authorized')
  })

  test.each(['fetched', 'part of the answer'] as const)(
    'revokeKey() counts under every name also after a resolver has answered otherwise: keys %s',
    async (place) => {
      let answers = 0
      const api = create({
        issuer: (iss) => {
          answers += 1
          const jwks = { keys: published.map(({ jwk }) => ({ ...jwk, answers })) } as JSONWebKeySet
          return place === 'fetched'
            ? { issuer: iss, jwksOrigins: [`https://keys-${answers}.example`] }
            : { issuer: iss, jwks }
        },
      })
      expect(await ask(api, k1.token)).toBe('authorized')
      api.revokeKey(ISSUER, 'k1')
      published = [{ ...k1, jwk: { ...k1.jwk, kid: 'renamed' } }, otherK1]
      expect(await ask(api, makeToken('renamed', k1.privateKey))).toBe('kid_unknown')
      expect(await ask(api, k1.token)).toBe('signature_invalid')
      expect(await ask(api, otherK1.token)).toBe('authorized')
      expect(answers).toBeGreaterThan(3)
    },
  )

  test('revokeKey() also counts for a key which is not known yet', async () => {
    published = [k1, k2]
    const api = create()
    api.revokeKey(ISSUER, 'k1')
    expect(await ask(api, k1.token)).not.toBe('authorized')
    expect(await ask(api, k2.token)).toBe('authorized')
  })

  test('revokeKey() while a refresh is under way is not undone by it', async () => {
    published = [k1, k2]
    const api = create()
    await ask(api, k1.token)
    let release: (() => void) | undefined
    answers[JWKS_URL] = () =>
      new Promise((resolve) => {
        release = () => resolve(jwksResponse(published))
      })
    now = START + 500
    await ask(api, k1.token)
    api.revokeKey(ISSUER, 'k1')
    release?.()
    recovery()
    await settle()
    expect(await ask(api, k1.token)).not.toBe('authorized')
    expect(await ask(api, k2.token)).toBe('authorized')
  })

  test('revokeKey() counts for the key under every name and in every spelling', async () => {
    const { kid: _kid, alg: _alg, ...material } = k1.jwk
    const second = { ...k1, jwk: { ...material, kid: 'second' } }
    published = [k1, second, k2]
    const api = create()
    await ask(api, k2.token)
    api.revokeKey(ISSUER, 'k1')
    const renamed = makeToken('second', k1.privateKey)
    expect(await ask(api, renamed)).not.toBe('authorized')
    published = [{ ...k1, jwk: { ...material, kid: 'k1' } }, second, k2]
    now = START + 500
    await ask(api, k2.token)
    await settle()
    expect(api.status()[0]?.keys).toBe(1)
    for (const token of [k1.token, renamed]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(api, token)).not.toBe('authorized')
    }
    const configured = create({
      issuer: { issuer: ISSUER, jwks: { keys: [k1.jwk, second.jwk, k2.jwk] } as never },
    })
    configured.revokeKey(ISSUER, 'k1')
    expect(await ask(configured, renamed)).toBe('kid_unknown')
    expect(await ask(configured, k2.token)).toBe('authorized')
  })

  test('revokeKey() twice distrusts no more than once', async () => {
    published = [k1, k2]
    const api = create()
    await ask(api, k1.token)
    api.revokeKey(ISSUER, 'k1')
    api.revokeKey(ISSUER, 'k1')
    published = [otherK1, k2]
    now = START + 500
    await ask(api, k2.token)
    await settle()
    expect(await ask(api, otherK1.token)).toBe('authorized')
  })

  test.each([{}, { etag: '"v1"' }])(
    'revokeKey() of the only key leaves none to judge by: 503, %j',
    async (given) => {
      headers = given
      answers[JWKS_URL] = (request) =>
        request.headers.has('if-none-match')
          ? new Response(null, { status: 304, headers })
          : jwksResponse(published, headers)
      const api = create()
      await ask(api, k1.token)
      api.revokeKey(ISSUER, 'k1')
      for (let attempt = 0; attempt < 3; attempt += 1) {
        // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
        expect(await ask(api, k1.token)).toBe('issuer_metadata_unusable')
        expect(api.status()[0]?.state).toBe('unavailable')
        now += 60
      }
      // oxlint-disable-next-line vitest/require-to-throw-message -- which of both reasons is told elsewhere
      await expect(api.ready()).rejects.toThrow()
      published = [k2]
      now += 60
      expect(await ask(api, k2.token)).toBe('authorized')
    },
  )

  test.each([
    ['the metadata', METADATA_URL],
    ['the keys', JWKS_URL],
  ])('purge() while %s are fetched: what comes then counts for nothing', async (_what, url) => {
    headers = { etag: '"keys"' }
    answers[METADATA_URL] = (request) =>
      request.headers.has('if-none-match')
        ? new Response(null, { status: 304, headers: { etag: '"metadata"' } })
        : Response.json({ issuer: ISSUER, jwks_uri: JWKS_URL }, { headers: { etag: '"metadata"' } })
    const api = create()
    await ask(api, k1.token)
    const answer = answers[url] as (request: Request) => Response
    let release: (() => void) | undefined
    answers[url] = (request) => {
      const late = answer(request)
      return new Promise((resolve) => {
        release = () => resolve(late)
      })
    }
    now += 3000
    await ask(api, k1.token)
    await until(() => release !== undefined)
    published = [k2]
    api.purge()
    release?.()
    await settle()
    answers[url] = answer
    expect(await ask(api, k1.token)).toBe('kid_unknown')
    for (let refresh = 0; refresh < 3; refresh += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(api, k2.token)).toBe('authorized')
      now += 3000
      // oxlint-disable-next-line no-await-in-loop -- as above
      await settle()
    }
  })

  test('purge() in the turn in which a request started a refresh ends no process', async () => {
    const api = create()
    await ask(api, k1.token)
    now += 500
    const asked = ask(api, k1.token)
    api.purge()
    expect(await asked).not.toBe('kid_unknown')
    await settle()
    expect(await ask(api, k1.token)).toBe('authorized')
  })

  test('purge() serves also those who waited for what it ends', async () => {
    let release: (() => void) | undefined
    answers[JWKS_URL] = () =>
      new Promise((resolve) => {
        release = () => resolve(jwksResponse([k1]))
      })
    const api = create()
    const waiting = ask(api, k2.token)
    await until(() => release !== undefined)
    published = [k2]
    recovery()
    api.purge()
    expect(await waiting).toBe('authorized')
  })

  test('purge() several times while somebody waits', async () => {
    const releases: (() => void)[] = []
    answers[JWKS_URL] = () =>
      new Promise((resolve) => {
        releases.push(() => resolve(jwksResponse(published)))
      })
    const api = create()
    const waiting = ask(api, k1.token)
    for (let purge = 1; purge <= 3; purge += 1) {
      // oxlint-disable-next-line no-await-in-loop, no-loop-func -- one after the other
      await until(() => releases.length === purge)
      api.purge()
    }
    await until(() => releases.length === 4)
    for (const release of releases) release()
    expect(await waiting).toBe('authorized')
  })

  test('purge() gives the budget of the look-up back which it ended', async () => {
    const api = create()
    await ask(api, k1.token)
    let release: (() => void) | undefined
    answers[JWKS_URL] = () =>
      new Promise((resolve) => {
        release = () => resolve(jwksResponse(published))
      })
    const unknown = ask(api, inventedToken('x'))
    await until(() => release !== undefined)
    recovery()
    api.purge()
    release?.()
    expect(await unknown).toBe('kid_unknown')
    published = [k1, k2]
    expect(await ask(api, k2.token)).toBe('authorized')
  })

  test('purge() by a listener who hears of the look-up gives its budget back, too', async () => {
    let armed = false
    const api = create({
      onIssuerEvent: ({ type }) => {
        if (!armed || type !== 'fetch_started') return
        armed = false
        api.purge()
      },
    })
    answers[METADATA_URL] = () =>
      Response.json({ issuer: ISSUER, jwks_uri: JWKS_URL }, { headers: { 'cache-control': 'max-age=60' } })
    await ask(api, k1.token)
    // The metadata are due, so that they are asked for at once.
    now += 60
    armed = true
    // The purge leaves no keys, so those that are fetched anew are paid for by nobody; then the name is looked up.
    expect(await ask(api, inventedToken('x'))).toBe('kid_unknown')
    published = [k1, k2]
    expect(await ask(api, k2.token)).toBe('authorized')
  })

  test('purge() by a listener who hears of stale keys is answered like any other', async () => {
    const api = create({
      onIssuerEvent: ({ type }) => {
        if (type === 'served_stale') api.purge()
      },
    })
    await ask(api, k1.token)
    outage()
    for (now = START + 500; now < START + 800; now += 20) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(api, k1.token)).toMatch(/^(?:authorized|key_retired|issuer_unreachable)$/)
      // oxlint-disable-next-line no-await-in-loop -- as above
      await settle()
    }
  })

  test('purge() forgets the keys and all they verified', async () => {
    const api = create()
    await ask(api, k1.token)
    published = [k2]
    api.purge(ISSUER)
    expect(await ask(api, k1.token)).toBe('kid_unknown')
    expect(await ask(api, k2.token)).toBe('authorized')
    expect(count(METADATA_URL)).toBe(2)
  })

  test('close() ends what is under way and starts nothing any more', async () => {
    const api = create()
    await ask(api, k1.token)
    let aborted = false
    answers[JWKS_URL] = (request) =>
      new Promise((_resolve, reject) => {
        request.signal.addEventListener('abort', () => {
          aborted = true
          reject(new Error('aborted'))
        })
      })
    now = START + 500
    await ask(api, k1.token)
    await api.close()
    await settle()
    expect(aborted).toBe(true)
    const before = fetched.length
    now = START + 700
    expect(await ask(api, k1.token)).toBe('authorized')
    now = START + 10_000
    expect(await ask(api, k1.token)).toBe('issuer_unreachable')
    expect(fetched.length).toBe(before)
  })

  test('snapshot() starts another instance without a fetch', async () => {
    published = [k1, k2]
    const first = create()
    await ask(first, k1.token)
    const snapshot = JSON.parse(JSON.stringify(first.snapshot())) as ReturnType<ResourceServer['snapshot']>
    fetched = []
    const second = create({ keys: snapshot })
    expect(await ask(second, k1.token)).toBe('authorized')
    expect(await ask(second, k2.token)).toBe('authorized')
    expect(fetched).toEqual([])
    // The lifetime goes on where it was, and unchanged keys keep what they verified.
    now = START + 490
    await ask(second, k1.token)
    await settle()
    expect(fetched.map(({ url }) => url)).toEqual([METADATA_URL, JWKS_URL])
    expect(await ask(second, k1.token)).toBe('authorized')
    expect(JSON.stringify(snapshot)).not.toContain('"d"')
  })

  test('a snapshot past its staleness, or from the future, is not used', async () => {
    const first = create()
    await ask(first, k1.token)
    const snapshot = first.snapshot()
    outage()
    now = START + 600 + 3600
    expect(await ask(create({ keys: snapshot }), k1.token)).toBe('issuer_unreachable')
    now = START - 1000
    expect(await ask(create({ keys: snapshot }), k1.token)).toBe('issuer_unreachable')
  })
})

describe('a snapshot', () => {
  test('of two of one issuer is the newer one, whichever stands first', async () => {
    const first = create()
    await ask(first, k1.token)
    const older = first.snapshot()
    published = [k2]
    now += 500
    await ask(first, k1.token)
    await settle()
    const newer = first.snapshot()
    for (const keys of [
      [...older, ...newer],
      [...newer, ...older],
    ]) {
      fetched = []
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(create({ keys }), k2.token)).toBe('authorized')
      expect(fetched).toEqual([])
    }
  })

  test('which cannot be used leaves its place to an older one', async () => {
    const first = create()
    await ask(first, k1.token)
    const [good] = first.snapshot() as [ReturnType<ResourceServer['snapshot']>[number]]
    const others = [
      { ...good, fetchedAt: now + 1000, freshUntil: now + 1600 },
      { ...good, fetchedAt: now + 1, jwks_uri: 'http://keys.example/jwks' },
      { ...good, fetchedAt: now + 1, jwks: { keys: [] } },
    ]
    outage()
    for (const other of others) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(create({ keys: [other, good] }), k1.token)).toBe('authorized')
    }
  })

  test('from a place where no keys may stand now is not used', async () => {
    const elsewhere = 'https://keys.example/jwks'
    answers[METADATA_URL] = () => metadataResponse({ jwks_uri: elsewhere })
    answers[elsewhere] = () => jwksResponse([k2])
    const first = create()
    await ask(first, k2.token)
    const keys = first.snapshot()
    recovery()
    for (const issuer of [
      { issuer: ISSUER, jwksOrigins: [ISSUER] },
      { issuer: ISSUER, jwks: new URL(JWKS_URL) },
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(create({ issuer, keys }), k2.token)).toBe('kid_unknown')
    }
  })

  test('is planted once: what a purge forgets it does not bring back', async () => {
    const first = create()
    await ask(first, k1.token)
    published = [k2]
    const api = create({ issuer: (iss) => ({ issuer: iss }), keys: first.snapshot() })
    api.purge(ISSUER)
    expect(await ask(api, k1.token)).toBe('kid_unknown')
    expect(await ask(api, k2.token)).toBe('authorized')
  })
})

describe('a resolver', () => {
  const tenant = (i: number): string => `https://t${i}.example`

  test('which names issuers after close() causes no fetch, and ready() waits for none of its issuers', async () => {
    outage()
    const api = create({ issuer: (iss) => ({ issuer: iss }) })
    expect(await ask(api, k1.token)).toBe('issuer_unreachable')
    await api.ready()
    recovery()
    await api.close()
    fetched = []
    expect(await ask(api, makeKey('k1', tenant(1)).token)).toBe('issuer_unreachable')
    expect(fetched).toEqual([])
  })

  test('gives every issuer a state of its own, bounded', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => makeKey('k1', tenant(i)))
    for (const [i, key] of keys.entries()) {
      answers[`${tenant(i)}/.well-known/oauth-authorization-server`] = () =>
        Response.json({ issuer: tenant(i), jwks_uri: `${tenant(i)}/jwks` })
      answers[`${tenant(i)}/jwks`] = () => jwksResponse([key])
    }
    const api = create({ issuer: (iss) => (iss.startsWith('https://t') ? { issuer: iss } : undefined) })
    for (const key of keys) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(api, key.token)).toBe('authorized')
    }
    expect(api.status()).toHaveLength(20)
    expect(fetched).toHaveLength(40)
    for (const key of keys) {
      // oxlint-disable-next-line no-await-in-loop -- as above
      expect(await ask(api, key.token)).toBe('authorized')
    }
    expect(fetched).toHaveLength(40)
    expect(await ask(api, k1.token)).toBe('issuer_not_trusted')
  })

  test('an issuer it names may have its keys at its own origin alone, and at no private address', async () => {
    const own = 'https://t1.example'
    const key = makeKey('k1', own)
    const metadata = `${own}/.well-known/oauth-authorization-server`
    const api = create({ issuer: (iss) => ({ issuer: iss }) })
    answers[metadata] = () => Response.json({ issuer: own, jwks_uri: 'https://keys.example/jwks' })
    answers['https://keys.example/jwks'] = () => jwksResponse([key])
    expect(await ask(api, key.token)).toBe('issuer_metadata_unusable')
    const listed = create({ issuer: (iss) => ({ issuer: iss, jwksOrigins: ['https://keys.example'] }) })
    expect(await ask(listed, key.token)).toBe('authorized')
    for (const host of [
      '127.0.0.1',
      '[::1]',
      '10.0.0.8',
      '169.254.169.254',
      '[::ffff:192.168.0.1]',
      'localhost',
    ]) {
      const issuer = `https://${host}`
      const theirs = makeKey('k1', issuer)
      fetched = []
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(create({ issuer: (iss) => ({ issuer: iss }) }), theirs.token), host).toMatch(
        /^issuer_/,
      )
      expect(fetched).toEqual([])
    }
  })
})

describe('background work', () => {
  test('in which a clock throws ends no process', async () => {
    const broken = { is: false }
    const api = create({
      [clock]: () => {
        if (broken.is) throw new Error('no time')
        return now
      },
    })
    await ask(api, k1.token)
    now += 500
    answers[JWKS_URL] = () => {
      broken.is = true
      return jwksResponse(published)
    }
    expect(await ask(api, k1.token)).toBe('authorized')
    await settle()
    broken.is = false
    expect(await ask(api, k1.token)).toBe('authorized')
  })

  test('which waitUntil cannot keep ends no process', async () => {
    const api = create({
      [waitUntil]: async (work: Promise<unknown>) => {
        await work
        throw new Error('too late')
      },
    })
    expect(await ask(api, k1.token)).toBe('authorized')
    await settle()
  })

  test('is given to waitUntil', async () => {
    const work: Promise<unknown>[] = []
    const api = create({ [waitUntil]: (promise) => work.push(promise) })
    await ask(api, k1.token)
    expect(work).toHaveLength(1)
    now = START + 500
    await ask(api, k1.token)
    expect(work).toHaveLength(2)
    await Promise.all(work)
    expect(api.status()[0]?.fetchedAt).toBe(now)
  })

  test('is waited for up to 1 s where the platform freezes, then the stale set serves', async () => {
    const frozen = process.env['AWS_LAMBDA_FUNCTION_NAME']
    process.env['AWS_LAMBDA_FUNCTION_NAME'] = 'test'
    try {
      published = [k1]
      const api = create()
      await ask(api, k1.token)
      published = [k2]
      now = START + 700
      // The refresh is waited for, so the withdrawn key is known to be gone.
      expect(await ask(api, k1.token)).toBe('kid_unknown')
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      answers[JWKS_URL] = () => new Promise(() => {})
      now += 700
      const before = count(JWKS_URL)
      const asked = ask(api, k2.token)
      await until(() => count(JWKS_URL) > before)
      await vi.advanceTimersByTimeAsync(1000)
      expect(await asked).toBe('authorized')
    } finally {
      if (frozen === undefined) delete process.env['AWS_LAMBDA_FUNCTION_NAME']
      else process.env['AWS_LAMBDA_FUNCTION_NAME'] = frozen
    }
  })
})

describe('events', () => {
  test('tell every change of state, on a channel too, and never anything of a token', async () => {
    const seen: unknown[] = []
    const listen = (event: unknown): void => {
      seen.push(event)
    }
    channel(ISSUER_CHANNEL).subscribe(listen)
    try {
      const api = create()
      await ask(api, k1.token)
      expect(events.map(({ type }) => type)).toEqual([
        'fetch_started',
        'fetch_succeeded',
        'fetch_started',
        'fetch_succeeded',
        'key_added',
      ])
      outage()
      now = START + 500
      await ask(api, inventedToken('secret-kid'))
      await settle()
      expect(events.slice(5)).toEqual([
        { type: 'fetch_started', issuer: ISSUER, document: 'jwks' },
        { type: 'fetch_failed', issuer: ISSUER, document: 'jwks', reason: 'status_transient' },
        { type: 'retry_scheduled', issuer: ISSUER, at: START + 501, failures: 1 },
      ])
      expect(JSON.stringify(events)).not.toContain('secret-kid')
      // The channel is Node's; a build for the web has none.
      expect(seen).toEqual(events)
    } finally {
      channel(ISSUER_CHANNEL).unsubscribe(listen)
    }
  })

  test('a listener which throws costs no request its verdict', async () => {
    const api = create({
      onIssuerEvent: () => {
        throw new Error('listener')
      },
    })
    expect(await ask(api, k1.token)).toBe('authorized')
  })
})

describe('demand()', () => {
  test('serves a token no longer than its keys: 503 past staleness, gone with a key or its issuer', async () => {
    let trusted = true
    const api = create({ issuer: (iss) => (trusted ? { issuer: iss } : undefined) })
    const auth = await api.verify(k1.token)
    const demanded = (): Promise<string> =>
      api.demand(auth, scope('a')).then(
        () => 'authorized',
        (error: { code: string }) => error.code,
      )
    expect(await demanded()).toBe('missing_scope')
    outage()
    now = START + 600 + 3599
    expect(await demanded()).toBe('missing_scope')
    await settle()
    now = START + 600 + 3600
    expect(await demanded()).toBe('issuer_unreachable')
    recovery()
    now += 60
    expect(await demanded()).toBe('missing_scope')
    trusted = false
    expect(await demanded()).toBe('issuer_not_trusted')
    trusted = true
    api.revokeKey(ISSUER, 'k1')
    expect(await demanded()).toBe('key_retired')
  })
})
