import type { JWK } from 'jose'

/** What a fault knows of the request which it answers. */
export interface FaultContext {
  readonly document: 'metadata' | 'jwks'
  /** The issuer identifier, and where its keys are. */
  readonly issuer: string
  readonly jwks_uri: string
  /** The keys which the issuer publishes. */
  readonly keys: readonly JWK[]
  /** The public key of another party, of the same algorithm. */
  readonly stranger: JWK
  readonly signal: AbortSignal | undefined
  /** The right answer. */
  readonly healthy: () => Response
}

/** One way in which an issuer misbehaves. */
export interface Fault {
  readonly name: FaultName
  /** What a `fetch` would resolve to, or reject with. */
  readonly answer: (context: FaultContext) => Response | Promise<Response>
  /** Only one of the two documents is at fault; both by default. */
  readonly document?: 'metadata' | 'jwks'
  /** The answer is odd, and still says which keys there are. */
  readonly harmless?: true
  /** Only an injected `fetch` can show it; over HTTP the connection is reset instead. */
  readonly fetchOnly?: true
}

const STATUSES = [400, 401, 403, 404, 410, 418, 429, 500, 501, 502, 503, 504, 520] as const

const NAMES = [
  'connection refused',
  'name not resolved',
  'connection reset',
  'certificate refused',
  'hang before the header',
  'half-open connection',
  'slow drip',
  'body broken off',
  'a fetch that rejects with nothing',
  'a fetch that resolves to nothing',
  '204',
  '206',
  '304 without being asked',
  '429 with Retry-After in seconds',
  '503 with Retry-After as a date',
  '503 with an unreadable Retry-After',
  'redirect on the same origin',
  'redirect to another origin',
  'redirect to a metadata service',
  'HTML with 200',
  'empty 200',
  'empty object',
  'array',
  'null',
  'truncated JSON',
  'two documents',
  'byte order mark',
  'UTF-16',
  'invalid UTF-8',
  'gzip that nobody announced',
  'endless body',
  'one octet over the cap',
  'deeply nested',
  'duplicate members',
  'metadata of another issuer',
  'metadata with a slash more',
  'metadata without jwks_uri',
  'jwks_uri by http',
  'jwks_uri with user information',
  'jwks_uri of a file',
  'jwks_uri as data',
  'metadata as text',
  'no keys',
  'keys is an object',
  'thousands of keys',
  'symmetric keys alone',
  'private keys alone',
  'encryption keys alone',
  'points off their curve alone',
  'keys as text/plain',
  'a wrong content length',
  'unusable keys among good ones',
  'every key twice',
  'a second key of the same kid',
  'absurd caching headers',
] as const

/** The name of a {@link Fault}. */
export type FaultName = (typeof NAMES)[number] | `status ${(typeof STATUSES)[number]}`

type Answer = Fault['answer']

const json = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Response =>
  new Response(body, { headers: { 'content-type': 'application/json', ...headers } })

const aborted = (): DOMException => new DOMException('aborted', 'AbortError')

const hang: Answer = ({ signal }) =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(aborted())
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

const initOf = ({ status: code, headers }: Response): ResponseInit => ({ status: code, headers })

/** A body whose octets come one at a time, and never end. */
const drip: Answer = ({ healthy, signal }) => {
  const space = new TextEncoder().encode(' ')
  let timer: ReturnType<typeof setInterval> | undefined
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{'))
      timer = setInterval(() => {
        controller.enqueue(space)
      }, 500)
      signal?.addEventListener('abort', () => {
        clearInterval(timer)
        controller.error(aborted())
      })
    },
    cancel() {
      clearInterval(timer)
    },
  })
  return new Response(body, initOf(healthy()))
}

/** The header arrives, the rest never does. */
const halfOpen: Answer = ({ healthy }) => new Response(new ReadableStream({}), initOf(healthy()))

/** What is read of a compressed body while it inflates: far more than a document may have. */
const endless: Answer = ({ healthy }) => {
  const block = new Uint8Array(64 * 1024).fill(0x20)
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(block)
      },
    }),
    initOf(healthy()),
  )
}

