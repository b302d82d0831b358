import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, onTestFinished, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../../..')

/** Runs a file of a project which has installed the packages. */
async function run(code: string, flags: readonly string[] = []): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'atjwt-readme-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await symlink(path.join(root, 'test/node_modules'), path.join(folder, 'node_modules'))
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(path.join(folder, 'example.ts'), code)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@atjwt/source', ...flags, 'example.ts'],
    { cwd: folder, env: { PATH: process.env['PATH'] } },
  )
  return stdout
}

test('the first example of the README runs as it stands, has ten lines, and takes less than 50 ms a test', async () => {
  const readme = await readFile(path.join(root, 'packages/testing/README.md'), 'utf8')
  const [, code] = /^```ts file=orders\.test\.ts\n([^]*?)^```$/m.exec(readme) as unknown as [string, string]
  expect(code.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(10)
  const stdout = await run(code, ['--test', '--test-reporter=tap'])
  expect(stdout).toMatch(/^# pass 3$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
  const durations = [...stdout.matchAll(/^ +duration_ms: ([\d.]+)$/gm)].map(([, ms]) => Number(ms))
  expect(durations).toHaveLength(3)
  // The median: the machine may be busy with something else for a moment.
  expect(durations.toSorted((a, b) => a - b)[1]).toBeLessThan(50)
})

const page = await readFile(path.join(root, 'packages/core/docs/testing.md'), 'utf8')
const blocks = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code as string)

test('the page on testing has examples', () => {
  expect(blocks).toHaveLength(4)
})

test.for(blocks.map((code, at) => [at + 1, code] as const))(
  'example %i of the page on testing runs as it stands',
  async ([at, code]) => {
    // What it claims, it asserts itself; the last one prints.
    expect(await run(code)).toBe(at === blocks.length ? 'service\n' : '')
  },
)
