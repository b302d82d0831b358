import type { AccessToken, ResourceServerOptions } from '@atjwt/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createSigner, PATIENCE, runs, serverOf } from './signer.ts'

const signer = createSigner('EdDSA', 'key-1')

/** Everything that can be reached from a value by its own properties and prototypes, but for what the language made. */
function reachable(root: object): Set<object> {
  const found = new Set<object>()
  const pending: unknown[] = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) continue
    if (found.has(value) || INTRINSICS.has(value)) continue
    found.add(value)
    pending.push(Object.getPrototypeOf(value))
    for (const name of Reflect.ownKeys(value)) {
      const descriptor = Object.getOwnPropertyDescriptor(value, name) as PropertyDescriptor
      // What an accessor returns is reachable; the accessors of a prototype need an instance.
      if ('value' in descriptor) pending.push(descriptor.value)
    }
  }
  return found
}

const INTRINSICS = new Set<unknown>([
  Object.prototype,
  Function.prototype,
  Array.prototype,
  Object,
  Function,
  Array,
])

/** Methods are functions like any other: who replaces their properties changes nothing of a token. */
function isPlainFunction(value: object): boolean {
  return typeof value === 'function' && !/^class\b/.test(Function.prototype.toString.call(value))
}

/** All that can be read of a token. */
function contentOf(token: AccessToken): string {
  return JSON.stringify([token, Object.keys(token.claims), [...token.scopes], [...token.groups.entries()]])
}

const MUTATORS: readonly ((value: object) => unknown)[] = [
  (value) => Set.prototype.add.call(value as Set<unknown>, 'admin'),
  (value) => Set.prototype.delete.call(value as Set<unknown>, 'a'),
  (value) => {
    Set.prototype.clear.call(value as Set<unknown>)
  },
  (value) => Map.prototype.set.call(value as Map<unknown, unknown>, 'admin', true),
  (value) => Array.prototype.push.call(value as unknown[], 'admin'),
  (value) => Object.assign(value, { admin: true }),
  (value) => Object.setPrototypeOf(value, { admin: true }),
  (value) => Object.defineProperty(value, 'admin', { value: true }),
  (value) => {
    ;(value as { __proto__: unknown }).__proto__ = { admin: true }
  },
]

function attack(token: AccessToken): void {
  for (const value of reachable(token)) {
    if (isPlainFunction(value)) continue
    expect(value).toSatisfy(Object.isFrozen)
    for (const name of Reflect.ownKeys(value)) {
      expect(Reflect.set(value, name, 'admin')).toBe(false)
      expect(Reflect.deleteProperty(value, name)).toBe(false)
    }
    for (const mutate of MUTATORS) {
      // On an object without a prototype, or of another kind, some of these do nothing instead of throwing.
      try {
        mutate(value)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
      }
    }
  }
}

const claims = fc.record(
  {
    scope: fc.constantFrom('a', 'a b', ''),
    roles: fc.subarray(['a', 'b']),
    groups: fc.array(fc.record({ value: fc.constantFrom('a', 'b'), display: fc.string() }), { maxLength: 3 }),
    entitlements: fc.array(fc.jsonValue(), { maxLength: 3 }),
    extra: fc.jsonValue({ maxDepth: 4 }),
    ['__proto__']: fc.constant({ admin: true }),
  },
  { requiredKeys: [] },
)

describe('an access token', () => {
  test(
    'cannot be changed, nor anything that can be reached from it',
    async () => {
      const api = serverOf([signer])
      let values = 0
      await fc.assert(
        fc.asyncProperty(claims, async (given) => {
          const text = signer.issue(given as Record<string, unknown>)
          const token = await api.verify(text)
          const before = contentOf(token)
          attack(token)
          values += reachable(token).size
          expect(contentOf(token)).toBe(before)
          // The next request meets the same object, from the cache.
          expect(await api.verify(text)).toBe(token)
          expect((token as unknown as { admin?: unknown }).admin).toBeUndefined()
        }),
        runs(500),
      )
      expect(values).toBeGreaterThan(5000)
    },
    PATIENCE,
  )

  test('cannot be changed where a schema made its claims, whatever the schema froze itself', async () => {
    const shared = Object.freeze({ roles: ['reader'], nested: Object.freeze({ list: [{ id: 1 }] }) })
    const cyclic: Record<string, unknown> = { list: [1] }
    cyclic['self'] = cyclic
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => ({ value: { ...(value as object), org: shared, cyclic } }),
      },
    } as const
    const api = serverOf([signer], { claims: schema } as Partial<ResourceServerOptions>)
    const token = await api.verify(signer.issue())
    attack(token)
    const org = token.claims['org'] as typeof shared
    expect(() => org.roles.push('admin')).toThrow(TypeError)
    expect(() => (org.nested.list[0] as { id: number }).id++).toThrow(TypeError)
    expect(org).toEqual({ roles: ['reader'], nested: { list: [{ id: 1 }] } })
  })

  test('hands out copies: what they become, the token stays', async () => {
    const token = await serverOf([signer]).verify(signer.issue({ scope: 'a b', roles: ['a'] }))
    token.scopes.union(new Set(['admin'])).add('root')
    const list = (token.roles as unknown as { toJSON(): string[] }).toJSON()
    list.push('admin')
    token.scopes.forEach((_value, _key, set) => {
      expect(() => Set.prototype.add.call(set, 'admin')).toThrow(TypeError)
    })
    expect([...token.scopes]).toEqual(['a', 'b'])
    expect([...token.roles]).toEqual(['a'])
  })
})
