import type { AccessToken } from '../access-token/access-token.ts'
import { FrozenSet } from '../access-token/readonly-set.ts'
import type { ErrorCode } from '../errors.ts'
import { chain, later } from '../internal/chain.ts'
import { isPromise } from '../internal/promise.ts'
import { COMPARED, type ContextOf, type Node, type Policy, readNode } from './policy.ts'

/** What a policy says of a token. */
export type Decision =
  | { readonly granted: true }
  | {
      readonly granted: false
      readonly code: Extract<ErrorCode, 'missing_scope' | 'policy_denied'>
      readonly missing: {
        /** All scopes of the cheapest way in, those which the token holds included. */
        readonly scope?: readonly string[]
      }
    }

/**
 * Evaluates a policy over a token, without HTTP: for unit tests and decisions in the code.
 *
 * Rejects with what a `check` throws. Does not ask whether the token is still valid or was revoked: `demand` of the
 * resource server does.
 */
export async function evaluate<C, X>(
  policy: Policy<C, X>,
  token: AccessToken<C>,
  ...context: ContextOf<X>
): Promise<Decision> {
  return decide(readNode(policy), token as AccessToken, context[0])
}

const GRANTED: Decision = Object.freeze({ granted: true })
const DENIED: Decision = Object.freeze({ granted: false, code: 'policy_denied', missing: Object.freeze({}) })

/**
 * Three-valued: what cannot be read is neither held nor lacking, and is never granted. In this order `all` is the least
 * of its list, `any` the greatest, and `not` turns the sign.
 */
type Verdict = number
const GRANT: Verdict = 1
const UNDECIDED: Verdict = 0
const DENIAL: Verdict = -1

/** What a policy is evaluated over. */
interface Subject {
  readonly token: AccessToken
  readonly context: unknown
  /** What the checks of the policy said, each of which is asked once. Most policies have none. */
  answers: Map<Node, Verdict> | undefined
}

/** {@link evaluate} for a policy that was read; a promise only where a check made one. */
export function decide(policy: Node, token: AccessToken, context: unknown): Decision | Promise<Decision> {
  const subject: Subject = { token, context, answers: undefined }
  const verdict = walk(policy, subject)
  return typeof verdict === 'number'
    ? conclude(verdict, policy, subject)
    : later(verdict, conclude, policy, subject)
}

function conclude(verdict: Verdict, policy: Node, subject: Subject): Decision {
  if (verdict === GRANT) return GRANTED
  const scope = cheapestScopes(policy, subject)
  return scope === undefined
    ? DENIED
    : { granted: false, code: 'missing_scope', missing: { scope: [...scope] } }
}

/**
 * Evaluates in order, and asks each check at most once.
 *
 * @param granted scopes to be taken as held, for the question whether they would suffice; it is put to no check, one
 * without an answer yet is undecided
 */
function walk(node: Node, subject: Subject, granted?: ReadonlySet<string>): Verdict | Promise<Verdict> {
  switch (node.op) {
    case 'check':
      return subject.answers?.get(node) ?? (granted === undefined ? ask(node, subject) : UNDECIDED)
    case 'not':
      return chain(walk(node.policy, subject, granted), invert)
    case 'all':
    case 'any':
      return walkList(undefined, node, subject, granted)
    default:
      return compare(node, subject.token, granted)
  }
}

/**
 * `any` stops at the first that grants. `all` stops when it is denied and more scope could not help any more; while it
 * could, it goes on, for only then the answer may name scopes.
 *
 * @param answered the verdict of the policy at `start` where it had to be waited for
 * @param before what came of those that stand before `start`
 */
function walkList(
  answered: Verdict | undefined,
  list: Extract<Node, { policies: unknown }>,
  subject: Subject,
  granted: ReadonlySet<string> | undefined,
  start = 0,
  before = GRANT,
): Verdict | Promise<Verdict> {
  const { op, policies } = list
  // The greatest is the least with all signs turned.
  const sign = op === 'all' ? 1 : -1
  let known = answered
  let least = before
  for (let i = start; i < policies.length; i += 1) {
    const node = policies[i] as Node
    const next = known ?? walk(node, subject, granted)
    if (typeof next !== 'number') return later(next, walkList, list, subject, granted, i, least)
    known = undefined
    least = Math.min(least, sign * next)
    if (least !== DENIAL) continue
    if (op === 'any' || granted !== undefined) break
    // What is undecided may still be denied, which `not` tells apart.
    if (next !== GRANT && cheapestScopes(node, subject) === undefined) break
  }
  return sign * least
}

function invert(verdict: Verdict): Verdict {
  return -verdict
}

function ask(check: Extract<Node, { op: 'check' }>, subject: Subject): Verdict | Promise<Verdict> {
  const answer: unknown = check.test(subject.token as AccessToken<never>, subject.context)
  return isPromise(answer)
    ? later(Promise.resolve(answer), settle, check, subject)
    : settle(answer, check, subject)
}

function settle(answer: unknown, check: Extract<Node, { op: 'check' }>, subject: Subject): Verdict {
  if (typeof answer !== 'boolean') {
    throw new TypeError(`Cannot evaluate check '${check.name}': it returned neither true nor false`)
  }
  const verdict = answer ? GRANT : DENIAL
  subject.answers ??= new Map()
  subject.answers.set(check, verdict)
  return verdict
}

function compare(
  { op, names }: Extract<Node, { names: unknown }>,
  token: AccessToken,
  granted: ReadonlySet<string> | undefined,
): Verdict {
  const member = COMPARED[op]
  const held = token[member]
  // A client that the token does not name: `not(client('x'))` must not grant to it.
  if (held === undefined) return UNDECIDED
  if (typeof held === 'string') return names.includes(held) ? GRANT : DENIAL
  for (const name of names) {
    if (held.has(name) || (op === 'scope' && granted?.has(name) === true)) continue
    return FrozenSet.isComplete(held) ? DENIAL : UNDECIDED
  }
  return GRANT
}

/** Ways in by scopes which are looked at; a policy with more is answered without naming scopes. */
const MAX_WAYS = 64

/**
 * The scopes of the cheapest way in, if scopes alone would open one: fewest that are missing, then fewest, then first.
 * A way counts only when the whole policy grants with it, so that the challenge is never a false promise.
 */
function cheapestScopes(policy: Node, subject: Subject): ReadonlySet<string> | undefined {
  const cost = (way: ReadonlySet<string>): number =>
    way.difference(subject.token.scopes).size * 1000 + way.size
  return waysIn(policy, subject)
    .toSorted((a, b) => cost(a) - cost(b))
    .find((way) => walk(policy, subject, way) === GRANT)
}

const NO_SCOPES: ReadonlySet<string> = new Set()

function waysIn(node: Node, subject: Subject): ReadonlySet<string>[] {
  switch (node.op) {
    case 'scope':
      return [new Set(node.names)]
    case 'any':
      return node.policies.flatMap((policy) => waysIn(policy, subject)).slice(0, MAX_WAYS)
    case 'all':
      return node.policies.reduce<ReadonlySet<string>[]>(
        (ways, policy) => {
          const next = waysIn(policy, subject)
          return ways.flatMap((way) => next.map((more) => way.union(more))).slice(0, MAX_WAYS)
        },
        [NO_SCOPES],
      )
    default:
      return walk(node, subject, NO_SCOPES) === GRANT ? [NO_SCOPES] : []
  }
}
