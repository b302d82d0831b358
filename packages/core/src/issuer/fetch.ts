import { after } from '../internal/timer.ts'

/** Seconds for one attempt to have an issuer's keys: look-ups, connections, headers and bodies of all its documents. */
export const FETCH_DEADLINE = 5
/** Octets of a decoded body; a compressed one is stopped while it inflates. */
const MAX_BODY = 512 * 1024

/** Why a document could not be had. `decides` says whether another place may be tried for it. */
export type FetchFailure =
  | 'network' // no connection, reset, DNS, or a body that broke off
  | 'timeout'
  | 'status_transient' // 408, 425, 429 and 5xx: the issuer says it cannot at the moment
  | 'status_refused' // any other status: there is no document here
  | 'redirect'
  | 'too_large'
  | 'content_type'
  | 'not_json'
  | 'not_modified_unasked'

export interface FetchedText {
  readonly ok: true
  /** `undefined` for 304. */
  readonly text: string | undefined
  readonly contentType: string
  readonly etag: string | undefined
  /** Seconds for which the answer is fresh, by `Cache-Control` and `Age`; `undefined` when it does not say. */
  readonly lifetime: number | undefined
}
export interface FetchFailed {
  readonly ok: false
  readonly failure: FetchFailure
  /** Seconds of `Retry-After`. */
  readonly retryAfter?: number | undefined
}

const failed = (failure: FetchFailure, wait?: number): FetchFailed => ({
  ok: false,
  failure,
  retryAfter: wait,
})

/**
 * One GET of a document of an issuer, under all limits: a cap on the decoded body, no redirects (a redirect would let
 * whoever answers choose our next request), and the deadline of `attempt`. Never rejects.
 *
 * @param now seconds since the epoch, for a `Retry-After` that is a date
 */
export async function fetchText(
  url: string,
  doFetch: typeof fetch,
  etag: string | undefined,
  now: () => number,
  attempt: Attempt,
): Promise<FetchedText | FetchFailed> {
  const abort = new AbortController()
  const fetched = await attempt.race(
    () => exchange(url, doFetch, etag, now, abort),
    () => {
      abort.abort()
    },
  )
  return typeof fetched === 'string' ? failed(fetched) : fetched
}

/** Why an {@link Attempt} ended before its work did. */
type Ended = 'timeout' | 'network'

/** The time which all exchanges of one attempt share; it ends by the deadline, or when it is stopped. */
export class Attempt {
  #ended: Ended | undefined
  readonly #listeners = new Set<(ended: Ended) => void>()
  readonly #cancel: () => void

  /** @param deadline seconds */
  constructor(deadline: number = FETCH_DEADLINE) {
    this.#cancel = after(deadline, () => {
      this.#end('timeout')
    })
  }

  /** The result of `work`, or why it was not waited for: it holds also when a custom fetch ignores its signal. */
  async race<T>(work: () => Promise<T>, abort: () => void = () => {}): Promise<T | Ended> {
    if (this.#ended !== undefined) return this.#ended
    let listener: ((ended: Ended) => void) | undefined
    const end = new Promise<Ended>((resolve) => {
      listener = (ended) => {
        resolve(ended)
        abort()
      }
      this.#listeners.add(listener)
    })
    try {
      return await Promise.race([work(), end])
    } finally {
      this.#listeners.delete(listener as (ended: Ended) => void)
    }
  }

  /** Ends what is under way. */
  stop(): void {
    this.#cancel()
    this.#end('network')
  }

  /** Takes the deadline back. */
  finish(): void {
    this.#cancel()
  }

  #end(ended: Ended): void {
    this.#ended ??= ended
    for (const listener of this.#listeners) listener(ended)
  }
}