const broken: Answer = async ({ healthy }) => {
  const start = new TextEncoder().encode((await healthy().text()).slice(0, 20))
  let sent = false
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) controller.error(new TypeError('terminated'))
      else controller.enqueue(start)
      sent = true
    },
  })
  return new Response(body, { headers: { 'content-type': 'application/json' } })
}

const rewritten =
  (change: (text: string) => string): Answer =>
  async ({ healthy }) =>
    json(change(await healthy().text()))

const metadata =
  (members: Readonly<Record<string, unknown>>): Answer =>
  ({ issuer, jwks_uri }) =>
    json(JSON.stringify({ issuer, jwks_uri, ...members }))

const rekeyed =
  (change: (keys: readonly JWK[], stranger: JWK) => readonly unknown[]): Answer =>
  ({ keys, stranger }) =>
    json(JSON.stringify({ keys: change(keys, stranger) }))

const utf16 = (text: string): Uint8Array<ArrayBuffer> => {
  const octets = new DataView(new ArrayBuffer(text.length * 2))
  for (let at = 0; at < text.length; at += 1) octets.setUint16(at * 2, text.charCodeAt(at), true)
  return new Uint8Array(octets.buffer)
}

/** `{"keys":[]}`, compressed. */
const GZIP = 'H4sIAAAAAAACA6tWyk6tLFayio6tBQDvZ4gqCwAAAA=='

const SYMMETRIC = {
  kty: 'oct',
  k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA',
  kid: 'oct',
  alg: 'HS256',
}

/** A key with its private part: whoever publishes it has no secret any more. */
const leaked = (jwk: JWK): JWK => ({ ...jwk, kid: 'leaked', d: 'AQ' })

/** A key whose numbers are none of its kind: a point off its curve, or a modulus of a few bits. */
const unusable = (jwk: JWK): JWK =>
  jwk.kty === 'EC' ? { ...jwk, y: jwk.x as string } : { ...jwk, x: 'AQAB', n: 'AQAB', pub: 'AQAB' }

type Row = Answer | Omit<Fault, 'name'>

const ofStatuses = Object.fromEntries(STATUSES.map((code) => [`status ${code}`, status(code)])) as Record<
  `status ${(typeof STATUSES)[number]}`,
  Row
>

const onMetadata = (answer: Answer): Row => ({ answer, document: 'metadata' })
const onKeys = (answer: Answer): Row => ({ answer, document: 'jwks' })
const harmless = (answer: Answer): Row => ({ answer, document: 'jwks', harmless: true })
const fetchOnly = (answer: Answer): Row => ({ answer, fetchOnly: true })

