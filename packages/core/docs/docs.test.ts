import { execFile } from 'node:child_process'
import { access, glob, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, test } from 'vitest'

import { ERRORS } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const source = join(root, 'packages/core/src')

interface Page {
  /** Relative to the root of the repository. */
  readonly path: string
  readonly text: string
}

async function readPages(): Promise<Page[]> {
  const pages: Page[] = []
  for await (const path of glob(['*.md', '.github/*.md', 'packages/*/*.md', 'packages/core/docs/*.md'], {
    cwd: root,
  })) {
    pages.push({ path, text: await readFile(join(root, path), 'utf8') })
  }
  return pages
}

const pages = await readPages()
const docs = pages.map(({ text }) => text).join('\n')
const page = (path: string): string => {
  const found = pages.find((candidate) => candidate.path === path)
  if (found === undefined) throw new Error(`there is no ${path}`)
  return found.text
}

/** The anchor of a heading, as it is made where Markdown is shown on the web. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

/** What is in code is no link and no heading. */
const prose = (text: string): string =>
  text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]]/g, ''))

const anchorsOf = (text: string): string[] =>
  [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading as string))

async function brokenLinks({ path, text }: Page): Promise<string[]> {
  const broken: string[] = []
  for (const [, target] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
    const [file, anchor] = (target as string).split('#', 2) as [string, string?]
    if (/^[a-z]+:/.test(file)) continue
    const found = file === '' ? path : relative(root, resolve(root, dirname(path), file))
    // oxlint-disable-next-line no-await-in-loop -- a few links
    const exists = await access(join(root, found)).then(
      () => true,
      () => false,
    )
    const right = anchor === undefined || (found.endsWith('.md') && anchorsOf(page(found)).includes(anchor))
    if (!exists || !right) broken.push(`${path}: ${target}`)
  }
  return broken
}

describe('links', () => {
  test('every relative link leads to a file, and its anchor to a heading', async () => {
    expect(pages.length).toBeGreaterThan(15)
    expect((await Promise.all(pages.map(brokenLinks))).flat()).toEqual([])
  })

  test('a link that leads nowhere is found', async () => {
    const text = 'see [a](nowhere.md) and [b](README.md#no-such-heading) and [c](README.md#cors)'
    expect(await brokenLinks({ path: 'made-up.md', text })).toEqual([
      'made-up.md: nowhere.md',
      'made-up.md: README.md#no-such-heading',
    ])
  })

  test('every page of the documentation is linked from the README', () => {
    for (const { path } of pages.filter((candidate) => candidate.path.startsWith('packages/core/docs/'))) {
      expect(page('README.md')).toContain(`(${path})`)
    }
  })
})

