import type { AccessToken } from '../access-token/access-token.ts'
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

const ATOMS: readonly string[] = [
  'scope',
  'role',
  'group',
  'entitlement',
  'client',
  'issuer',
] satisfies Atom['op'][]

const checked = new WeakSet<object>()

/**
 * Takes a policy for what it is, or throws a `TypeError`: a guard built on a mistake (an undefined variable, a
 * misspelt operator, an empty list) must not let anybody in, and is better known at start.
 */
export function readPolicy(policy: AnyPolicy): Root {
  if (isKnown(policy)) return policy as Root
  const root = policy as unknown as Root
  if (isRecord(root) && root.op === 'optional') {
    if (root.policy !== undefined) readNode(root.policy)
    if (isDeepFrozen(root)) checked.add(root)
    return root
  }
  return readNode(root)
}

/** {@link readPolicy} for what may stand inside of another policy. */
export function readNode(node: unknown): Node {
  if (isKnown(node)) return optionalInside(node as Root)
  if (!isRecord(node)) throw new TypeError('Cannot use the policy: it is not one')
  const { op } = node as { op: unknown }
  if (typeof op === 'string' && ATOMS.includes(op)) {
    const fault = faultIn(op, (node as { names?: unknown }).names)
    if (fault !== undefined) throw new TypeError(`Cannot use the policy: ${op} ${fault}`)
  } else if (op === 'check') {
    const { test } = node as { test?: unknown }
    if (typeof test !== 'function') throw new TypeError('Cannot use the policy: check needs a function')
  } else if (op === 'all' || op === 'any') {
    const { policies } = node as { policies?: unknown }
    if (!Array.isArray(policies) || policies.length === 0)
      throw new TypeError(`Cannot use the policy: ${op} needs a policy`)
    policies.forEach(readNode)
  } else if (op === 'not') {
    readNode((node as { policy?: unknown }).policy)
  } else {
    optionalInside(node as unknown as Root)
    throw new TypeError('Cannot use the policy: its operator is unknown')
  }
  // What can still be changed is looked at again the next time.
  if (isDeepFrozen(node)) checked.add(node)
  return node as unknown as Node
}

/**
 * What is wrong with the names of an atom, if anything is. Scopes go into a challenge as they are, from where those of a
 * file could end its field (RFC 6750 §3).
 */
export function faultIn(op: string, names: unknown): string | undefined {
  if (!Array.isArray(names) || names.length === 0) return 'needs a name'
  for (const name of names as unknown[]) {
    if (typeof name !== 'string' || name === '') return 'needs a name'
    if (op === 'scope' && !SCOPE_TOKEN.test(name))
      return 'needs names each of which is exactly one scope token of RFC 6749 §3.3'
  }
  return undefined
}

function optionalInside(node: Root): Node {
  if (node.op === 'optional') throw new TypeError('Cannot use the policy: optional stands at the top only')
  return node
}

function isKnown(policy: unknown): boolean {
  return isRecord(policy) && checked.has(policy)
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
