import { gzipSync } from 'node:zlib'

import {
  forger,
  type IssuerKey,
  ISSUER,
  JWKS_URL,
  jwksResponse,
  makeKey,
  metadataResponse,
} from './virtual-issuer.ts'

/** How the issuer answers while a fault lasts; `healthy` is what it would answer. */
type Answer = (context: {
  readonly url: string
  readonly signal: AbortSignal | undefined
  readonly keys: readonly IssuerKey[]
  readonly healthy: () => Response
  readonly headers: Headers
}) => Response | Promise<Response>

/** One way in which an issuer misbehaves. */
export interface Fault {
  readonly name: string
  readonly answer: Answer
  /** Only one of the two documents is at fault; both by default. */
  readonly document?: 'metadata' | 'jwks'
  /** The answer can still be used, so valid requests pass also when nothing was known before. */
  readonly harmless?: true
}

const json = (body: string, init: ResponseInit = {}): Response =>
  new Response(body, { ...init, headers: { 'content-type': 'application/json', ...init.headers } })

const hang: Answer = ({ signal }) =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(new DOMException('aborted', 'AbortError'))
    })
  })

const failing =
  (code: string): Answer =>
  () => {
    throw Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(code), { code }) })
  }

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  () =>
    new Response([204, 205, 304].includes(code) ? null : 'not now', { status: code, headers })

/** A body whose octets come one at a time, and never end. */
const drip: Answer = ({ healthy, signal }) => {
  const start = new TextEncoder().encode('{')
  const space = new TextEncoder().encode(' ')
  let timer: ReturnType<typeof setInterval> | undefined
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(start)
      timer = setInterval(() => controller.enqueue(space), 500)
      signal?.addEventListener('abort', () => {
        clearInterval(timer)
        controller.error(new DOMException('aborted', 'AbortError'))
      })
    },
    cancel() {
      clearInterval(timer)
    },
  })
  return new Response(body, healthy())
}

/** The header arrives, the rest never does. */
const halfOpen: Answer = ({ healthy }) => new Response(new ReadableStream({}), healthy())

/** What is read of a compressed body while it inflates: far more than a document may have. */
const endless: Answer = ({ healthy }) => {
  const block = new Uint8Array(64 * 1024).fill(0x20)
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(block)
      },
    }),
    healthy(),
  )
}

const broken: Answer = async ({ healthy }) => {
  const text = await healthy().text()
  let sent = false
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) controller.error(new TypeError('terminated'))
      else controller.enqueue(new TextEncoder().encode(text.slice(0, 20)))
      sent = true
    },
  })
  return json(body as unknown as string)
}

const rewritten =
  (change: (text: string) => string): Answer =>
  async ({ healthy }) =>
    json(change(await healthy().text()))

const rekeyed =
  (change: (keys: readonly IssuerKey[]) => readonly unknown[]): Answer =>
  ({ keys }) =>
    Response.json({ keys: change(keys) })

const others: readonly IssuerKey[] = Array.from({ length: 120 }, (_, i) => makeKey(`other-${i}`))
const symmetric = {
  kty: 'oct',
  k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA',
  kid: 'oct',
  alg: 'HS256',
}
const withPrivate = { ...forger.export({ format: 'jwk' }), kid: 'leaked', alg: 'ES256' }

