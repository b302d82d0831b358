import type { AnyPolicy, AuthorizeResult } from '@atjwt/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { parseChallenge } from '../challenge.ts'
import {
  claimPolicies,
  held,
  type Held,
  monotonicPolicies,
  NAMES,
  policies,
  withOptional,
} from './policies.ts'
import { createSigner, PATIENCE, requestWith, runs, serverOf } from './signer.ts'

const signer = createSigner('EdDSA', 'key-1')
const api = serverOf([signer])

function ask(claims: Record<string, unknown>, policy: AnyPolicy): Promise<AuthorizeResult<unknown>> {
  return api.authorize(requestWith(signer.issue(claims)), policy)
}

type Claim = keyof Held

/** Ways to say the same in a form which is not the one of RFC 9068: nobody can tell what is held. */
const DEGRADATIONS: Readonly<Record<string, (value: unknown) => unknown>> = {
  'an array as a string': (value) => (Array.isArray(value) ? value.map(String).join(' ') : [value]),
  'a string as an array': (value) => (typeof value === 'string' ? value.split(' ') : String(value)),
  'an object with the values as names': (value) =>
    Object.fromEntries(namesIn(value).map((name) => [name, true])),
  'an object in the place of the list': (value) => ({ values: value }),
  null: () => null,
  'a number': () => 7,
  'a boolean': () => true,
  false: () => false,
  'a null among the values': (value) => (Array.isArray(value) ? [...value, null] : [value, null]),
  'nothing but a null': () => [null],
  'numbers for values': (value) => (Array.isArray(value) ? value.map((_value, i) => i) : [0]),
  'a list in the list': (value) => [value],
  'objects without a value': (value) =>
    namesIn(value)
      .map((display) => ({ display }))
      .concat({ display: 'a' }),
  'values that are no strings': (value) =>
    namesIn(value)
      .map((name) => ({ value: [name] }))
      .concat({ value: ['a'] }),
  'an empty value': (value) => (Array.isArray(value) ? [...value, ''] : ['']),
}

function namesIn(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ')
  return (value as unknown[]).map((element) =>
    typeof element === 'object' ? String((element as { value: unknown }).value) : String(element),
  )
}

/** The claims with some of them degraded; `_claim_names` says that they stand elsewhere. */
const degraded = fc
  .tuple(
    held,
    fc.uniqueArray(fc.constantFrom<Claim>('scope', 'roles', 'groups', 'entitlements'), { minLength: 1 }),
    fc.array(fc.constantFrom(...Object.keys(DEGRADATIONS)), { minLength: 4, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([claims, names, ways, elsewhere]) => {
    const worse: Record<string, unknown> = { ...claims }
    for (const [i, name] of names.entries()) {
      const value = claims[name]
      if (value === undefined) {
        if (elsewhere && name !== 'scope')
          worse['_claim_names'] = { ...(worse['_claim_names'] as object), [name]: 'src1' }
        continue
      }
      // An empty list says that nothing is held, and some degradations of it say so as well.
      if (value.length === 0) continue
      const way = DEGRADATIONS[ways[i] as string] as (value: unknown) => unknown
      worse[name] = way(value)
    }
    return { claims, worse }
  })

describe('a policy', () => {
  test(
    'never grants to a token whose claims lost their shape what it refused before',
    async () => {
      let refused = 0
      await fc.assert(
        fc.asyncProperty(withOptional(claimPolicies), degraded, async (policy, { claims, worse }) => {
          const before = await ask({ ...claims }, policy)
          if (before.ok) return
          refused += 1
          const after = await ask(worse, policy)
          expect(after.ok).toBe(false)
        }),
        runs(2000),
      )
      expect(refused).toBeGreaterThan(500)
    },
    PATIENCE,
  )

  test(
    'names scopes in a challenge only when a token with these in addition passes',
    async () => {
      let challenged = 0
      await fc.assert(
        fc.asyncProperty(withOptional(policies), held, async (policy, claims) => {
          const before = await ask({ ...claims }, policy)
          if (before.ok || before.error.code !== 'missing_scope') return
          challenged += 1
          const field = before.response.headers.find(([name]) => name === 'WWW-Authenticate')?.[1] as string
          const { params } = parseChallenge(field)
          expect(params.get('error')).toBe('insufficient_scope')
          const named = (params.get('scope') as string).split(' ')
          const has = (claims.scope ?? '').split(' ')
          expect(named.some((name) => !has.includes(name))).toBe(true)
          const scope = [...new Set([...has, ...named])].filter((name) => name !== '').join(' ')
          const after = await ask({ ...claims, scope }, policy)
          expect(after.ok).toBe(true)
        }),
        runs(2000),
      )
      expect(challenged).toBeGreaterThan(200)
    },
    PATIENCE,
  )

  test(
    'names scopes in a challenge whenever more scope alone would do',
    async () => {
      let hopeless = 0
      await fc.assert(
        fc.asyncProperty(withOptional(monotonicPolicies), held, async (policy, claims) => {
          const before = await ask({ ...claims }, policy)
          if (before.ok || before.error.code !== 'policy_denied') return
          hopeless += 1
          expect(before.response.status).toBe(403)
          // The policies are monotonic in their scopes: if all do not help, none does.
          const after = await ask({ ...claims, scope: NAMES.join(' ') }, policy)
          expect(after.ok).toBe(false)
        }),
        runs(2000),
      )
      expect(hopeless).toBeGreaterThan(200)
    },
    PATIENCE,
  )
})
