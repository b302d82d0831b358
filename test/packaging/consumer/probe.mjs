// Runs one example as it stands in the README, and prints what it answered. Usage: probe.mjs FILE SETUP
// The example believes it is in production: its issuer is answered in this process, its port is a free one.
import { Server } from 'node:net'
import { pathToFileURL } from 'node:url'

import { createTestIssuer } from '@atjwt/testing'

const [file, setup] = process.argv.slice(2)
const { issuer: identifier, path, claims, header } = JSON.parse(setup, (_name, value) => value ?? undefined)

const issuer = await createTestIssuer({ issuer: identifier })
const network = globalThis.fetch
globalThis.fetch = (input, init) =>
  String(input).startsWith('http://127.0.0.1:') ? network(input, init) : issuer.fetch(input, init)

const { listen } = Server.prototype
const listening = new Promise((resolve) => {
  Server.prototype.listen = function listenSomewhere() {
    this.once('listening', () => resolve(this.address().port))
    return listen.call(this, 0, '127.0.0.1')
  }
})

const { default: handler } = await import(pathToFileURL(file).href)
const serve =
  typeof handler?.fetch === 'function'
    ? async (init) => handler.fetch(new Request(`https://api.example${path}`, init))
    : async (init) => network(`http://127.0.0.1:${await listening}${path}`, init)

const answers = {}
const tokens = {
  none: undefined,
  good: await issuer.issue(claims, header),
  lesser: await issuer.issue({ ...claims, scope: undefined, realm_access: undefined }, header),
  forged: (await issuer.issue(claims, header)).replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
}
for (const [name, token] of Object.entries(tokens)) {
  const response = await serve(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
  const challenge = response.headers.get('www-authenticate')
  answers[name] = {
    status: response.status,
    error: challenge === null ? null : (/error="([^"]*)"/.exec(challenge)?.[1] ?? ''),
    body: await response.json(),
  }
}
console.log(JSON.stringify(answers))
process.exit(0)
