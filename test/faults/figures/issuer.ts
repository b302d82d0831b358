import {
  clock,
  createResourceServer,
  customFetch,
  type ResourceRequest,
  type ResourceServer,
  type ResourceServerOptions,
} from '@atjwt/core'

import {
  AUDIENCE,
  ISSUER,
  type IssuerKey,
  JWKS_URL,
  jwksResponse,
  LIFETIME,
  METADATA_URL,
  metadataResponse,
} from '../virtual-issuer.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How the issuer answers a request for `url` while a fault lasts. */
export type Misbehaviour = (url: string, signal: AbortSignal | undefined) => Response | Promise<Response>

/** An issuer on a virtual clock, which notes when it was asked for what. */
export class FigureIssuer {
  readonly fetches: { readonly url: string; readonly at: number }[] = []
  readonly #time: VirtualTime
  readonly #identifier: string
  readonly #place: string
  keys: readonly IssuerKey[]
  /** Seconds until a document is there. */
  latency = 0.01
  lifetime: number | undefined
  fault: Misbehaviour | undefined

  /** @param place where its metadata stand */
  constructor(time: VirtualTime, keys: readonly IssuerKey[], identifier = ISSUER, place = METADATA_URL) {
    this.#time = time
    this.keys = keys
    this.#identifier = identifier
    this.#place = place
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const url = String(input)
    this.fetches.push({ url, at: this.#time.now })
    const { fault } = this
    await this.#time.sleep(this.latency)
    const answer =
      fault === undefined
        ? this.#healthy(url, new Headers(init?.headers))
        : await fault(url, init?.signal ?? undefined)
    const location = answer.headers.get('location')
    // As fetch does unless it is told not to.
    return location === null || init?.redirect === 'manual' ? answer : this.fetch(location, init)
  }

  #healthy(url: string, asked: Headers): Response {
    if (url === this.#place) return metadataResponse({ issuer: this.#identifier })
    if (url !== JWKS_URL) return new Response('not found', { status: 404 })
    const etag = `"${this.keys.map(({ kid }) => kid).join(' ')}"`
    if (asked.get('if-none-match') === etag) return new Response(null, { status: 304 })
    return jwksResponse(this.keys, {
      etag,
      ...(this.lifetime === undefined ? {} : { 'cache-control': `max-age=${this.lifetime}` }),
    })
  }

  /** How often each place was asked. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { url } of this.fetches) counts.set(url, (counts.get(url) ?? 0) + 1)
    return counts
  }

  /** A resource server that trusts this issuer. */
  serve(options: Partial<ResourceServerOptions> = {}): ResourceServer {
    return createResourceServer({
      issuer: this.#identifier,
      audience: AUDIENCE,
      maxTokenLifetime: LIFETIME,
      [clock]: () => this.#time.now,
      [customFetch]: this.fetch,
      ...options,
    })
  }
}

/** A request with this token; a new one each time, since a verdict is remembered for its request. */
export function requestWith(token: string): ResourceRequest {
  const field = `Bearer ${token}`
  return {
    method: 'GET',
    url: `${AUDIENCE}/orders`,
    headers: { get: (name) => (name.toLowerCase() === 'authorization' ? field : null) },
  }
}

/** The verdict on a request with this token, as `authorized` or the code of its refusal. */
export async function ask(api: ResourceServer, token: string): Promise<string> {
  const result = await api.authorize(requestWith(token))
  return result.ok ? 'authorized' : result.error.code
}

/** The status with which a request with this token is answered. */
export async function statusOf(api: ResourceServer, token: string): Promise<number> {
  const result = await api.authorize(requestWith(token))
  return result.ok ? 200 : result.response.status
}
