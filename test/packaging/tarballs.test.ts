import { globSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PACKAGES, root } from './built.ts'
import { type Package, type Packed, packAll, run } from './pack.ts'

/** What an application takes on with a package. */
const DEPENDENCIES: Readonly<Partial<Record<Package, readonly string[]>>> = {
  core: ['@standard-schema/spec', 'jose'],
  express: ['@atjwt/core'],
  hono: ['@atjwt/core'],
  koa: ['@atjwt/core'],
}

interface Manifest {
  readonly version: string
  readonly license: string
  readonly exports: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly imports?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly engines: { readonly node: string }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

let packed: Packed
const cleanup = new AsyncDisposableStack()
beforeAll(async () => {
  packed = cleanup.use(await packAll())
})
afterAll(() => cleanup.disposeAsync())

describe.for(PACKAGES)('the tarball of @atjwt/%s', (name) => {
  let folder: string
  let files: string[]
  let manifest: Manifest
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8')

  beforeAll(async () => {
    folder = path.join(packed.folder, name)
    mkdirSync(folder)
    const { code, output } = await run('tar', ['-xzf', packed.tarballs[name], '--strip-components=1'], folder)
    expect([code, output]).toEqual([0, ''])
    files = globSync('**/*', { cwd: folder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
      .toSorted()
    manifest = JSON.parse(read('package.json')) as Manifest
  })

  test('holds the build, its documents and nothing else', () => {
    const rest = files.filter((file) => !/^dist\/[\w/-]+\.(?:js|d\.ts)$/.test(file))
    const documents =
      name === 'core'
        ? globSync(['docs/*.md', 'docs/figures/*.svg'], { cwd: path.join(root, 'packages/core') }).toSorted()
        : []
    expect(rest).toEqual(['LICENSE', 'README.md', ...documents, 'package.json'].toSorted())
    expect(read('LICENSE')).toBe(readFileSync(path.join(root, 'LICENSE'), 'utf8'))
  })

  test('holds no key, no path of the machine that built it, and no reference to a file which is not there', () => {
    for (const file of files) {
      const text = read(file)
      expect(text, file).not.toMatch(/BEGIN[A-Z ]* PRIVATE KEY-----\s+[A-Za-z0-9+/=]|"d"\s*:\s*"[\w-]{20}/)
      expect(text, file).not.toContain(root)
      if (!file.startsWith('dist/')) continue
      expect(text, file).not.toMatch(/sourceMappingURL|\.test\.ts/)
      for (const [, target] of text.matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)) {
        const resolved = path.join(path.dirname(file), target as string)
        expect(files, `${file} imports ${target}`).toContain(
          file.endsWith('.d.ts') ? resolved.replace(/\.js$/, '.d.ts') : resolved,
        )
      }
    }
  })

  test('exports what it promises, each with its types beside it, and the source to nobody', () => {
    const source = readFileSync(path.join(root, 'packages', name, 'package.json'), 'utf8')
    expect(Object.keys(manifest.exports)).toEqual(Object.keys((JSON.parse(source) as Manifest).exports))
    for (const target of Object.values(manifest.bin ?? {})) {
      expect(files).toContain(path.normalize(target))
      expect(read(target)).toMatch(/^#!\/usr\/bin\/env node\n/)
    }
    const targets = Object.values(manifest.exports).filter((target) => target !== './package.json')
    for (const target of targets) {
      expect(files).toContain(path.normalize(target))
      expect(files).toContain(path.normalize(target).replace(/\.js$/, '.d.ts'))
    }
    expect(read('package.json')).not.toMatch(/@atjwt\/source|catalog:|workspace:|\/src\//)
    expect(manifest).toMatchObject({ license: 'MIT', engines: { node: '>=22.12' } })
  })

  test('depends on little, and imports nothing else', () => {
    const { dependencies = {}, peerDependencies = {} } = manifest
    const promised = DEPENDENCIES[name] ?? Object.keys(dependencies).toSorted()
    expect(Object.keys(dependencies).toSorted()).toEqual(promised)
    const known = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)])
    for (const file of files.filter((candidate) => /\.(?:js|d\.ts)$/.test(candidate))) {
      for (const [, specifier] of read(file).matchAll(/\b(?:from|import)\s*\(?"([^."][^"]*)"/g)) {
        const target = specifier as string
        if (target === 'cloudflare:workers') expect(file).toBe('dist/runtime/workerd.js')
        else if (target.startsWith('#')) expect(Object.keys(manifest.imports ?? {})).toContain(target)
        else if (!target.startsWith('node:'))
          expect(known, `${file} imports ${target}`).toContain(/^(?:@[^/]+\/)?[^/]+/.exec(target)?.[0])
      }
    }
  })

  test('satisfies publint and attw', async () => {
    const tools: [string, string[]][] = [
      ['publint', ['--strict', packed.tarballs[name]]],
      ['attw', ['--profile', 'esm-only', packed.tarballs[name]]],
    ]
    for (const [tool, args] of tools) {
      const { code, output } = await run(path.join(root, 'node_modules/.bin', tool), args, root)
      expect(code, output).toBe(0)
    }
  })
})

test('the tarball of @atjwt/core leaves the choice of implementation to the runtime', () => {
  const folder = path.join(packed.folder, 'core')
  const { imports } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest
  const runtimes = (file: string): object => ({
    workerd: './dist/' + file.replace('*', 'workerd'),
    'edge-light': './dist/' + file.replace('*', 'web'),
    browser: './dist/' + file.replace('*', 'web'),
    node: './dist/' + file.replace('*', 'node'),
    default: './dist/' + file.replace('*', 'web'),
  })
  expect(imports).toEqual({
    '#crypto': { ...runtimes('crypto/*.js'), workerd: './dist/crypto/web.js' },
    '#runtime': runtimes('runtime/*.js'),
  })
  const code = globSync('dist/*.js', { cwd: folder }).map((file) =>
    readFileSync(path.join(folder, file), 'utf8'),
  )
  for (const specifier of ['#crypto', '#runtime'])
    expect(code.some((text) => text.includes(`from "${specifier}"`))).toBe(true)
  // Nothing that every runtime loads may need Node.
  for (const text of code) expect(text).not.toMatch(/from "node:|\bprocess\.(?:env|version)|\bBuffer\.from/)
  for (const file of globSync('dist/{crypto,runtime}/{web,workerd}.js', { cwd: folder }))
    expect(readFileSync(path.join(folder, file), 'utf8'), file).not.toMatch(/node:|process\b|Buffer\b/)
})
