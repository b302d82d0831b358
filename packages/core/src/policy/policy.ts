import type { AccessToken } from '../access-token/access-token.ts'
import type { Authority } from '../access-token/authorities.ts'
import { isText } from '../internal/json.ts'
import { isDeepFrozen } from '../internal/frozen.ts'
import { SCOPE_TOKEN } from '../response/challenge.ts'

declare const requires: unique symbol

/** The operators of a {@link Policy}. */
export type PolicyOperator =
  | 'scope'
  | 'role'
  | 'group'
  | 'entitlement'
  | 'client'
  | 'issuer'
  | 'check'
  | 'all'
  | 'any'
  | 'not'

/**
 * What a token must hold; plain data, made by {@link scope}, {@link role}, {@link all} and their like. Its type
 * parameters are the claims and the context which its checks read.
 */
export interface Policy<in Claims = any, in Context = any> {
  readonly op: PolicyOperator
  readonly [requires]?: (claims: Claims, context: Context) => void
}

/** Reads only the standard parts of a token: it says nothing about claims or context, so inference passes it by. */
export interface Atom {
  readonly op: 'scope' | 'role' | 'group' | 'entitlement' | 'client' | 'issuer'
}

/** A policy for requests which may also come without credentials; stands at the top only. */
export interface OptionalPolicy<in Claims = any, in Context = any> {
  readonly op: 'optional'
  readonly [requires]?: (claims: Claims, context: Context) => void
}

export type AnyPolicy<Claims = any, Context = any> = Policy<Claims, Context> | OptionalPolicy<Claims, Context>

/** Names, each exactly one token; a list, because configuration comes from files. */
export type Names = [string, ...string[]] | [names: readonly string[]]

/** The context argument: required when the policy reads one. */
export type ContextOf<X> = unknown extends X ? [context?: X] : [context: X]

/** The test of a {@link check}. */
export type Test<C, X> = (token: AccessToken<C>, context: X) => boolean | Promise<boolean>

/** Policies as `evaluate` reads them. */
export type Node =
  | { readonly op: Atom['op']; readonly names: readonly string[] }
  | { readonly op: 'check'; readonly name: string; readonly test: Test<never, unknown> }
  | { readonly op: 'all' | 'any'; readonly policies: readonly Node[] }
  | { readonly op: 'not'; readonly policy: Node }

/** The top of a policy: what `optional` adds. */
export type Root = Node | { readonly op: 'optional'; readonly policy: Node | undefined }

/** What each atom compares its names with: one of the sets of a token, or one of its names. */
export const COMPARED: Readonly<Record<Atom['op'], Authority | 'clientId' | 'issuer'>> = {
  scope: 'scopes',
  role: 'roles',
  group: 'groups',
  entitlement: 'entitlements',
  client: 'clientId',
  issuer: 'issuer',
}

const checked = new WeakSet<object>()

/**
 * Takes a policy for what it is, or throws a `TypeError`: a guard built on a mistake (an undefined variable, a
 * misspelt operator, an empty list) must not let anybody in, and is better known at start.
 */
export function readPolicy(policy: unknown): Root {
  if (typeof policy !== 'object' || policy === null) fail('it is not one')
  const root = policy as Root
  if (checked.has(root)) return root
  switch (root.op) {
    case 'check':
      if (typeof root.test !== 'function') fail('check needs a function')
      break
    case 'all':
    case 'any':
      if (!Array.isArray(root.policies) || root.policies.length === 0) fail(`${root.op} needs a policy`)
      root.policies.forEach(readNode)
      break
    case 'not':
      readNode(root.policy)
      break
    case 'optional':
      if (root.policy !== undefined) readNode(root.policy)
      break
    default:
      readAtom(root)
  }
  // What can still be changed is looked at again the next time.
  if (isDeepFrozen(root)) checked.add(root)
  return root
}

/** {@link readPolicy} for what may stand inside of another policy. */
export function readNode(policy: unknown): Node {
  const node = readPolicy(policy)
  if (node.op === 'optional') fail('optional stands at the top only')
  return node
}

function readAtom({ op, names }: { readonly op: unknown; readonly names: unknown }): void {
  if (typeof op !== 'string' || !Object.hasOwn(COMPARED, op)) fail('its operator is unknown')
  if (!Array.isArray(names) || names.length === 0) fail(`${op} needs a name`)
  for (const name of names as unknown[]) {
    if (!isText(name)) fail(`${op} needs a name`)
    // Scopes go into a challenge as they are, from where those of a file could end its field (RFC 6750 §3).
    if (op === 'scope' && !SCOPE_TOKEN.test(name)) fail('a scope must be one scope token of RFC 6749 §3.3')
  }
}

export function fail(problem: string): never {
  throw new TypeError(`Cannot use the policy: ${problem}`)
}

/** What the functions that make policies return: frozen, and looked at as one from a file is. */
export function make<P extends AnyPolicy>(policy: P): P {
  readPolicy(Object.freeze(policy))
  return policy
}
