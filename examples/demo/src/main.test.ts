import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { listen, stop } from '@atjwt-examples/shared'
import { run } from '@atjwt-examples/shared/child'
import { expect, onTestFinished, test } from 'vitest'

const MAIN = new URL('main.ts', import.meta.url)

test('with --once shows every call in every framework, and ends with 0', async () => {
  await using child = run(MAIN, {}, ['--once'])
  expect(await child.ended).toEqual({ code: 0, signal: null })
  expect(child.stderr).toBe('')
  const [table, rest] = child.stdout.split('\n24 of 24 as expected\n') as [string, string]
  const rows = table.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4))
  const calls = [
    ['no token', '401', 'no_credentials'],
    ['expired', '401', 'token_expired'],
    ['forged', '401', 'signature_invalid'],
    ['wrong audience', '401', 'audience_mismatch'],
    ['ID token', '401', 'type_mismatch'],
    ['missing scope', '403', 'missing_scope'],
    ['missing role', '403', 'policy_denied'],
    ['good', '200', '-'],
  ]
  expect(rows.filter((row) => row.length === 4)).toEqual([
    ['server', 'call', 'status', 'reason'],
    ...['express', 'koa', 'hono'].flatMap((framework) =>
      calls.map(([call, status, code]) => [framework, call, status, code]),
    ),
  ])
  const requests = rest.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4))
  const refused = (name: string, status: number, error: string): string[] => [
    name,
    String(status),
    error,
    '-',
  ]
  expect(requests.filter((row) => row.length === 4)).toEqual([
    ['token request', 'status', 'error', 'API'],
    ['client credentials, private_key_jwt', '200', '-', '200'],
    refused('the same assertion again', 401, 'invalid_client'),
    refused('an assertion of another key', 401, 'invalid_client'),
    refused('an assertion for another server', 401, 'invalid_client'),
    refused('no client at all', 401, 'invalid_client'),
    ['JWT grant alone', '200', '-', '200'],
    ['JWT grant with private_key_jwt', '200', '-', '200'],
    refused('JWT grant which expired', 400, 'invalid_grant'),
    refused('JWT grant about nobody', 400, 'invalid_grant'),
    refused('good JWT grant, wrong client', 401, 'invalid_client'),
    ['token exchange', '200', '-', '200'],
    refused('token exchange for more scope', 400, 'invalid_scope'),
    refused('the password grant', 400, 'unsupported_grant_type'),
  ])
  expect(rest).toContain('\n13 of 13 token requests as expected\n')
  // Not a terminal: no colours. And no token is worth printing when the servers are gone.
  expect(child.stdout).not.toContain('\u001B')
  expect(child.stdout).not.toContain('eyJ')
})

test('stays up with curl lines that work, on the port given and the next ones, until Ctrl-C', async () => {
  const port = await freePorts(3)
  await using child = run(MAIN, { PORT: String(port) })
  await child.printed(/^curl .*\/reports .*$/m)
  const urls = [...child.stdout.matchAll(/^listening on (\S+) \((\w+)\)$/gm)].map(([, url, name]) => [
    name,
    url,
  ])
  expect(urls).toEqual([
    ['express', `http://127.0.0.1:${port}`],
    ['koa', `http://127.0.0.1:${port + 1}`],
    ['hono', `http://127.0.0.1:${port + 2}`],
  ])
  const lines = child.stdout.split('\n')
  const script = lines.filter((line) => /^[A-Z]+='/.test(line) || line.startsWith('curl ')).join('\n')
  const { stdout } = await promisify(execFile)('sh', ['-c', script])
  const statuses = [...stdout.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
  expect(statuses).toEqual(['401', '200', '200', '403', '204', '201', '200'])

  child.kill('SIGINT')
  expect(await child.ended).toEqual({ code: 0, signal: null })
})

test('says why and ends with 1 when a port is taken', async () => {
  const other = createServer()
  onTestFinished(() => stop(other))
  const url = await listen(other, '127.0.0.1', 0)
  await using child = run(MAIN, { PORT: new URL(url).port }, ['--once'])
  expect(await child.ended).toEqual({ code: 1, signal: null })
  expect(child.stderr).toContain('Cannot start: listen EADDRINUSE')
})

/** A port which is free, with as many free ones behind it as are needed. */
async function freePorts(count: number): Promise<number> {
  /* oxlint-disable no-await-in-loop -- until a row of ports is found */
  for (;;) {
    const first = createServer()
    const port = Number(new URL(await listen(first, '127.0.0.1', 0)).port)
    const rest = Array.from({ length: count - 1 }, () => createServer())
    const taken = await Promise.allSettled(
      rest.map((server, index) => listen(server, '127.0.0.1', port + 1 + index)),
    )
    await Promise.all([first, ...rest].map(stop))
    if (taken.every(({ status }) => status === 'fulfilled')) return port
  }
  /* oxlint-enable no-await-in-loop */
}
