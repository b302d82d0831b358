import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server on 127.0.0.1. */
export interface Listening {
  readonly port: number
  close(): Promise<void>
}

/** Where one server listens at a time: a second one would go on when `close()` ends the first. */
export class Listener {
  #server: Promise<Listening> | undefined

  /** @throws {Error} when one listens already */
  async listen(start: () => Promise<Listening>): Promise<Listening> {
    if (this.#server !== undefined) throw new Error('Cannot listen: the server listens already')
    const server = start()
    this.#server = server
    try {
      return await server
    } catch (error) {
      if (this.#server === server) this.#server = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    // Why it could not start, listen() has said.
    const listening = await server?.catch(() => undefined)
    await listening?.close()
  }
}

/** Answers a request; a rejection resets the connection. */
export type Answerer = (request: {
  readonly path: string
  readonly signal: AbortSignal
}) => Response | Promise<Response>

/**
 * Serves what a `fetch` would resolve to. Node's server is loaded only here, so that the rest of the kit runs where
 * there is none.
 */
export async function serve(answer: Answerer, port: number): Promise<Listening> {
  const { createServer } = await import('node:http')
  const server: Server = createServer((req, res) => {
    const gone = new AbortController()
    res.once('close', () => {
      gone.abort()
    })
    const respond = async (): Promise<void> => {
      const response = await answer({ path: req.url ?? '/', signal: gone.signal })
      res.writeHead(response.status, Object.fromEntries(response.headers))
      res.flushHeaders()
      const reader = response.body?.getReader()
      gone.signal.addEventListener('abort', () => {
        reader?.cancel().catch(() => {})
      })
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- one piece after the other
        const piece = await reader?.read()
        if (piece === undefined || piece.done) break
        // oxlint-disable-next-line no-await-in-loop -- as fast as it is read, and no faster
        if (!res.write(piece.value)) await drained(res)
      }
      res.end()
    }
    respond().catch(() => {
      res.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return listeningOf(server)
}

/** @param server one which listens already */
export function listeningOf(server: Server): Listening {
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
    },
  }
}

function drained(res: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done)
      res.off('close', done)
      resolve()
    }
    res.once('drain', done)
    res.once('close', done)
  })
}
