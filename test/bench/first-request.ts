// The first tokens of a process. Prints JSON, in milliseconds.
import { createServer, createSigner } from './tokens.ts'

const signer = createSigner('RS256')
const api = await createServer([signer])
const [first, second] = [signer.token(), signer.token()]

async function timed(token: string): Promise<number> {
  const started = performance.now()
  await api.verify(token)
  return performance.now() - started
}

console.log(JSON.stringify({ first: await timed(first), second: await timed(second) }))
