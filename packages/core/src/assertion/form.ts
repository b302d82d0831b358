import { Denial } from './errors.ts'

/** More parameters than any grant type has. */
const MAX_PARAMETERS = 100
/** RFC 8707 §2 and RFC 8693 §2.1 let these occur several times; every other parameter occurs once (RFC 6749 §3.2). */
const REPEATABLE: ReadonlySet<string> = new Set(['resource', 'audience'])
/** Parameters which are judged here, and may be named in an answer. */
const JUDGED = [
  'grant_type',
  'assertion',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
] as const
/** What authenticates the client: nobody behind the endpoint needs it, and no log should get it. */
const SECRET: ReadonlySet<string> = new Set(['client_secret', 'client_assertion', 'client_assertion_type'])

/** The parameters of a token request; those without a value count as omitted (RFC 6749 §3.2). */
export class Form {
  readonly #pairs: readonly (readonly [name: string, value: string])[]
  readonly #judged: ReadonlyMap<string, string>

  constructor(pairs: readonly (readonly [name: string, value: string])[]) {
    this.#pairs = pairs.filter(([, value]) => value !== '')
    this.#judged = new Map(this.#pairs)
  }

  get(name: (typeof JUDGED)[number]): string | undefined {
    return this.#judged.get(name)
  }

  /** Everything but what was judged; an assertion may be for somebody else to judge, as the one of RFC 7522 is. */
  rest({ assertion }: { assertion: 'judged' | 'unread' }): URLSearchParams {
    const rest = new URLSearchParams()
    for (const [name, value] of this.#pairs) {
      if (!SECRET.has(name) && (name !== 'assertion' || assertion === 'unread')) rest.append(name, value)
    }
    return rest
  }
}

/**
 * Reads the form of a token request, as far as its limit goes: the body is a stream, and a length that is announced is
 * only somebody's word.
 *
 * @param limit octets
 * @see [RFC 6749 Appendix B](https://www.rfc-editor.org/rfc/rfc6749#appendix-B)
 */
export async function readForm(request: Request, limit: number): Promise<Form | Denial> {
  if (request.method !== 'POST') return new Denial('method_not_allowed')
  const { headers } = request
  const type = headers.get('content-type') ?? ''
  const encoding = headers.get('content-encoding')
  if (
    !/^application\/x-www-form-urlencoded\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type) ||
    (encoding !== null && encoding.toLowerCase() !== 'identity')
  )
    return new Denial('content_type_not_accepted')
  // URIs are logged all along the way.
  const query = URL.parse(request.url)?.searchParams
  const stray = JUDGED.find((name) => query?.has(name) === true)
  if (stray !== undefined) return new Denial('parameter_in_query', { name: stray })
  const announced = headers.get('content-length')
  if (announced !== null && Number(announced) > limit) {
    request.body?.cancel().catch(() => {})
    return new Denial('body_too_large')
  }
  const text = await readText(request, limit)
  return text instanceof Denial ? text : parseForm(text)
}

async function readText(request: Request, limit: number): Promise<string | Denial> {
  if (request.body === null) return ''
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  try {
    reader = request.body.getReader()
    const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    let size = 0
    let text = ''
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
      const { done, value } = await reader.read()
      if (done) return text + utf8.decode()
      size += value.byteLength
      if (size > limit) {
        reader.cancel().catch(() => {})
        return new Denial('body_too_large')
      }
      text += utf8.decode(value, { stream: true })
    }
  } catch {
    // A connection that broke off, or octets which are no text: whoever sends them need not go on.
    reader?.cancel().catch(() => {})
    return new Denial('body_malformed')
  }
}

/** Strictly: what a lenient reader mends, another one on the way may mend differently. */
export function parseForm(text: string): Form | Denial {
  const parts = text.split('&', MAX_PARAMETERS + 1)
  // Empty ones count: the split leaves out what comes after, which another reader would find.
  if (parts.length > MAX_PARAMETERS) return new Denial('body_malformed')
  const pairs: (readonly [string, string])[] = []
  const seen = new Set<string>()
  for (const part of parts) {
    if (part === '') continue
    const at = part.indexOf('=')
    const name = decode(at === -1 ? part : part.slice(0, at))
    const value = decode(at === -1 ? '' : part.slice(at + 1))
    if (name === undefined || value === undefined) return new Denial('body_malformed')
    if (seen.has(name) && !REPEATABLE.has(name))
      return new Denial('parameter_repeated', { name: JUDGED.find((known) => known === name) })
    seen.add(name)
    pairs.push([name, value])
  }
  return new Form(pairs)
}

/** One name or value of `application/x-www-form-urlencoded`; `undefined` when it is not well-formed. */
export function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