/** Every fault that is tried, cold, warm, stale and past the end of staleness. */
export const FAULTS: readonly Fault[] = [
  { name: 'connection refused', answer: failing('ECONNREFUSED') },
  { name: 'name not resolved', answer: failing('ENOTFOUND') },
  { name: 'connection reset', answer: failing('ECONNRESET') },
  { name: 'certificate refused', answer: failing('CERT_HAS_EXPIRED') },
  { name: 'hang before the header', answer: hang },
  { name: 'half-open connection', answer: halfOpen },
  { name: 'slow drip', answer: drip },
  { name: 'body broken off', answer: broken },
  { name: 'a fetch that rejects with nothing', answer: () => Promise.reject() },
  { name: 'a fetch that resolves to nothing', answer: () => undefined as unknown as Response },
  ...[400, 401, 403, 404, 410, 418, 429, 500, 501, 502, 503, 504, 520].map((code) => ({
    name: `status ${code}`,
    answer: status(code),
  })),
  { name: '204', answer: status(204) },
  { name: '206', answer: ({ healthy }) => new Response(healthy().body, { status: 206 }) },
  { name: '304 without being asked', answer: status(304) },
  { name: '429 with Retry-After in seconds', answer: status(429, { 'retry-after': '3600' }) },
  {
    name: '503 with Retry-After as a date',
    answer: status(503, { 'retry-after': 'Fri, 15 Jan 2077 08:00:00 GMT' }),
  },
  { name: '503 with an unreadable Retry-After', answer: status(503, { 'retry-after': '-1 soon' }) },
  { name: 'redirect on the same origin', answer: status(302, { location: '/elsewhere' }) },
  { name: 'redirect to another origin', answer: status(302, { location: 'https://evil.example/jwks' }) },
  { name: 'redirect to a metadata service', answer: status(307, { location: 'http://169.254.169.254/' }) },
  {
    name: 'HTML with 200',
    answer: () =>
      new Response('<html><body>Sign in</body></html>', { headers: { 'content-type': 'text/html' } }),
  },
  { name: 'empty 200', answer: () => json('') },
  { name: 'empty object', answer: () => json('{}') },
  { name: 'array', answer: () => json('[]') },
  { name: 'null', answer: () => json('null') },
  { name: 'truncated JSON', answer: rewritten((text) => text.slice(0, -10)) },
  { name: 'two documents', answer: rewritten((text) => text + text) },
  { name: 'byte order mark', answer: rewritten((text) => `\uFEFF${text}`) },
  {
    name: 'UTF-16',
    answer: async ({ healthy }) => json(Buffer.from(await healthy().text(), 'utf16le') as never),
  },
  { name: 'invalid UTF-8', answer: () => json(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22]) as never) },
  {
    name: 'gzip that nobody announced',
    answer: async ({ healthy }) => json(gzipSync(await healthy().text()) as never),
  },
  { name: 'endless body', answer: endless },
  {
    name: 'one octet over the cap',
    answer: rewritten((text) => text + ' '.repeat(512 * 1024 + 1 - text.length)),
  },
  { name: 'deeply nested', answer: () => json(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`) },
  { name: 'duplicate members', answer: rewritten((text) => text.replace('{', '{"keys":[],"issuer":"x",')) },
  // Metadata alone.
  {
    name: 'metadata of another issuer',
    document: 'metadata',
    answer: () => metadataResponse({ issuer: 'https://evil.example' }),
  },
  {
    name: 'metadata with a slash more',
    document: 'metadata',
    answer: () => metadataResponse({ issuer: `${ISSUER}/` }),
  },
  {
    name: 'metadata without jwks_uri',
    document: 'metadata',
    answer: () => metadataResponse({ jwks_uri: undefined }),
  },
  {
    name: 'jwks_uri by http',
    document: 'metadata',
    answer: () => metadataResponse({ jwks_uri: 'http://issuer.example/jwks' }),
  },
  {
    name: 'jwks_uri with user information',
    document: 'metadata',
    answer: () => metadataResponse({ jwks_uri: 'https://a:b@issuer.example/jwks' }),
  },
  {
    name: 'jwks_uri of a file',
    document: 'metadata',
    answer: () => metadataResponse({ jwks_uri: 'file:///etc/passwd' }),
  },
  {
    name: 'jwks_uri as data',
    document: 'metadata',
    answer: () => metadataResponse({ jwks_uri: 'data:application/json,{"keys":[]}' }),
  },
  {
    name: 'metadata as text',
    document: 'metadata',
    answer: () =>
      new Response(JSON.stringify({ issuer: ISSUER, jwks_uri: JWKS_URL }), {
        headers: { 'content-type': 'text/plain' },
      }),
  },
  // Keys alone.
  { name: 'no keys', document: 'jwks', answer: rekeyed(() => []) },
  { name: 'keys is an object', document: 'jwks', answer: () => json('{"keys":{}}') },
  {
    name: 'thousands of keys',
    document: 'jwks',
    answer: rekeyed((keys) => [...keys.map(({ jwk }) => jwk), ...others.map(({ jwk }) => jwk)]),
  },
  { name: 'symmetric keys alone', document: 'jwks', answer: rekeyed(() => [symmetric]) },
  { name: 'private keys alone', document: 'jwks', answer: rekeyed(() => [withPrivate]) },
  {
    name: 'encryption keys alone',
    document: 'jwks',
    answer: rekeyed((keys) => keys.map(({ jwk }) => ({ ...jwk, use: 'enc' }))),
  },
  {
    name: 'points off their curve alone',
    document: 'jwks',
    answer: rekeyed((keys) => keys.map(({ jwk }) => ({ ...jwk, y: jwk['x'] }))),
  },
  // The answer is odd, and still says which keys there are.
  {
    name: 'keys as text/plain',
    document: 'jwks',
    harmless: true,
    answer: async ({ healthy }) =>
      new Response(await healthy().text(), { headers: { 'content-type': 'text/plain' } }),
  },
  {
    name: 'a wrong content length',
    document: 'jwks',
    harmless: true,
    answer: ({ healthy }) =>
      new Response(healthy().body, {
        headers: { 'content-type': 'application/json', 'content-length': '3' },
      }),
  },
  {
    name: 'unusable keys among good ones',
    document: 'jwks',
    harmless: true,
    answer: rekeyed((keys) => [symmetric, withPrivate, null, 7, { kty: 'X' }, ...keys.map(({ jwk }) => jwk)]),
  },
  {
    name: 'every key twice',
    document: 'jwks',
    harmless: true,
    answer: rekeyed((keys) => [...keys, ...keys].map(({ jwk }) => jwk)),
  },
  {
    name: 'a second key of the same kid',
    document: 'jwks',
    harmless: true,
    answer: rekeyed((keys) => [
      ...keys.map(({ kid }) => ({ ...makeKey(kid).jwk })),
      ...keys.map(({ jwk }) => jwk),
    ]),
  },
  {
    name: 'absurd caching headers',
    document: 'jwks',
    harmless: true,
    answer: ({ keys }) =>
      jwksResponse(keys, {
        'cache-control': 'max-age=99999999999999999999, max-age=-1',
        age: 'old',
        etag: 'x'.repeat(5000),
      }),
  },
]
