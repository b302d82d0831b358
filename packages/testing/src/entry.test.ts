import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

/** Prints every module which an entry loads, without calling anything. */
const PROBE = `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
  await import(process.argv[1])
  console.log(JSON.stringify(loaded))
`

async function loadedBy(entry: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=@atjwt/source',
    '--input-type=module',
    '-e',
    PROBE,
    path.join(import.meta.dirname, entry),
  ])
  return JSON.parse(stdout) as string[]
}

test('the kit loads neither the development server nor any server of Node', async () => {
  const loaded = await loadedBy('index.ts')
  expect(loaded.some((url) => url.endsWith('/test-issuer.ts'))).toBe(true)
  const heavy = /\/src\/server\/|\/hono\/|node-server|rate-limiter|^node:(?:http|net|fs)/
  expect(loaded.filter((url) => heavy.test(url))).toEqual([])
})

test('the probe sees them where they are', async () => {
  const loaded = await loadedBy('server/index.ts')
  expect(loaded.some((url) => url.includes('/hono/'))).toBe(true)
})
