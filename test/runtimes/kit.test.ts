import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { exerciseKit, KIT_FINDING } from './kit.ts'
import { native } from './start.ts'

const DENO = [
  'test',
  '--no-prompt',
  '--no-remote',
  '--cached-only',
  '--no-check',
  '--allow-net=127.0.0.1',
  '--allow-env',
  '--allow-read',
]

test('the test kit in Vitest', async () => {
  expect(await exerciseKit()).toEqual(KIT_FINDING)
})

test.for([
  [
    'node --test, Node 22',
    () => native('node22', 'bin/node'),
    ['--test', '--test-reporter=tap', '--experimental-strip-types', '--no-warnings'],
    /^# pass 2$/m,
  ],
  ['node --test, Node 24', () => process.execPath, ['--test', '--test-reporter=tap'], /^# pass 2$/m],
  [
    'node --test, Node 26',
    () => native('node26', 'bin/node'),
    ['--test', '--test-reporter=tap'],
    /^# pass 2$/m,
  ],
  ['bun test', () => native('bun', 'bin/bun.exe'), ['test'], /^ *2 pass$/m],
  ['deno test', () => native('deno', 'deno'), DENO, /2 passed/],
] as const)('the test kit under %s', async ([, command, args, passed]) => {
  const { NODE_OPTIONS: _, VITEST: __, ...env } = process.env
  const { stdout, stderr } = await promisify(execFile)(command(), [...args, './kit-suite.ts'], {
    cwd: import.meta.dirname,
    env: { ...env, NO_COLOR: '1' },
  })
  expect(stdout + stderr).toMatch(passed)
})
