import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { rolldown } from 'rolldown'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const built = ['core', 'hono'].every((name) => existsSync(`${root}packages/${name}/dist/index.js`))

const APPLICATION = `
import { Hono } from 'hono'
import { createResourceServer, protect, scope } from '@atjwt/hono'
const api = createResourceServer({ issuer: 'https://as.example', audience: 'https://api.example' })
export default new Hono().get('/', protect(api, scope('a')), (c) => c.text(c.var.auth.issuer))
`

/** What the application above is made of, in a runtime that resolves packages under these conditions. */
async function bundle(conditionNames: readonly string[]): Promise<{
  /** Modules which the runtime has to have. */
  readonly needed: readonly string[]
  /** Modules which are loaded when they are there. */
  readonly tried: readonly string[]
  readonly modules: readonly string[]
  readonly code: string
}> {
  const entry = `${root}test/application.js`
  const build = await rolldown({
    input: entry,
    platform: 'neutral',
    external: [/^node:/, /^cloudflare:/],
    resolve: { conditionNames: [...conditionNames], mainFields: ['module', 'main'] },
    plugins: [
      {
        name: 'application',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? APPLICATION : undefined),
      },
    ],
    logLevel: 'silent',
  })
  try {
    const { output } = await build.generate({ format: 'esm' })
    const chunks = output.filter((chunk) => chunk.type === 'chunk')
    const outside = (ids: readonly string[]): string[] =>
      ids.filter((id) => !output.some(({ fileName }) => fileName === id))
    return {
      needed: outside(chunks.flatMap((chunk) => chunk.imports)),
      tried: outside(chunks.flatMap((chunk) => chunk.dynamicImports)),
      modules: chunks.flatMap((chunk) => chunk.moduleIds),
      code: chunks.map((chunk) => chunk.code).join('\n'),
    }
  } finally {
    await build.close()
  }
}

const RUNTIMES = [
  {
    name: 'workerd',
    conditions: ['workerd', 'worker', 'browser', 'import', 'default'],
    needed: ['cloudflare:workers'],
  },
  { name: 'a browser', conditions: ['browser', 'import', 'default'], needed: [] },
  { name: 'edge-light', conditions: ['edge-light', 'import', 'default'], needed: [] },
  { name: 'no runtime in particular', conditions: ['import', 'default'], needed: [] },
]

describe.each([
  { form: 'source', condition: ['@atjwt/source'], available: true },
  { form: 'build', condition: [], available: built },
])('the Hono adapter from $form', ({ form, condition, available }) => {
  describe.skipIf(!available)('once `pnpm run build` has made it', () => {
    test.each(RUNTIMES)('needs nothing of Node on $name', async ({ conditions, needed }) => {
      const bundled = await bundle([...condition, ...conditions])
      expect(bundled.needed).toEqual(needed)
      expect(bundled.tried).toEqual([])
      expect(bundled.code.match(/.{0,40}(?:\bnode:|\brequire\(|\bBuffer\.).{0,40}/g)).toBeNull()
      const ours = bundled.modules.filter((id) => id.startsWith(`${root}packages/`))
      const folder = form === 'source' ? '/src/' : '/dist/'
      expect(ours.length).toBeGreaterThan(3)
      expect(ours.filter((id) => !id.includes(folder))).toEqual([])
    })

    test('takes the primitives of Node on Node: what is looked for above can be found', async () => {
      const bundled = await bundle([...condition, 'node', 'import', 'default'])
      expect(bundled.needed).toContain('node:crypto')
    })
  })
})
