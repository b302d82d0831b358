import { createServer, type IncomingMessage, request, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

import { type AnyPolicy, fromNode, type HeaderList, type ResourceServer } from '@atjwt/core'

import { outcomeOfAnswer } from './outcome.ts'
import type { Answer } from './requirement.ts'

/** What a client of a Node server gets. */
export interface NodeAnswer {
  readonly status: number
  /** One entry per field on the wire. */
  readonly headers: HeaderList
  readonly answer: () => Answer
}

/** What a client sends to a Node server. */
export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Uint8Array
}

/** A server on a port of its own, on loopback. */
export async function listen(
  listener: RequestListener,
): Promise<{ readonly origin: string; readonly close: () => void }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Sends one real request to `listener`, on a port of its own. */
export async function exchange(listener: RequestListener, sent: Sent): Promise<NodeAnswer> {
  const { origin, close } = await listen(listener)
  try {
    const answered = await new Promise<IncomingMessage>((resolve, reject) => {
      const { method = 'GET', path = '/', headers = {}, body } = sent
      const outgoing = request(new URL(path, origin), { method, headers, agent: false }, resolve)
      outgoing.once('error', reject)
      outgoing.end(body)
    })
    answered.resume()
    const headers: HeaderList = []
    for (let i = 0; i < answered.rawHeaders.length; i += 2) {
      headers.push([answered.rawHeaders[i] as string, answered.rawHeaders[i + 1] as string])
    }
    const status = answered.statusCode as number
    return { status, headers, answer: () => outcomeOfAnswer(status, headers) }
  } finally {
    close()
  }
}

/** A Node server which answers as `api` says, and 200 to what it lets pass. */
export function guarded(api: ResourceServer, policy?: AnyPolicy): RequestListener {
  return async (req, res) => {
    const view = fromNode(req)
    const result = await (policy === undefined ? api.authorize(view) : api.authorize(view, policy))
    if (result.ok) {
      res.end('passed')
      return
    }
    const { status, headers, body } = result.response
    res.writeHead(status, headers.flat())
    res.end(body)
  }
}
