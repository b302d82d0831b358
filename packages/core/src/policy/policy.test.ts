import { describe, expect, test } from 'vitest'

import { check, client, entitlement, group, issuer, role, scope } from './atoms.ts'
import { all, any, not, optional } from './combine.ts'
import { type AnyPolicy, type Policy, readNode, readPolicy } from './policy.ts'

const wild = (value: unknown): never => value as never

describe.each(Object.entries({ scope, role, group, entitlement, client, issuer }))('%s()', (op, make) => {
  test('is frozen data', () => {
    const policy = make('a', 'b')
    expect(policy).toEqual({ op, names: ['a', 'b'] })
    expect(Object.isFrozen(policy)).toBe(true)
    expect(Object.isFrozen((policy as unknown as { names: object }).names)).toBe(true)
  })

  test('takes a list, because configuration comes from files, and keeps a copy', () => {
    const names = ['a', 'b']
    const policy = make(names)
    names.push('c')
    expect(policy).toEqual({ op, names: ['a', 'b'] })
  })

  test('throws on what names nothing', () => {
    for (const names of [[], [[]], [''], ['a', ''], [undefined], [7], [['a', null]], [['a'], 'b']]) {
      expect(() => make(...wild(names))).toThrow(TypeError)
    }
  })
})

describe('scope()', () => {
  test.each(['a b', 'a"', 'é', ' a', 'a\n'])('throws on %j, which is not one scope (BT-14)', (name) => {
    expect(() => scope(name)).toThrow('one scope token')
  })
})

describe('check()', () => {
  test('throws without a name or a function', () => {
    expect(() => check('', () => true)).toThrow('needs a name')
    expect(() => check(wild(undefined), () => true)).toThrow('needs a name')
    expect(() => check('x', wild(true))).toThrow('needs a function')
  })
})

describe('all(), any(), not(), optional()', () => {
  test('throw without a policy: nothing that is empty grants', () => {
    expect(() => (all as () => unknown)()).toThrow('Cannot use the policy: all needs a policy')
    expect(() => (any as () => unknown)()).toThrow('Cannot use the policy: any needs a policy')
    expect(() => not(wild(undefined))).toThrow(TypeError)
    expect(() => optional(wild(undefined))).toThrow('optional needs a policy')
  })

  test.each([undefined, null, 'admin', () => true, {}, { op: 'none' }, { op: 'role' }, [role('a')]])(
    'throw on %j, which is no policy',
    (value) => {
      expect(() => all(role('a'), wild(value))).toThrow(TypeError)
      expect(() => any(wild(value))).toThrow(TypeError)
      expect(() => not(wild(value))).toThrow(TypeError)
      expect(() => optional(wild(value))).toThrow(TypeError)
    },
  )

  test('throw on optional inside of another policy', () => {
    for (const make of [all, any, not, optional] as ((policy: Policy) => unknown)[]) {
      expect(() => make(wild(optional()))).toThrow('optional stands at the top only')
    }
  })

  test('are frozen through and through', () => {
    const policy = optional(
      all(
        any(scope('a')),
        not(role('b')),
        check('c', () => true),
      ),
    )
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen))
    expect(frozen(policy)).toBe(true)
  })
})

describe('readPolicy()', () => {
  test('takes policies of this library as they are', () => {
    for (const policy of [scope('a'), all(scope('a')), optional(), optional(role('a'))] as AnyPolicy[]) {
      expect(readPolicy(policy)).toBe(policy)
    }
  })

  test('takes policies from JSON', () => {
    const text =
      '{"op":"all","policies":[{"op":"scope","names":["a"]},{"op":"not","policy":{"op":"role","names":["b"]}}]}'
    expect(readPolicy(JSON.parse(text) as Policy)).toEqual(JSON.parse(text))
    expect(readPolicy(JSON.parse('{"op":"optional"}') as AnyPolicy)).toEqual({ op: 'optional' })
  })

  test.each([
    ['an unknown operator', '{"op":"alll","policies":[]}', 'its operator is unknown'],
    ['no operator', '{}', 'its operator is unknown'],
    ['an operator that is no string', '{"op":["scope"],"names":["a"]}', 'its operator is unknown'],
    ['an empty list of policies', '{"op":"any","policies":[]}', 'any needs a policy'],
    ['policies that are no list', '{"op":"all","policies":{}}', 'all needs a policy'],
    ['an empty list of names', '{"op":"scope","names":[]}', 'scope needs a name'],
    ['an empty name', '{"op":"role","names":[""]}', 'role needs a name'],
    ['a check, which JSON cannot hold', '{"op":"check","name":"x"}', 'check needs a function'],
    ['not without a policy', '{"op":"not"}', 'it is not one'],
    ['optional inside', '{"op":"not","policy":{"op":"optional"}}', 'optional stands at the top only'],
    [
      'optional inside of optional',
      '{"op":"optional","policy":{"op":"optional"}}',
      'optional stands at the top only',
    ],
    [
      'a mistake at the bottom',
      '{"op":"optional","policy":{"op":"all","policies":[{"op":"x"}]}}',
      'its operator is unknown',
    ],
  ])('throws on %s', (_what, text, message) => {
    expect(() => readPolicy(JSON.parse(text) as Policy)).toThrow(
      new TypeError(`Cannot use the policy: ${message}`),
    )
  })

  test.each(['a b', 'a"', 'a", error="x', 'a\r\nSet-Cookie: a=b', 'é', ' a'])(
    'throws on %j in a file, which is not one scope (BT-14)',
    (name) => {
      const policy = { op: 'all', policies: [{ op: 'scope', names: ['a', name] }] }
      expect(() => readPolicy(JSON.parse(JSON.stringify(policy)) as Policy)).toThrow('one scope token')
      expect(() => all(policy.policies[0] as Policy)).toThrow('one scope token')
      expect(readPolicy({ op: 'role', names: [name] } as Policy)).toMatchObject({ names: [name] })
    },
  )

  test('looks again at what can still be changed', () => {
    const policy = { op: 'all' as const, policies: [{ op: 'scope' as const, names: ['a'] }] }
    readPolicy(policy)
    policy.policies = []
    expect(() => readPolicy(policy)).toThrow('all needs a policy')
    const maybe = { op: 'optional' as const, policy: { op: 'scope', names: ['a'] } as unknown }
    readPolicy(maybe)
    maybe.policy = 'everybody'
    expect(() => readPolicy(maybe)).toThrow(TypeError)
  })

  test('readNode() takes no optional policy, also one that was read before', () => {
    expect(() => readNode(optional())).toThrow('optional stands at the top only')
  })
})
