import {
  all,
  any,
  type AnyPolicy,
  check,
  client,
  entitlement,
  group,
  issuer,
  not,
  optional,
  type Policy,
  role,
  scope,
} from '@atjwt/core'
import fc from 'fast-check'

import { ISSUER } from './signer.ts'

/** Few names, so that policies and tokens often speak of the same ones. */
export const NAMES = ['a', 'b', 'c'] as const

const names = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 2 }) as fc.Arbitrary<
  ['a' | 'b' | 'c', ...('a' | 'b' | 'c')[]]
>

const scopes: fc.Arbitrary<Policy> = names.map((list) => scope(...list))
const others: fc.Arbitrary<Policy> = fc.oneof(
  names.map((list) => role(...list)),
  names.map((list) => group(...list)),
  names.map((list) => entitlement(...list)),
  fc.constantFrom('client-1', 'client-2').map((id) => client(id)),
  fc.constantFrom(ISSUER, 'https://other.example').map((id) => issuer(id)),
)
/** A check whose answer is its own: at once or later. */
const checks: fc.Arbitrary<Policy> = fc
  .tuple(fc.boolean(), fc.boolean())
  .map(([answer, later]) => check('constant', () => (later ? Promise.resolve(answer) : answer)))

function trees(atom: fc.Arbitrary<Policy>, negated: fc.Arbitrary<Policy>): fc.Arbitrary<Policy> {
  return fc.letrec<{ tree: Policy; negation: Policy }>((tie) => {
    const lists = (of: fc.Arbitrary<Policy>): fc.Arbitrary<Policy> =>
      fc
        .tuple(fc.boolean(), fc.array(of, { minLength: 1, maxLength: 3 }))
        .map(([every, list]) => (every ? all : any)(...(list as [Policy, ...Policy[]])))
    return {
      tree: fc.oneof(
        { maxDepth: 4 },
        atom,
        lists(tie('tree')),
        tie('negation').map((policy) => not(policy)),
      ),
      negation: fc.oneof(
        { maxDepth: 4 },
        negated,
        lists(tie('negation')),
        tie('negation').map((policy) => not(policy)),
      ),
    }
  }).tree
}

/** Any tree over everything a token says. */
export const claimPolicies: fc.Arbitrary<Policy> = trees(fc.oneof(scopes, others), fc.oneof(scopes, others))
/** Likewise, with checks. */
export const policies: fc.Arbitrary<Policy> = trees(
  fc.oneof({ weight: 3, arbitrary: scopes }, others, checks),
  fc.oneof(scopes, others, checks),
)
/** Trees in which scopes stand only where more of them cannot hurt: not inside of `not`. */
export const monotonicPolicies: fc.Arbitrary<Policy> = trees(
  fc.oneof({ weight: 3, arbitrary: scopes }, others, checks),
  fc.oneof(others, checks),
)

/** At the top `optional` may stand as well. */
export function withOptional(tree: fc.Arbitrary<Policy>): fc.Arbitrary<AnyPolicy> {
  return fc.oneof(
    { weight: 4, arbitrary: tree },
    tree.map((policy) => optional(policy)),
  )
}

/** What a token says of its bearer, in the form which RFC 9068 gives it. */
export interface Held {
  readonly scope?: string
  readonly roles?: readonly unknown[]
  readonly groups?: readonly unknown[]
  readonly entitlements?: readonly unknown[]
}

const values = fc.subarray([...NAMES, 'x'])
const list = fc.option(
  fc.oneof(
    values,
    values.map((held) => held.map((value) => ({ value, display: 'c' }))),
  ),
  { nil: undefined },
)

export const held: fc.Arbitrary<Held> = fc
  .record({
    scope: fc.option(
      values.map((held_) => held_.join(' ')),
      { nil: undefined },
    ),
    roles: list,
    groups: list,
    entitlements: list,
  })
  .map((claims) => Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined)))
