import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

import { expect, test } from 'vitest'

import { assertBuilt, root } from './built.ts'
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

test('@atjwt/core exports', async () => {
  expect(await exportsOf('core/dist/index')).toMatchInlineSnapshot(`
    [
      "class AuthorizationError",
      "function all",
      "function any",
      "function check",
      "function client",
      "function createResourceServer",
      "function entitlement",
      "function evaluate",
      "function fromNode",
      "function group",
      "function issuer",
      "function not",
      "function optional",
      "function role",
      "function scope",
      "function tokenOf",
      "object ERRORS",
      "string ISSUER_CHANNEL",
      "symbol allowInsecureRequests",
      "symbol clock",
      "symbol customFetch",
      "symbol waitUntil",
      "type AccessToken",
      "type AccessTokenClaims",
      "type AnyAuthorizationError",
      "type AnyPolicy",
      "type Atom",
      "type Authorities",
      "type Authority",
      "type AuthorizeResult",
      "type ClaimsOf",
      "type ContextOf",
      "type Decision",
      "type DecisionEvent",
      "type Deviations",
      "type ErrorCode",
      "type ErrorResponse",
      "type HeaderList",
      "type IssuerEvent",
      "type IssuerResolver",
      "type IssuerStatus",
      "type KeyFailure",
      "type KeySnapshot",
      "type Names",
      "type NodeRequest",
      "type OneOrMore",
      "type OptionalPolicy",
      "type Policy",
      "type ResourceRequest",
      "type ResourceServer",
      "type ResourceServerOptions",
      "type Test",
      "type TrustedIssuer",
    ]
  `)
})

test('@atjwt/core/adapter exports', async () => {
  expect(await exportsOf('core/dist/adapter')).toMatchInlineSnapshot(`
    [
      "function addHeaders",
      "function authOf",
      "function createGuard",
      "function findAuth",
      "function replaceHeaders",
      "type AnswerHeaders",
      "type Guard",
      "type GuardAnswer",
      "type GuardResult",
      "type ProtectOptions",
    ]
  `)
})

test('@atjwt/testing exports', async () => {
  expect(await exportsOf('testing/dist/index')).toMatchInlineSnapshot(`
    [
      "function accessToken",
      "function createTestIssuer",
      "object FAULTS",
      "type Fault",
      "type FaultContext",
      "type FaultName",
      "type FetchCounts",
      "type Forgery",
      "type Outage",
      "type RequestParts",
      "type ResourceServerOptionsOfIssuer",
      "type TestClaims",
      "type TestClock",
      "type TestHeader",
      "type TestIssuer",
      "type TestIssuerOptions",
    ]
  `)
})

test('@atjwt/express/augment exports nothing: it is there for its types', async () => {
  expect(await exportsOf('express/dist/augment')).toEqual([])
})

test.for(['express', 'koa', 'hono'])(
  '@atjwt/%s exports all of the core, and the same few names as the others',
  async (name) => {
    const { core, entries } = await list(`${name}/dist/index`)
    const inherited = entries.filter(([, , same]) => same).map(([entry]) => entry)
    expect(inherited).toEqual(core)
    expect(readFileSync(file(`${name}/dist/index.d.ts`), 'utf8')).toContain('export * from "@atjwt/core"')
    expect(await exportsOf(`${name}/dist/index`)).toEqual([
      'function authOf',
      'function findAuth',
      'function protect',
      'type ProtectOptions',
    ])
  },
)
