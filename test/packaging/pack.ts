import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { assertBuilt, PACKAGES, root } from './built.ts'

export type Package = (typeof PACKAGES)[number]

export interface Ran {
  readonly code: number
  readonly output: string
}

const promised = promisify(execFile)

/** Runs a program to its end; what it printed is part of the answer, also when it failed. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Ran> {
  try {
    const { stdout, stderr } = await promised(command, args, {
      cwd,
      env: { ...process.env, ...env },
      timeout: 180_000,
    })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string }
    if (typeof code !== 'number') throw error
    return { code, output: `${stdout}${stderr}` }
  }
}

/** The pnpm that runs the tests; without one, the way in which the README starts it. */
export async function pnpm(args: readonly string[], cwd: string): Promise<void> {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter)
  const found = folders.some((folder) => existsSync(path.join(folder, 'pnpm')))
  const { code, output } = found
    ? await run('pnpm', args, cwd)
    : await run('npx', ['-y', 'pnpm@12', ...args], cwd)
  if (code !== 0) throw new Error(`pnpm ${args.join(' ')} failed:\n${output}`)
}

export interface Packed extends AsyncDisposable {
  /** A new folder outside of the repository. */
  readonly folder: string
  readonly tarballs: Readonly<Record<Package, string>>
}

/** Packs every package as it would be published. */
export async function packAll(): Promise<Packed> {
  assertBuilt()
  const folder = await mkdtemp(path.join(tmpdir(), 'atjwt-packaging-'))
  await pnpm(['-r', '--filter', './packages/*', 'pack', '--pack-destination', folder], root)
  const tarballs = {} as Record<Package, string>
  for (const name of PACKAGES) {
    const text = await readFile(path.join(root, 'packages', name, 'package.json'), 'utf8')
    const { version } = JSON.parse(text) as { version: string }
    tarballs[name] = path.join(folder, `atjwt-${name}-${version}.tgz`)
  }
  return {
    folder,
    tarballs,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
