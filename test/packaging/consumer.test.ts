import { appendFile, cp, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { native } from '../runtimes/start.ts'
import { PACKAGES, root } from './built.ts'
import { type Packed, packAll, pnpm, run } from './pack.ts'

interface Expected {
  readonly issuer: string
  readonly path: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  readonly body: unknown
  /** The `error` which the lesser token gets: `''` for a challenge without one. */
  readonly lesser: string
}

const orders: Expected = {
  issuer: 'https://as.example',
  path: '/orders',
  claims: { scope: 'orders:read' },
  body: { for: 'user-1' },
  lesser: 'insufficient_scope',
}

/** What each example of the README is to answer. */
const EXAMPLES: Readonly<Record<string, Expected>> = {
  'express.ts': orders,
  'koa.ts': { ...orders, claims: { scope: 'orders:read', roles: ['clerk'] } },
  'hono.ts': orders,
  'request.ts': orders,
  'express-cors.ts': { ...orders, body: { orders: [] } },
  'keycloak.ts': {
    issuer: 'http://localhost:8080/realms/shop',
    path: '/orders',
    // `null` is how JSON says that a member is left out.
    claims: { client_id: null, azp: 'till', realm_access: { roles: ['clerk'] } },
    header: { typ: 'JWT' },
    body: { for: 'till' },
    lesser: '',
  },
  'commonjs.cjs': orders,
}

interface Answers {
  readonly [token: string]: { readonly status: number; readonly error: string | null; readonly body: unknown }
}

let packed: Packed
const cleanup = new AsyncDisposableStack()
let project: string
const examples = new Map<string, string>()

const readme = await readFile(path.join(root, 'README.md'), 'utf8')
for (const [, file, code] of readme.matchAll(/^```(?:ts|js) file=(\S+)\n([^]*?)^```$/gm))
  examples.set(file as string, code as string)

beforeAll(async () => {
  packed = cleanup.use(await packAll())
  project = path.join(packed.folder, 'consumer')
  await cp(path.join(import.meta.dirname, 'consumer'), project, { recursive: true })
  for (const [file, code] of examples) {
    await writeFile(path.join(project, file), code)
  }
  const manifest = JSON.parse(await readFile(path.join(project, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of PACKAGES) manifest.dependencies[`@atjwt/${name}`] = `file:${packed.tarballs[name]}`
  await writeFile(path.join(project, 'package.json'), JSON.stringify(manifest))
  // Not published yet: what the adapters depend on is the tarball too.
  await appendFile(
    path.join(project, 'pnpm-workspace.yaml'),
    `overrides:\n  '@atjwt/core': 'file:${packed.tarballs.core}'\n`,
  )
  await pnpm(['install', '--no-frozen-lockfile', '--prefer-offline'], project)
}, 240_000)
afterAll(() => cleanup.disposeAsync())

test('each example of the README says here what it is to answer', () => {
  expect([...examples.keys()].toSorted()).toEqual(Object.keys(EXAMPLES).toSorted())
})

describe.for([
  ['Node 24', () => process.execPath],
  ['Node 22', () => native('node22', 'bin/node')],
] as const)('installed from tarballs, on %s', ([, node]) => {
  test.for(Object.entries(EXAMPLES))('%s answers as the README says', async ([file, expected]) => {
    const { code, output } = await run(node(), ['probe.mjs', file, JSON.stringify(expected)], project)
    expect(code, output).toBe(0)
    // Neither types, nor ES modules under `require`, nor anything else may warn.
    const answers = JSON.parse(output) as Answers
    expect(answers).toMatchObject({
      none: { status: 401, error: '' },
      good: { status: 200, error: null, body: expected.body },
      lesser: { status: 403, error: expected.lesser },
      forged: { status: 401, error: 'invalid_token' },
    })
  })
})

test('importing @atjwt/core on Node loads itself and nothing else: of jose it has types', async () => {
  const { output } = await run(process.execPath, ['loaded.mjs', '@atjwt/core'], project)
  const loaded = JSON.parse(output) as string[]
  const names = new Set(loaded.map((file) => /^(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]))
  expect([...names]).toEqual(['@atjwt/core'])
  expect(loaded).toContain('@atjwt/core/dist/crypto/node.js')
  expect(loaded).not.toContain('@atjwt/core/dist/crypto/web.js')
})

describe('a CommonJS project under Jest', () => {
  const transform = /^```js\n\/\/ jest\.config\.js\n([^]*?)^```$/m.exec(readme)?.[1]

  test.for([
    ['with native require of ES modules', () => process.execPath, ['--experimental-vm-modules'], ''],
    ['with the transform of the README, on Node 22', () => native('node22', 'bin/node'), [], transform],
  ] as const)('%s', async ([, node, flags, config]) => {
    expect(config, 'the configuration in the README').toBeDefined()
    await writeFile(path.join(project, 'jest.config.cjs'), config as string)
    const jest = path.join(project, 'node_modules/jest/bin/jest.js')
    const { code, output } = await run(node(), [...flags, jest], project)
    expect(code, output).toBe(0)
    expect(output).toContain('1 passed, 1 total')
  })
})

describe.for(['typescript', 'typescript5'])('the declarations, read by %s', (typescript) => {
  test.for([
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ] as const)('hold under moduleResolution %s, without skipLibCheck', async ([moduleResolution, module]) => {
    const file = `tsconfig.${typescript}.${moduleResolution}.json`
    const compilerOptions = {
      module,
      moduleResolution,
      target: 'es2023',
      lib: ['es2023', 'dom', 'dom.iterable'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      noEmit: true,
      skipLibCheck: false,
    }
    const files = ['types.ts', ...[...examples.keys()].filter((example) => example.endsWith('.ts'))]
    await writeFile(path.join(project, file), JSON.stringify({ compilerOptions, files }))
    const tsc = path.join(project, 'node_modules', typescript, 'bin/tsc')
    const { code, output } = await run(process.execPath, [tsc, '-p', file], project)
    expect(output).toBe('')
    expect(code).toBe(0)
  })
})
