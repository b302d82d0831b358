import { createDevelopmentServer } from '@atjwt/testing/server'

/** The server under load, in a process of its own: it answers a line on standard input with its heap. */
const server = createDevelopmentServer({
  config: JSON.parse(process.env['CONFIG'] as string) as object,
})
const url = await server.listen()
console.log(`listening on ${url.origin}`)
process.stdin.on('data', () => {
  globalThis.gc?.()
  console.log(`heap ${process.memoryUsage().heapUsed}`)
})
process.stdin.on('end', () => {
  void server.close()
})