const TABLE: Record<FaultName, Row> = {
  'connection refused': failing('ECONNREFUSED'),
  'name not resolved': fetchOnly(failing('ENOTFOUND')),
  'connection reset': failing('ECONNRESET'),
  'certificate refused': fetchOnly(failing('CERT_HAS_EXPIRED')),
  'hang before the header': hang,
  'half-open connection': halfOpen,
  'slow drip': drip,
  'body broken off': broken,
  'a fetch that rejects with nothing': fetchOnly(() => Promise.reject()),
  'a fetch that resolves to nothing': fetchOnly(() => undefined as unknown as Response),
  ...ofStatuses,
  '204': status(204),
  '206': ({ healthy }) => new Response(healthy().body, { status: 206 }),
  '304 without being asked': status(304),
  '429 with Retry-After in seconds': status(429, { 'retry-after': '3600' }),
  '503 with Retry-After as a date': status(503, { 'retry-after': 'Fri, 15 Jan 2077 08:00:00 GMT' }),
  '503 with an unreadable Retry-After': status(503, { 'retry-after': '-1 soon' }),
  'redirect on the same origin': status(302, { location: '/elsewhere' }),
  'redirect to another origin': status(302, { location: 'https://evil.example/jwks' }),
  'redirect to a metadata service': status(307, { location: 'http://169.254.169.254/' }),
  'HTML with 200': () =>
    new Response('<html><body>Sign in</body></html>', { headers: { 'content-type': 'text/html' } }),
  'empty 200': () => json(''),
  'empty object': () => json('{}'),
  array: () => json('[]'),
  null: () => json('null'),
  'truncated JSON': rewritten((text) => text.slice(0, -10)),
  'two documents': rewritten((text) => text + text),
  'byte order mark': rewritten((text) => `\uFEFF${text}`),
  'UTF-16': async ({ healthy }) => json(utf16(await healthy().text())),
  'invalid UTF-8': () => json(Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22)),
  'gzip that nobody announced': () => json(Uint8Array.from(atob(GZIP), (c) => c.charCodeAt(0))),
  'endless body': endless,
  'one octet over the cap': rewritten((text) => text + ' '.repeat(512 * 1024 + 1 - text.length)),
  'deeply nested': () => json(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`),
  'duplicate members': rewritten((text) => text.replace('{', '{"keys":[],"issuer":"x",')),
  'metadata of another issuer': onMetadata(metadata({ issuer: 'https://evil.example' })),
  'metadata with a slash more': onMetadata((context) => metadata({ issuer: `${context.issuer}/` })(context)),
  'metadata without jwks_uri': onMetadata(metadata({ jwks_uri: undefined })),
  'jwks_uri by http': onMetadata(metadata({ jwks_uri: 'http://issuer.example/jwks' })),
  'jwks_uri with user information': onMetadata((context) =>
    metadata({ jwks_uri: context.jwks_uri.replace('://', '://a:b@') })(context),
  ),
  'jwks_uri of a file': onMetadata(metadata({ jwks_uri: 'file:///etc/passwd' })),
  'jwks_uri as data': onMetadata(metadata({ jwks_uri: 'data:application/json,{"keys":[]}' })),
  'metadata as text': onMetadata(
    async ({ healthy }) =>
      new Response(await healthy().text(), { headers: { 'content-type': 'text/plain' } }),
  ),
  'no keys': onKeys(rekeyed(() => [])),
  'keys is an object': onKeys(() => json('{"keys":{}}')),
  'thousands of keys': onKeys(
    rekeyed((keys, stranger) => [
      ...keys,
      ...Array.from({ length: 2000 }, (_, i) => ({ ...stranger, kid: `other-${i}` })),
    ]),
  ),
  'symmetric keys alone': onKeys(rekeyed(() => [SYMMETRIC])),
  'private keys alone': onKeys(rekeyed((keys) => keys.map(leaked))),
  'encryption keys alone': onKeys(rekeyed((keys) => keys.map((jwk) => ({ ...jwk, use: 'enc' })))),
  'points off their curve alone': onKeys(rekeyed((keys) => keys.map(unusable))),
  'keys as text/plain': harmless(
    async ({ healthy }) =>
      new Response(await healthy().text(), { headers: { 'content-type': 'text/plain' } }),
  ),
  'a wrong content length': {
    document: 'jwks',
    harmless: true,
    fetchOnly: true,
    answer: async ({ healthy }) => json(await healthy().text(), { 'content-length': '3' }),
  },
  'unusable keys among good ones': harmless(
    rekeyed((keys, stranger) => [SYMMETRIC, leaked(stranger), null, 7, { kty: 'X' }, ...keys]),
  ),
  'every key twice': harmless(rekeyed((keys) => [...keys, ...keys])),
  'a second key of the same kid': harmless(
    rekeyed((keys, stranger) => [...keys.map(({ kid }) => ({ ...stranger, kid })), ...keys]),
  ),
  'absurd caching headers': harmless(async ({ healthy }) =>
    json(await healthy().text(), {
      'cache-control': 'max-age=99999999999999999999, max-age=-1',
      age: 'old',
      etag: 'x'.repeat(5000),
    }),
  ),
}

/** Every way in which an issuer is made to fail here, by name; for {@link TestIssuer.outage} and for tables of tests. */
export const FAULTS: readonly Fault[] = Object.entries(TABLE).map(([name, row]) => ({
  name: name as FaultName,
  ...(typeof row === 'function' ? { answer: row } : row),
}))

/** The fault of this name. */
export function faultOf(name: FaultName): Fault {
  const fault = FAULTS.find((each) => each.name === name)
  if (fault === undefined) throw new TypeError(`Cannot start the outage: no fault is named so`)
  return fault
}
