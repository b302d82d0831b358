import { afterEach, describe, expect, test, vi } from 'vitest'

import { Attempt, type Failure, type FetchedText, fetchText } from './fetch.ts'

const url = 'https://as.example/jwks'
const now = (): number => 1_800_000_000

afterEach(() => {
  vi.useRealTimers()
})

/** One exchange with what `respond` answers. */
async function exchange(
  respond: (init: RequestInit) => Response | Promise<Response>,
  etag?: string,
): Promise<FetchedText | Failure> {
  const attempt = new Attempt()
  try {
    const ask: typeof fetch = async (_url, init) => respond(init as RequestInit)
    return await attempt.race(() => fetchText(url, etag, { fetch: ask, clock: now }, attempt.signal))
  } finally {
    attempt.finish()
  }
}

const answer = async (headers: Record<string, string>, body = '{}'): Promise<FetchedText> =>
  (await exchange(() => new Response(body, { headers }))) as FetchedText

describe('fetchText()', () => {
  test('asks once for JSON, follows nothing and can be stopped (MD-10)', async () => {
    const asked: RequestInit[] = []
    await exchange((init) => {
      asked.push(init)
      return Response.json({})
    })
    expect(asked).toMatchObject([
      { method: 'GET', redirect: 'manual', headers: { accept: 'application/json' } },
    ])
    expect(asked[0]?.headers).not.toHaveProperty('if-none-match')
    expect(asked[0]?.signal?.aborted).toBe(false)
  })

  test('gives text, type and validator', async () => {
    expect(await answer({ 'content-type': 'application/json', etag: '"v1"' }, '{"é":1}')).toEqual({
      ok: true,
      text: '{"é":1}',
      contentType: 'application/json',
      etag: '"v1"',
      lifetime: undefined,
    })
  })

  test('has an empty text for an answer without a body, and no type where none is named', async () => {
    expect(await exchange(() => new Response(null))).toMatchObject({ ok: true, text: '', contentType: '' })
  })

  test('keeps no validator of half a kilobyte and more', async () => {
    expect((await answer({ etag: `"${'v'.repeat(600)}"` })).etag).toBeUndefined()
  })

  test('asks whether a document changed, and takes 304 for no', async () => {
    const asked: unknown[] = []
    const fetched = await exchange((init) => {
      asked.push((init.headers as Record<string, string>)['if-none-match'])
      return new Response(null, { status: 304, headers: { 'cache-control': 'max-age=60' } })
    }, '"v1"')
    expect(asked).toEqual(['"v1"'])
    expect(fetched).toMatchObject({ ok: true, text: undefined, lifetime: 60 })
  })

  test.each([
    [204, 'status_refused'],
    [301, 'redirect'],
    [302, 'redirect'],
    [307, 'redirect'],
    [304, 'not_modified_unasked'],
    [400, 'status_refused'],
    [403, 'status_refused'],
    [404, 'status_refused'],
    [408, 'status_transient'],
    [425, 'status_transient'],
    [429, 'status_transient'],
    [500, 'status_transient'],
    [503, 'status_transient'],
  ] as const)('has no document for status %i (MD-07, MD-10)', async (status, failure) => {
    const body = [204, 304].includes(status) ? null : '{}'
    expect(
      await exchange(() => new Response(body, { status, headers: { location: '/other' } })),
    ).toMatchObject({
      ok: false,
      reason: failure,
    })
  })

  test('knows a redirect as browsers show it', async () => {
    const opaque = Object.defineProperty(Response.error(), 'type', { value: 'opaqueredirect' })
    expect(await exchange(() => opaque)).toMatchObject({ reason: 'redirect' })
  })

  test.each([
    ['120', 120],
    [' 120 ', 120],
    [new Date(1_800_000_030_000).toUTCString(), 30],
    [new Date(1_799_000_000_000).toUTCString(), 0],
    ['soon', undefined],
  ])('reads Retry-After: %s', async (value, retryAfter) => {
    const failed = await exchange(
      () => new Response(null, { status: 503, headers: { 'retry-after': value } }),
    )
    expect((failed as Failure).retryAfter).toBe(retryAfter)
  })

  test.each<[Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ 'cache-control': 'public' }, undefined],
    [{ 'cache-control': 'max-age=300' }, 300],
    [{ 'cache-control': 'Public, Max-Age="300"' }, 300],
    [{ 'cache-control': 'max-age=300, max-age=9' }, 300],
    [{ 'cache-control': 'max-age=300', age: '100' }, 200],
    [{ 'cache-control': 'max-age=300', age: '400' }, 0],
    [{ 'cache-control': 'max-age=300', age: 'x' }, 300],
    [{ 'cache-control': 'max-age=300, no-cache' }, 0],
    [{ 'cache-control': 'no-store' }, 0],
    [{ 'cache-control': 'max-age=soon' }, undefined],
    [{ 'cache-control': 'max-age' }, undefined],
    [{ 'cache-control': 'max-age=99999999999' }, undefined],
  ])('reads a lifetime from %j', async (headers, lifetime) => {
    expect((await answer(headers)).lifetime).toBe(lifetime)
  })

  test('stops a body beyond 512 KiB, however it comes (MD-10)', async () => {
    let stopped = false
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536
        controller.enqueue(new Uint8Array(65_536))
      },
      cancel() {
        stopped = true
      },
    })
    expect(await exchange(() => new Response(endless))).toEqual({
      ok: false,
      reason: 'too_large',
      retryAfter: undefined,
    })
    expect(stopped).toBe(true)
    expect(sent).toBeLessThan(1024 * 1024)
    expect(await answer({}, 'x'.repeat(512 * 1024))).toMatchObject({ ok: true })
  })

  test.each([
    ['a connection that fails', () => Promise.reject(new TypeError('fetch failed'))],
    [
      'a fetch that throws',
      () => {
        throw new Error('https://as.example/?secret')
      },
    ],
    ['an answer that is none', () => undefined as unknown as Response],
    [
      'a body that breaks off',
      () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })),
    ],
  ])('takes %s for a failing network, and keeps nothing of its message', async (_what, respond) => {
    expect(await exchange(respond as () => Response)).toEqual({
      ok: false,
      reason: 'network',
      retryAfter: undefined,
    })
  })

  test.each([
    ['in the middle', Uint8Array.of(0x7b, 0xe9, 0x7d)],
    ['at its end', Uint8Array.of(0x7b, 0xc3)],
  ])('has no document in a body which is no UTF-8 %s: no network is at fault', async (_where, body) => {
    expect(await exchange(() => new Response(body))).toEqual({
      ok: false,
      reason: 'not_json',
      retryAfter: undefined,
    })
  })

  test('ends at the deadline, also when a fetch ignores its signal (MD-10)', async () => {
    vi.useFakeTimers()
    let signal: AbortSignal | null | undefined
    const fetched = exchange((init) => {
      signal = init.signal
      return new Promise(() => {})
    })
    await vi.advanceTimersByTimeAsync(4999)
    expect(signal?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await fetched).toEqual({ ok: false, reason: 'timeout', retryAfter: undefined })
    expect(signal?.aborted).toBe(true)
  })

  test('ends at the deadline, also in the middle of a body (MD-10)', async () => {
    vi.useFakeTimers()
    const fetched = exchange(() => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })))
    await vi.advanceTimersByTimeAsync(5000)
    expect(await fetched).toMatchObject({ reason: 'timeout' })
  })

  test('reads no further than the deadline, also of a fetch which ignores its signal', async () => {
    vi.useFakeTimers()
    const cancelled: string[] = []
    const body = (name: string): Response =>
      new Response(
        new ReadableStream({
          pull: () => new Promise(() => {}),
          cancel: () => {
            cancelled.push(name)
          },
        }),
      )
    const dripping = exchange(() => body('dripping'))
    let answer: ((response: Response) => void) | undefined
    const late = exchange(
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    )
    await vi.advanceTimersByTimeAsync(5000)
    answer?.(body('late'))
    expect(await Promise.all([dripping, late])).toMatchObject([{ reason: 'timeout' }, { reason: 'timeout' }])
    await vi.advanceTimersByTimeAsync(0)
    expect(cancelled).toEqual(['dripping', 'late'])
  })
})

describe('Attempt', () => {
  test('starts nothing once it ended', async () => {
    const attempt = new Attempt()
    attempt.abort()
    let started = false
    const ended = await attempt.race(async () => {
      started = true
    })
    expect([ended, started]).toMatchObject([{ reason: 'network' }, false])
  })

  test('ends what is under way when it is aborted', async () => {
    const attempt = new Attempt()
    const racing = attempt.race(() => new Promise(() => {}))
    attempt.abort()
    expect(await racing).toMatchObject({ reason: 'network' })
  })
})
