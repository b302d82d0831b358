import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../../..')

test('the first example runs as it stands, has ten lines, and takes less than 50 ms a test', async () => {
  const readme = await readFile(path.join(root, 'packages/testing/README.md'), 'utf8')
  const [, code] = /^```ts file=orders\.test\.ts\n([^]*?)^```$/m.exec(readme) as unknown as [string, string]
  expect(code.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(10)
  const folder = await mkdtemp(path.join(tmpdir(), 'atjwt-readme-'))
  try {
    await symlink(path.join(root, 'test/node_modules'), path.join(folder, 'node_modules'))
    await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(path.join(folder, 'orders.test.ts'), code)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@atjwt/source', '--test', '--test-reporter=tap', 'orders.test.ts'],
      { cwd: folder, env: { PATH: process.env['PATH'] } },
    )
    expect(stdout).toMatch(/^# pass 3$/m)
    expect(stdout).toMatch(/^# fail 0$/m)
    const durations = [...stdout.matchAll(/^ +duration_ms: ([\d.]+)$/gm)].map(([, ms]) => Number(ms))
    expect(durations.length).toBeGreaterThanOrEqual(3)
    expect(Math.min(...durations)).toBeLessThan(50)
  } finally {
    await rm(folder, { recursive: true })
  }
})
