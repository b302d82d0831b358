import { fail, make, type OptionalPolicy, type Policy } from './policy.ts'

/** Grants when every policy grants. They are evaluated in order. Throws without a policy. */
export function all<C, X>(...policies: [Policy<C, X>, ...Policy<C, X>[]]): Policy<C, X> {
  return make({ op: 'all', policies: Object.freeze(policies) })
}

/** Grants when one policy grants. They are evaluated in order, up to the first that does. Throws without a policy. */
export function any<C, X>(...policies: [Policy<C, X>, ...Policy<C, X>[]]): Policy<C, X> {
  return make({ op: 'any', policies: Object.freeze(policies) })
}

/**
 * Grants when the policy denies. What is undecided (a claim that cannot be read) stays undecided, and nothing is
 * granted: making a claim unreadable never opens a door.
 */
export function not<C, X>(policy: Policy<C, X>): Policy<C, X> {
  return make({ op: 'not', policy })
}

/**
 * Lets requests without credentials pass as anonymous. Credentials that are present are held to the policy all the
 * same: a bad token is refused, never taken for none.
 */
export function optional<C, X>(policy?: Policy<C, X>): OptionalPolicy<C, X> {
  if (arguments.length > 0 && policy === undefined) fail('optional needs a policy')
  return make({ op: 'optional', policy })
}
