/**
 * The part of an HTTP request which a resource server reads. A WHATWG `Request` is one; {@link fromNode} makes one.
 */
export interface ResourceRequest {
  /** The method on the wire. */
  readonly method: string
  /** The absolute URL. */
  readonly url: string
  /** The header fields; names are case-insensitive. */
  readonly headers: { get(name: string): string | null }
}

/** What {@link fromNode} reads of a Node request; `IncomingMessage` and `Http2ServerRequest` are such. */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly rawHeaders?: readonly string[] | undefined
}

/**
 * Node keeps only the first of several `Authorization` fields, which lets two parties on the way see two different
 * tokens. The value is read from `headers`, where middleware may have set it; `rawHeaders` only counts. A field that
 * came twice is shown with a leading comma, which no grammar of credentials accepts.
 */
function authorization(value: string | string[], rawHeaders: readonly string[] | undefined): string {
  const values = typeof value === 'string' ? [value] : value
  let count = values.length
  if (rawHeaders !== undefined) {
    let fields = 0
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string
      // As clients spell it, which is how nearly every request has it.
      if (name === 'Authorization' || (name.length === 13 && name.toLowerCase() === 'authorization'))
        fields += 1
    }
    if (fields > count) count = fields
  }
  return count === 1 ? (values[0] as string) : `, ${values.join(', ')}`
}

/** Leads from a view to what it shows: a name instead of the class, so that bundles for the web do without the latter. */
const behind: unique symbol = Symbol('behind')

/** The object that stays the same for as long as a request lives, whatever it is seen through. */
export function identityOf(request: ResourceRequest & { readonly [behind]?: object }): object {
  return request[behind] ?? request
}

class NodeView implements ResourceRequest {
  readonly #req: NodeRequest
  readonly #url: (() => string) | undefined

  constructor(req: NodeRequest, url: (() => string) | undefined) {
    this.#req = req
    this.#url = url
  }

  get method(): string {
    return this.#req.method ?? 'GET'
  }

  get url(): string {
    if (this.#url !== undefined) return this.#url()
    // Only the path is taken from the request: a Host header is the client's word, not our address. The authority has
    // ended before what the client wrote, in which another one may begin: for URL a backslash is a slash.
    return new URL(`http://localhost/${(this.#req.url ?? '').replace(/^[/\\]+/, '')}`).href
  }

  /** The view itself: every request has one, so it had better be one object. */
  get headers(): this {
    return this
  }

  get(name: string): string | null {
    const field = name.toLowerCase()
    const value = this.#req.headers[field]
    if (value === undefined) return null
    if (field === 'authorization') return authorization(value, this.#req.rawHeaders)
    return typeof value === 'string' ? value : value.join(', ')
  }

  get [behind](): object {
    return this.#req
  }
}

/**
 * A Node request seen as a {@link ResourceRequest}; what is verified through one view of it is known to all others.
 * `url` is read lazily; without `options.url` its origin is `http://localhost` as a placeholder, whatever the client
 * wrote, and the rest is the request target.
 *
 * More than one `Authorization` field, also two equal ones, is shown as a value which is malformed (RFC 6750 §3.1).
 */
export function fromNode(req: NodeRequest, options?: { url?: () => string }): ResourceRequest {
  return new NodeView(req, options?.url)
}
