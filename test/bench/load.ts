import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

/**
 * Keeps connections busy: each sends a request as soon as its answer is complete. Answers of one app are of one
 * length, so that counting octets is enough; a generator which parsed them would be slower than the servers.
 */
export class Load {
  readonly #sockets: Socket[] = []
  readonly #requests: readonly Buffer[]
  #next = 0
  #done = 0
  #running = false
  #length = 0
  #failure: Error | undefined

  private constructor(requests: readonly Buffer[]) {
    this.#requests = requests
  }

  static async open(port: number, requests: readonly Buffer[], connections = 16): Promise<Load> {
    const load = new Load(requests)
    load.#length = await lengthOf(port, requests[0] as Buffer)
    for (let i = 0; i < connections; i += 1) {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      await once(socket, 'connect')
      let read = 0
      socket.on('data', (chunk: Buffer) => {
        if (read === 0 && chunk.toString('latin1', 9, 12) !== '200') {
          load.#failure = new Error(`an answer was ${chunk.toString('latin1', 9, 12)}`)
          load.#running = false
          return
        }
        read += chunk.length
        if (read < load.#length) return
        read = 0
        load.#done += 1
        if (load.#running) load.#send(socket)
      })
      load.#sockets.push(socket)
    }
    return load
  }

  #send(socket: Socket): void {
    socket.write(this.#requests[this.#next] as Buffer)
    this.#next = (this.#next + 1) % this.#requests.length
  }

  /** Requests answered within so many milliseconds, and how long it took in fact. */
  async during(milliseconds: number): Promise<{ readonly requests: number; readonly seconds: number }> {
    this.#done = 0
    this.#running = true
    const started = performance.now()
    for (const socket of this.#sockets) this.#send(socket)
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    this.#running = false
    const requests = this.#done
    const seconds = (performance.now() - started) / 1000
    // What is under way comes to its end before anybody else is measured.
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (this.#failure !== undefined) throw this.#failure
    return { requests, seconds }
  }

  /** So many requests, one after the other on each connection. */
  async times(count: number): Promise<void> {
    while (count > 0) count -= (await this.during(100)).requests
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** The octets of a whole answer; twice, since all must be equal. */
async function lengthOf(port: number, request: Buffer): Promise<number> {
  const lengths: number[] = []
  for (let i = 0; i < 2; i += 1) {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.write(request)
    let text = ''
    for await (const chunk of socket) {
      text += (chunk as Buffer).toString('latin1')
      if (text.length > 12 && !text.startsWith('HTTP/1.1 200'))
        throw new Error(`the app at ${port} answers ${text}`)
      const head = text.indexOf('\r\n\r\n')
      const body = Number(/content-length: (\d+)/i.exec(text)?.[1])
      if (head !== -1 && text.length >= head + 4 + body) break
    }
    socket.destroy()
    lengths.push(text.length)
  }
  if (lengths[0] !== lengths[1]) throw new Error('the answers differ in length')
  return lengths[0] as number
}