async function exchange(
  url: string,
  doFetch: typeof fetch,
  etag: string | undefined,
  now: () => number,
  abort: AbortController,
): Promise<FetchedText | FetchFailed> {
  try {
    const response = await doFetch(url, {
      method: 'GET',
      headers: { accept: 'application/json', ...(etag === undefined ? {} : { 'if-none-match': etag }) },
      // 'error' does not exist on workerd; what comes back under 'manual' is refused below.
      redirect: 'manual',
      signal: abort.signal,
    })
    // A custom fetch may ignore its signal, and answer when nobody waits any more.
    if (abort.signal.aborted) {
      discard(response)
      return failed('network')
    }
    const refused = judgeStatus(response, etag, now)
    if (refused !== undefined) {
      discard(response)
      return refused
    }
    const { headers } = response
    const validator = headers.get('etag')
    const fetched = {
      ok: true as const,
      contentType: headers.get('content-type') ?? '',
      etag: validator !== null && validator.length <= 512 ? validator : undefined,
      lifetime: freshness(headers),
    }
    if (response.status === 304) {
      discard(response)
      return { ...fetched, text: undefined }
    }
    const text = await readBody(response, abort)
    return typeof text === 'string' ? { ...fetched, text } : text
  } catch {
    // What broke is the network's or a custom fetch's affair; its message may quote the address, so it is not kept.
    return failed('network')
  }
}

function judgeStatus(
  response: Response,
  etag: string | undefined,
  now: () => number,
): FetchFailed | undefined {
  const { status } = response
  if (status === 200) return undefined
  if (status === 304) return etag === undefined ? failed('not_modified_unasked') : undefined
  // Browsers show a redirect under 'manual' as an opaque answer with status 0.
  if (response.type === 'opaqueredirect' || (status >= 300 && status < 400)) return failed('redirect')
  if (status >= 500 || status === 429 || status === 408 || status === 425) {
    return failed('status_transient', retryAfter(response.headers, now))
  }
  return failed('status_refused')
}

/** An unread body holds its connection. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => {})
}

async function readBody(response: Response, abort: AbortController): Promise<string | FetchFailed> {
  if (response.body === null) return ''
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  // Likewise for a body which goes on and on.
  abort.signal.addEventListener('abort', () => {
    reader.cancel().catch(() => {})
  })
  const stop = (failure: FetchFailure): FetchFailed => {
    abort.abort()
    return failed(failure)
  }
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let size = 0
  let text = ''
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
    const { done, value } = await reader.read()
    size += value?.byteLength ?? 0
    if (size > MAX_BODY) return stop('too_large')
    try {
      text += done ? utf8.decode() : utf8.decode(value, { stream: true })
    } catch {
      // JSON is UTF-8 (RFC 8259 §8.1): an old page in Latin-1 is as little a document as one in HTML.
      return stop('not_json')
    }
    if (done) return text
  }
}

/**
 * Freshness lifetime by RFC 9111 §4.2.1, what is left of it after `Age`. `no-cache` and `no-store` ask for a look
 * each time; they count as 0, which the clamps of the caller raise.
 */
function freshness(headers: Headers): number | undefined {
  const directives = headers.get('cache-control')
  if (directives === null) return undefined
  let maxAge: number | undefined
  for (const directive of directives.toLowerCase().split(',')) {
    const [name, value] = directive.trim().split('=', 2) as [string, string?]
    if (name === 'no-store' || name === 'no-cache') return 0
    if (name === 'max-age' && maxAge === undefined) maxAge = seconds(value?.replaceAll('"', ''))
  }
  if (maxAge === undefined) return undefined
  return Math.max(0, maxAge - (seconds(headers.get('age')) ?? 0))
}

function retryAfter(headers: Headers, now: () => number): number | undefined {
  const value = headers.get('retry-after')
  if (value === null) return undefined
  const delay = seconds(value)
  if (delay !== undefined) return delay
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date / 1000 - now())
}

/** `delta-seconds` of RFC 9111 §1.2.2. */
function seconds(value: string | null | undefined): number | undefined {
  return value !== null && value !== undefined && /^[0-9]{1,10}$/.test(value.trim())
    ? Number(value)
    : undefined
}
