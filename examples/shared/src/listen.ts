import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Seconds which requests under way get to end. */
const GRACE = 5

/** Starts to accept requests; the URL under which they come in. */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host)
  await once(server, 'listening')
  const { port: taken } = server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${taken}`
}

/** Ends a server: no new connection, idle ones closed, the others get a moment. */
export async function stop(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  const impatience = setTimeout(() => server.closeAllConnections(), GRACE * 1000)
  await closed
  clearTimeout(impatience)
}

/** Waits for SIGTERM or SIGINT (Ctrl-C). The second one ends the process as if nobody listened. */
export function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    const signals = ['SIGTERM', 'SIGINT'] as const
    const end = (): void => {
      for (const signal of signals) process.off(signal, end)
      resolve()
    }
    for (const signal of signals) process.once(signal, end)
  })
}
