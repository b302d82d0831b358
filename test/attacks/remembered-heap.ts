// Verifies tokens, lets go of them, and looks for them in everything that the heap still holds. Prints JSON.
import { setImmediate } from 'node:timers/promises'
import { getHeapSnapshot } from 'node:v8'

import { scope } from '@atjwt/core'

import { createSigner, requestWith, serverOf, type Signer } from './properties/signer.ts'

/** Backwards, for the marks themselves are on the heap. */
const backwards = (text: string): string => [...text].toReversed().join('')

const signers = [
  createSigner('EdDSA', 'key-1'),
  createSigner('ES256', 'key-2'),
  createSigner('RS256', 'key-3'),
]
const api = serverOf(signers)

function marksOf(token: string): string[] {
  const [header, payload, signature] = token.split('.') as [string, string, string]
  return [signature, payload, `${header}.${payload}`].map((part) => backwards(part.slice(-40)))
}

async function present(signer: Signer): Promise<string[]> {
  const note = `a claim long enough to be a string of its own: ${Math.random()}`
  const token = signer.issue({ scope: 'read', note })
  await api.verify(token)
  const request = requestWith(token)
  const granted = await api.authorize(request, scope('read'))
  const refused = await api.authorize(request, scope('write'))
  const stolen = await api.verify(`${token.slice(0, -8)}AAAAAAAA`).catch(() => 'refused')
  // Refused before there is a key to verify with.
  const foreign = signer.issue({ iss: 'https://other.example', note })
  const unknown = await api.authorize(requestWith(foreign))
  if (!granted.ok || refused.ok || unknown.ok || stolen !== 'refused')
    throw new Error('the verdicts are wrong')
  return [...marksOf(token), ...marksOf(foreign)]
}

const marks: string[] = []
for (const signer of signers) {
  // The first of each header, and others behind it.
  for (let n = 0; n < 3; n += 1) marks.push(...(await present(signer)))
}
// What is held on purpose is found: the search works.
const held = signers[0]?.issue() as string
const control = backwards(held.slice(-40))
await setImmediate()
// The engine keeps the last text in which a regular expression found something; the next one takes its place.
if (!/./.test('x')) throw new Error('never')
globalThis.gc?.()
globalThis.gc?.()

const chunks: Buffer[] = []
for await (const chunk of getHeapSnapshot()) chunks.push(Buffer.from(chunk as Buffer))
const snapshot = Buffer.concat(chunks)
const occurs = (mark: string): boolean => snapshot.includes(Buffer.from(backwards(mark)))
console.log(
  JSON.stringify({
    remembered: (await api.authorize(requestWith(held))).ok,
    marks: marks.length,
    found: marks.filter(occurs).length,
    control: occurs(control),
  }),
)
