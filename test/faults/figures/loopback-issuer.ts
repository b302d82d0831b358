import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

import type { IssuerKey } from '../virtual-issuer.ts'

/** How the issuer misbehaves; each is one the whole fetch of a library meets, down to the socket. */
export const LOOPBACK_FAULTS = ['500', 'HTML', 'reset', 'no keys', '302', 'hang', 'gzip bomb'] as const
export type LoopbackFault = (typeof LOOPBACK_FAULTS)[number]

/** 16 MiB of spaces before a key set which is in order. */
const SPACES = Buffer.alloc(16 * 1024 * 1024, 0x20)

/** An issuer behind a real socket, for libraries whose fetch cannot be replaced. */
export class LoopbackIssuer implements AsyncDisposable {
  readonly #server: Server
  #bomb: Buffer | undefined
  keys: readonly IssuerKey[] = []
  fault: LoopbackFault | undefined
  /** Paths that were asked for. */
  asked: string[] = []
  issuer = ''

  constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? ''
      this.asked.push(path)
      this.#answer(path, response)
    })
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.issuer = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get jwksURL(): string {
    return `${this.issuer}/jwks`
  }

  #answer(path: string, response: ServerResponse): void {
    const json = (body: unknown): void => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(body))
    }
    const keys = this.keys.map(({ jwk }) => jwk)
    // A redirect leads to keys which would do.
    if (path === '/elsewhere') {
      json({ keys })
      return
    }
    switch (this.fault) {
      case '500':
        response.writeHead(500).end('no')
        return
      case 'HTML':
        response.setHeader('content-type', 'text/html')
        response.end('<html>Sign in</html>')
        return
      case 'reset':
        response.socket?.resetAndDestroy()
        return
      case 'no keys':
        json({ keys: [] })
        return
      case '302':
        response.writeHead(302, { location: '/elsewhere' }).end()
        return
      case 'hang':
        return
      case 'gzip bomb':
        this.#bomb ??= gzipSync(Buffer.concat([SPACES, Buffer.from(JSON.stringify({ keys }))]))
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        response.end(this.#bomb)
        return
      case undefined:
        break
    }
    if (path === '/jwks') json({ keys })
    else if (
      path === '/.well-known/openid-configuration' ||
      path === '/.well-known/oauth-authorization-server'
    )
      json({ issuer: this.issuer, jwks_uri: this.jwksURL })
    else response.writeHead(404).end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
