// The first tokens of a process. Prints JSON, in milliseconds.
import { createServer, createSigner } from './tokens.ts'

const signer = createSigner('RS256')
// Before the server: whoever verifies tokens does not sign any in between.
const [first, second] = [signer.token(), signer.token()]
const api = await createServer([signer])

async function timed(token: string): Promise<number> {
  const started = performance.now()
  await api.verify(token)
  return performance.now() - started
}

console.log(JSON.stringify({ first: await timed(first), second: await timed(second) }))
