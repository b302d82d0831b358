import { globSync, statSync } from 'node:fs'
import path from 'node:path'

export const PACKAGES = ['core', 'express', 'hono', 'koa', 'testing'] as const

export const root: string = path.resolve(import.meta.dirname, '../..')

/** What is shipped is what is tested: a build which is missing or older than its source would prove nothing. */
export function assertBuilt(): void {
  for (const name of PACKAGES) {
    const folder = path.join(root, 'packages', name)
    const newest = Math.max(
      ...globSync(['src/**/*.ts', 'package.json', 'tsdown.config.ts'], {
        cwd: folder,
        exclude: ['**/*.test.ts'],
      }).map((file) => statSync(path.join(folder, file)).mtimeMs),
    )
    const built = statSync(path.join(folder, 'dist/index.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (built < newest)
      throw new Error(`packages/${name}/dist is missing or older than its source: pnpm run build`)
  }
}
