import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, onTestFinished, test, vi } from 'vitest'

const CLI = path.join(import.meta.dirname, 'cli.ts')
const FLAGS = ['--conditions=@atjwt/source', CLI]

async function start(args: readonly string[]): Promise<{ url: string; output: () => string }> {
  const child = spawn(process.execPath, [...FLAGS, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const url = await vi.waitFor(
    () => {
      const [, found] = /^listening on (\S+)$/m.exec(output) ?? []
      if (found === undefined) throw new Error('it does not listen')
      return found
    },
    { timeout: 10_000 },
  )
  return { url, output: () => output }
}

const credentials = (url: string, secret: string): Promise<Response> =>
  fetch(`${url}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`service:${secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })

test('atjwt-issuer without a configuration prints a request which gets a token', async () => {
  const { url, output } = await start([])
  const secret = await vi.waitFor(() => {
    const [, found] = /-u 'service:(\w+)'/.exec(output()) ?? []
    if (found === undefined) throw new Error('nothing is printed')
    return found
  })
  expect((await credentials(url, secret)).status).toBe(200)
  expect((await credentials(url, 'another')).status).toBe(401)
})

test('the configuration is read again when its file changes; a wrong one is not taken, and the reason printed', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'atjwt-issuer-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'atjwt-issuer.json')
  const write = (secret: string): Promise<void> =>
    writeFile(file, JSON.stringify({ clients: [{ client_id: 'service', client_secret: secret }] }))
  await write('first')
  const { url, output } = await start(['--config', file])
  expect((await credentials(url, 'first')).status).toBe(200)
  await write('second')
  await vi.waitFor(() => expect(output()).toContain('read again'), { timeout: 5000 })
  expect((await credentials(url, 'second')).status).toBe(200)
  expect((await credentials(url, 'first')).status).toBe(401)
  await writeFile(file, '{ "clients": [{ "client_id": "service", "secret": "third" }] }')
  await vi.waitFor(
    () => expect(output()).toContain('not taken, the earlier one stays: clients[0].secret is unknown'),
    { timeout: 5000 },
  )
  expect((await credentials(url, 'second')).status).toBe(200)
})

test.for([
  [['--port', 'http'], {}, '--port must be a port number'],
  [['--origin', 'http://localhost:9/path'], {}, 'origin must be an http or https URL without a path'],
  [['--config', '/nowhere.json'], {}, 'ENOENT'],
  [['--prot', '1'], {}, 'Unknown option'],
  [[], { NODE_ENV: 'production' }, 'NODE_ENV is production'],
] as const)('atjwt-issuer %j with %j ends with 1 and says: %s', async ([args, env, text]) => {
  const ended = promisify(execFile)(process.execPath, [...FLAGS, ...args], {
    env: { ...process.env, ...env },
  })
  await expect(ended).rejects.toMatchObject({ code: 1, stdout: '' })
  await expect(ended).rejects.toMatchObject({ stderr: expect.stringContaining(text) as string })
})