describe('reason-codes.md', () => {
  const sections = page('packages/core/docs/reason-codes.md').split(/^## /m).slice(1)

  test('has every code of ERRORS, in its order, and no other', () => {
    expect(sections.map((section) => section.split('\n', 1)[0])).toEqual(Object.keys(ERRORS))
  })

  test.each(Object.entries(ERRORS))(
    'says of %s what ERRORS says, when it happens and what to do',
    (code, row) => {
      const section = sections.find((candidate) => candidate.startsWith(`${code}\n`)) ?? ''
      const error = 'error' in row ? `\`${row.error}\`` : 'no error code'
      const [, rfc, number] = /^RFC (\d+) §([\d.]+)$/.exec(row.spec) ?? []
      const link = `[${row.spec}](https://www.rfc-editor.org/rfc/rfc${rfc}#section-${number})`
      expect(section).toContain(`\n${row.status} · ${error} · “${row.text}” · ${link}\n`)
      expect(section).toMatch(/^\*\*When\.\*\* .{10,}$/m)
      expect(section).toMatch(/^\*\*What to do\.\*\* .{5,}$/m)
    },
  )
})

/** The members of an exported interface, by their names as they are written. */
async function membersOf(file: string, name: string): Promise<string[]> {
  const text = await readFile(join(source, file), 'utf8')
  const [, body] = new RegExp(String.raw`export interface ${name}\b[^\n]*\{\n([^]*?)\n\}`).exec(text) ?? []
  return [...(body ?? '').matchAll(/^ {2}(?:readonly )?(\[?\w+\]?)\??[:(<]/gm)].map(
    ([, member]) => member as string,
  )
}

describe('what can be configured', () => {
  test.each([
    ['options.ts', 'ResourceServerOptions', 20],
    ['issuer/trust.ts', 'TrustedIssuer', 9],
    ['issuer/trust.ts', 'Deviations', 4],
    ['adapter.ts', 'ProtectOptions', 2],
  ])('every member of %s %s stands in a table of the documentation', async (file, name, least) => {
    const members = await membersOf(file, name)
    expect(members.length).toBeGreaterThanOrEqual(least)
    const rows = docs.split('\n').filter((line) => line.startsWith('| `'))
    const named = new Set(
      rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, code]) => code)),
    )
    expect(members.filter((member) => !named.has(member))).toEqual([])
  })

  test('the defaults are those of the code', () => {
    const { times, ...resolved } = resolveOptions({
      issuer: 'https://as.example',
      audience: 'https://api.example',
    })
    const defaults = new Map(
      page('packages/core/docs/getting-started.md')
        .split('\n')
        .filter((line) => line.startsWith('| `'))
        .map((row) => row.split('|').map((cell) => cell.trim()))
        .map(([, name, value]) => [name, value] as const),
    )
    const figure = (name: string): number =>
      Number(/^[\d,]+/.exec(defaults.get(`\`${name}\``) ?? '')?.[0].replaceAll(',', ''))
    expect(figure('clockTolerance')).toBe(times.clockTolerance)
    expect(figure('maxTokenLifetime') * 86_400).toBe(times.maxTokenLifetime)
    expect(figure('maxTokenLength')).toBe(resolved.maxTokenLength)
    expect(figure('maxStale')).toBe(resolved.maxStale)
    expect(figure('maxKeyLifetime')).toBe(resolved.maxKeyLifetime)
    expect(figure('cache')).toBe(resolved.cache?.max)
    expect(page('packages/core/docs/performance-and-limits.md')).toContain(`${times.aheadTolerance} s, or`)
    expect(defaults.get('`realm`')).toBe('the first audience')
    expect(resolved.realm).toBe('"https://api.example"')
  })

  test('every failure and every state that status() can show is explained', async () => {
    const text = await readFile(join(source, 'issuer/fetch.ts'), 'utf8')
    const failures = [
      ...(/export type FetchFailure =([^]*?)\n\n/.exec(text)?.[1]?.matchAll(/'(\w+)'/g) ?? []),
    ].map(([, name]) => name)
    expect(failures.length).toBeGreaterThan(5)
    for (const failure of [
      ...failures,
      'issuer_mismatch',
      'jwks_uri_unusable',
      'origin_refused',
      'no_usable_key',
    ]) {
      expect(page('packages/core/docs/keys-and-outages.md')).toContain(`\`${failure}\``)
    }
  })

  test('every event of an issuer is named', async () => {
    const text = await readFile(join(source, 'issuer/events.ts'), 'utf8')
    const types = [...text.matchAll(/readonly type: '(\w+)'/g)].map(([, type]) => type as string)
    expect(types.length).toBeGreaterThan(5)
    expect(
      types.filter((type) => !page('packages/core/docs/keys-and-outages.md').includes(`\`${type}\``)),
    ).toEqual([])
  })
})

test('every exported name is explained: on a page, or by a comment where it is declared', async () => {
  const index = await readFile(join(source, 'index.ts'), 'utf8')
  const unexplained: string[] = []
  let exported = 0
  for (const [, names, file] of index.matchAll(/export (?:type )?\{([^}]*)\} from '([^']+)'/g)) {
    // oxlint-disable-next-line no-await-in-loop -- a few files
    const text = await readFile(join(source, file as string), 'utf8')
    for (const name of (names as string).split(',').map((entry) => entry.trim().replace(/^type /, ''))) {
      if (name === '') continue
      exported += 1
      const declared = new RegExp(
        String.raw`\*/\nexport (?:declare )?(?:async )?(?:function|const|class|interface|type) ${name}\b`,
      )
      if (!declared.test(text) && !new RegExp(String.raw`\`[^\`\n]*\b${name}\b[^\`\n]*\``).test(docs))
        unexplained.push(name)
    }
  }
  expect(exported).toBeGreaterThan(40)
  expect(unexplained).toEqual([])
})

describe('code blocks', () => {
  const blocks = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/^```ts\b.*\n([^]*?)^```$/gm)].map(([, code], index) => ({
      path,
      index,
      code: code as string,
    })),
  )

  test('compile as they stand, strictly', { timeout: 60_000 }, async () => {
    expect(blocks.length).toBeGreaterThan(25)
    const folder = await mkdtemp(join(tmpdir(), 'atjwt-docs-'))
    try {
      await symlink(join(root, 'test/node_modules'), join(folder, 'node_modules'))
      const files = blocks.map(({ path, index }) => `${path.replaceAll(/\W/g, '-')}-${index + 1}.ts`)
      await Promise.all(
        blocks.map(async ({ code }, at) => writeFile(join(folder, files[at] as string), code)),
      )
      await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
      // A page shows a variable without using it, and `ctx.state.auth` as Koa's users write it.
      const compilerOptions = {
        noUnusedLocals: false,
        noPropertyAccessFromIndexSignature: false,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      }
      await writeFile(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions, files }),
      )
      const tsc = join(root, 'node_modules/.bin/tsc')
      const { stdout } = await promisify(execFile)(tsc, ['-p', folder], { cwd: folder }).catch(
        (error: { stdout?: string }) => ({ stdout: error.stdout ?? String(error) }),
      )
      expect(stdout).toBe('')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
