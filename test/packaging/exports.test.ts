import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

import { expect, test } from 'vitest'

import { assertBuilt, PACKAGES, root } from './built.ts'
import { run } from './pack.ts'

assertBuilt()

/** Loads an entry point of a build, in a process in which the source condition is not set. */
const LIST = `
  const [core, module] = await Promise.all(process.argv.slice(1).map((url) => import(url)))
  const kindOf = (value) =>
    typeof value === 'function' && /^class\\b/.test(Function.prototype.toString.call(value)) ? 'class' : typeof value
  const entries = Object.entries(module).map(([name, value]) => [name, kindOf(value), core[name] === value])
  console.log(JSON.stringify({ core: Object.keys(core), entries }))
`

interface Listed {
  /** The names which `@atjwt/core` exports. */
  readonly core: readonly string[]
  /** Name, kind, and whether it is the same value under the same name in `@atjwt/core`. */
  readonly entries: readonly (readonly [name: string, kind: string, inherited: boolean])[]
}

const file = (entry: string): string => path.join(root, 'packages', entry)

async function list(entry: string): Promise<Listed> {
  const urls = ['core/dist/index.js', `${entry}.js`].map((name) => pathToFileURL(file(name)).href)
  const { code, output } = await run(process.execPath, ['--input-type=module', '-e', LIST, ...urls], root)
  expect(code, output).toBe(0)
  return JSON.parse(output) as Listed
}

/** What one entry point exports by itself, as `kind name`: values by loading it, types by its declarations. */
async function exportsOf(entry: string): Promise<string[]> {
  const { entries } = await list(entry)
  const own = entry === 'core/dist/index' ? entries : entries.filter(([, , inherited]) => !inherited)
  const values = own.map(([name, kind]) => `${kind} ${name}`)
  const known = new Set(entries.map(([name]) => name))
  const declarations = readFileSync(file(`${entry}.d.ts`), 'utf8')
  const types = [...declarations.matchAll(/^export \{([^}]*)\}/gm)]
    .flatMap(([, names]) => (names as string).split(',').map((name) => name.trim().replace(/^type /, '')))
    .filter((name) => name !== '' && !known.has(name))
    .map((name) => `type ${name}`)
  return [...values, ...types].toSorted()
}

const ENTRIES = PACKAGES.flatMap((name) => {
  const manifest = JSON.parse(readFileSync(file(`${name}/package.json`), 'utf8')) as {
    publishConfig: { exports: Record<string, string> }
  }
  return Object.entries(manifest.publishConfig.exports)
    .filter(([, target]) => target.endsWith('.js'))
    .map(([subpath, target]) => [
      `@atjwt/${name}${subpath.slice(1)}`,
      path.join(name, target.replace(/\.js$/, '')),
    ])
})

test.for(ENTRIES)('%s exports what was agreed, and nothing by accident', async ([, entry]) => {
  expect(await exportsOf(entry as string)).toMatchSnapshot()
})

test.for(['express', 'koa', 'hono'])(
  '@atjwt/%s exports all of the core and three functions',
  async (name) => {
    const { core, entries } = await list(`${name}/dist/index`)
    const inherited = entries.filter(([, , same]) => same).map(([entry]) => entry)
    expect(inherited).toEqual(core)
    const own = entries.filter(([, , same]) => !same).map(([entry]) => entry)
    expect(own).toEqual(['authOf', 'findAuth', 'protect'])
    expect(readFileSync(file(`${name}/dist/index.d.ts`), 'utf8')).toContain('export * from "@atjwt/core"')
  },
)
