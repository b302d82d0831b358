import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

import { expect, test } from 'vitest'

import { assertBuilt, root } from './built.ts'

assertBuilt()

/** What one entry point exports, as `kind name`: values by loading it, types by its declarations. */
async function exportsOf(entry: string): Promise<string[]> {
  const file = path.join(root, 'packages', entry)
  const module = (await import(pathToFileURL(`${file}.js`).href)) as Record<string, unknown>
  const values = Object.entries(module).map(([name, value]) => `${kindOf(value)} ${name}`)
  const declarations = readFileSync(`${file}.d.ts`, 'utf8')
  const names = [...declarations.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, list]) =>
    (list as string).split(',').map((name) => name.trim().replace(/^type /, '')),
  )
  const types = names.filter((name) => name !== '' && !(name in module)).map((name) => `type ${name}`)
  return [...values, ...types].toSorted()
}

function kindOf(value: unknown): string {
  if (typeof value !== 'function') return typeof value
  return /^class\b/.test(Function.prototype.toString.call(value)) ? 'class' : 'function'
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
      "function createTestIssuer",
      "type Outage",
      "type TestClaims",
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
    const core = (await import(pathToFileURL(path.join(root, 'packages/core/dist/index.js')).href)) as object
    const adapter = (await import(
      pathToFileURL(path.join(root, `packages/${name}/dist/index.js`)).href
    )) as object
    expect(adapter).toMatchObject(core)
    const inherited = new Set(Object.keys(core))
    const own = (await exportsOf(`${name}/dist/index`)).filter(
      (line) => !inherited.has(line.split(' ')[1] as string),
    )
    expect(own).toEqual(['function authOf', 'function findAuth', 'function protect', 'type ProtectOptions'])
    expect(readFileSync(path.join(root, `packages/${name}/dist/index.d.ts`), 'utf8')).toContain(
      'export * from "@atjwt/core"',
    )
  },
)
