import { isText } from '../internal/json.ts'
import { type Atom, fail, make, type Names, type Policy, type Test } from './policy.ts'

function atom(op: Atom['op'], names: readonly unknown[]): Atom {
  const list = names.length === 1 && Array.isArray(names[0]) ? names[0] : names
  return make({ op, names: Object.freeze([...(list as readonly string[])]) })
}

/**
 * Grants when the token holds all of these scopes. Without them the answer is 403 `insufficient_scope`, which names
 * them all.
 *
 * Implies nothing about other scopes: there are no hierarchies, `read:all` is not `read`.
 *
 * @see [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)
 */
export function scope(...all: Names): Atom {
  return atom('scope', all)
}

/**
 * Grants when the token holds all of these roles, compared code point by code point. Without them the answer is 403
 * without an error code: asking for another token would not help.
 *
 * @see [RFC 9068 §2.2.3.1](https://www.rfc-editor.org/rfc/rfc9068#section-2.2.3.1)
 */
export function role(...all: Names): Atom {
  return atom('role', all)
}

/**
 * Grants when the token's subject is in all of these groups, named by `value` (an id), never by `display`.
 *
 * @see [RFC 7643 §4.1.2](https://www.rfc-editor.org/rfc/rfc7643#section-4.1.2)
 */
export function group(...all: Names): Atom {
  return atom('group', all)
}

/**
 * Grants when the token holds all of these entitlements.
 *
 * @see [RFC 9068 §2.2.3.1](https://www.rfc-editor.org/rfc/rfc9068#section-2.2.3.1)
 */
export function entitlement(...all: Names): Atom {
  return atom('entitlement', all)
}

/**
 * Grants when the token was issued to one of these clients.
 *
 * @see [RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)
 */
export function client(...anyOf: Names): Atom {
  return atom('client', anyOf)
}

/**
 * Grants when the token was issued by one of these issuers. It trusts nobody: an issuer must be trusted by the
 * resource server first.
 *
 * @see [RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)
 */
export function issuer(...anyOf: Names): Atom {
  return atom('issuer', anyOf)
}

/**
 * Grants when `test` returns (or resolves to) `true`, denies on `false`. Anything else, a throw or a rejection is an
 * error, which `authorize` hands on: nothing is granted, also inside of `any` and `not`.
 *
 * @param name what is tested, for logs and documentation; never sent to clients
 */
export function check<C, X>(name: string, test: Test<C, X>): Policy<C, X> {
  if (!isText(name)) fail('check needs a name')
  return make({ op: 'check', name, test })
}
