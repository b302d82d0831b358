import { dismiss } from '../internal/promise.ts'
import { after } from '../internal/timer.ts'
import type { KeyContext } from './documents.ts'
import type { KeyFailure } from './events.ts'

/** Seconds for one attempt to have an issuer's keys: look-ups, connections, headers and bodies of all its documents. */
export const FETCH_DEADLINE = 5
/** What a document may cost to read: more than a token, since who is trusted wrote it, and it is read seldom. */
export const MAX_DOCUMENT_COST = 40_000
/** Octets of a decoded body; a compressed one is stopped while it inflates. */
const MAX_BODY = 512 * 1024

/** Why a document could not be had. */
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

/** Why an attempt failed. */
export interface Failure {
  readonly ok: false
  readonly reason: KeyFailure
  /** Seconds of `Retry-After`. */
  readonly retryAfter: number | undefined
}

export function failed(reason: KeyFailure, retryAfter?: number): Failure {
  return { ok: false, reason, retryAfter }
}

/** The time which all exchanges of one attempt share; it ends by the deadline, or when it is aborted. */
export class Attempt extends AbortController {
  #reason: 'network' | 'timeout' = 'network'
  /** Takes the deadline back. */
  readonly finish: () => void

  /** @param deadline seconds */
  constructor(deadline: number = FETCH_DEADLINE) {
    super()
    this.finish = after(deadline, () => {
      this.#reason = 'timeout'
      this.abort()
    })
  }

  /** The result of `work`, or why it was not waited for: it holds also when a custom fetch ignores its signal. */
  race<T>(work: () => Promise<T>): Promise<T | Failure> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        resolve(failed(this.#reason))
      }
      this.signal.addEventListener('abort', end)
      if (this.signal.aborted) end()
      else work().then(resolve, reject)
    })
  }
}

/**
 * One GET of a document of an issuer, within limits: a cap on the decoded body, and no redirects (a redirect would let
 * whoever answers choose our next request). Never rejects.
 */
export async function fetchText(
  url: string,
  etag: string | undefined,
  { fetch: doFetch, clock }: Pick<KeyContext, 'fetch' | 'clock'>,
  signal: AbortSignal,
): Promise<FetchedText | Failure> {
  try {
    const response = await doFetch(url, {
      method: 'GET',
      headers: { accept: 'application/json', ...(etag === undefined ? {} : { 'if-none-match': etag }) },
      // 'error' does not exist on workerd; what comes back under 'manual' is refused below.
      redirect: 'manual',
      signal,
    })
    const { status, headers, body } = response
    // A custom fetch may ignore its signal, and answer when nobody waits any more.
    const refused = signal.aborted ? failed('network') : judgeStatus(response, etag, clock)
    if (refused !== undefined) {
      // An unread body holds its connection.
      dismiss(body?.cancel())
      return refused
    }
    const text = await readBody(body, signal)
    if (typeof text === 'object') return text
    const validator = headers.get('etag')
    return {
      ok: true,
      text: status === 304 ? undefined : text,
      contentType: headers.get('content-type') ?? '',
      etag: validator !== null && validator.length <= 512 ? validator : undefined,
      lifetime: freshness(headers),
    }
  } catch {
    // What broke is the network's or a custom fetch's affair; its message may quote the address, so it is not kept.
    return failed('network')
  }
}

function judgeStatus(
  { status, type, headers }: Response,
  etag: string | undefined,
  clock: () => number,
): Failure | undefined {
  if (status === 200) return undefined
  if (status === 304) return etag === undefined ? failed('not_modified_unasked') : undefined
  // Browsers show a redirect under 'manual' as an opaque answer with status 0.
  if (type === 'opaqueredirect' || (status >= 300 && status < 400)) return failed('redirect')
  if (status >= 500 || [408, 425, 429].includes(status)) {
    return failed('status_transient', pauseAsked(headers, clock))
  }
  return failed('status_refused')
}

async function readBody(body: Response['body'], signal: AbortSignal): Promise<string | Failure> {
  if (body === null) return ''
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
  const cancel = (): void => {
    dismiss(reader.cancel())
  }
  // A custom fetch may ignore its signal, and a body go on and on.
  signal.addEventListener('abort', cancel)
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let size = 0
  let text = ''
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
    const { done, value } = await reader.read()
    size += value?.byteLength ?? 0
    if (size > MAX_BODY) {
      cancel()
      return failed('too_large')
    }
    try {
      text += utf8.decode(value, { stream: !done })
    } catch {
      // JSON is UTF-8 (RFC 8259 §8.1): an old page in Latin-1 is as little a document as one in HTML.
      cancel()
      return failed('not_json')
    }
    if (done) return text
  }
}

/**
 * Freshness lifetime by RFC 9111 §4.2.1, what is left of it after `Age`. `no-cache` and `no-store` ask for a look
 * each time; they count as 0, which the clamps of the caller raise.
 */
function freshness(headers: Headers): number | undefined {
  const directives = headers.get('cache-control')?.toLowerCase().split(',') ?? []
  // Of several of one name the first counts.
  const values = new Map(directives.toReversed().map((each) => each.trim().split('=') as [string, string]))
  if (values.has('no-store') || values.has('no-cache')) return 0
  const maxAge = seconds(values.get('max-age')?.replaceAll('"', ''))
  return maxAge === undefined ? undefined : Math.max(0, maxAge - (seconds(headers.get('age')) ?? 0))
}

function pauseAsked(headers: Headers, clock: () => number): number | undefined {
  const value = headers.get('retry-after') ?? ''
  const wait = seconds(value) ?? Date.parse(value) / 1000 - clock()
  return Number.isNaN(wait) ? undefined : Math.max(0, wait)
}

/** `delta-seconds` of RFC 9111 §1.2.2. */
function seconds(value: string | null | undefined): number | undefined {
  return /^\s*\d{1,10}\s*$/.test(value ?? '') ? Number(value) : undefined
}
