import { type AccessToken, VerifiedAccessToken } from '../access-token/access-token.ts'
import type { Authority } from '../access-token/authorities.ts'
import type { ErrorCode } from '../errors.ts'
import { chain, later } from '../internal/chain.ts'
import { isPromise } from '../internal/promise.ts'
import { type Atom, type ContextOf, type Node, type Policy, readNode } from './policy.ts'

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

/** Three-valued: what cannot be read is neither held nor lacking, and is never granted. */
type Verdict = 'granted' | 'denied' | 'undecided'

/** What the checks of a policy said, each of which is asked once. Most policies have none. */
class Answers {
  #given: Map<Node, Verdict> | undefined

  get(check: Node): Verdict | undefined {
    return this.#given?.get(check)
  }

  set(check: Node, verdict: Verdict): void {
    this.#given ??= new Map()
    this.#given.set(check, verdict)
  }
}

/** {@link evaluate} for a policy that was read; a promise only where a check made one. */
export function decide(policy: Node, token: AccessToken, context: unknown): Decision | Promise<Decision> {
  const answers = new Answers()
  const answer = walk(policy, token, context, answers)
  return typeof answer === 'string'
    ? conclude(answer, policy, token, answers)
    : later(answer, conclude, policy, token, answers)
}

function conclude(verdict: Verdict, policy: Node, token: AccessToken, answers: Answers): Decision {
  if (verdict === 'granted') return GRANTED
  const scope = cheapestScopes(policy, token, answers)
  return scope === undefined ? DENIED : { granted: false, code: 'missing_scope', missing: { scope } }
}

/**
 * Evaluates in order, and each check at most once. `any` stops at the first that grants. `all` stops when it is
 * denied and more scope could not help any more; while it could, it goes on, for only then the answer may name scopes.
 */
function walk(
  node: Node,
  token: AccessToken,
  context: unknown,
  answers: Answers,
): Verdict | Promise<Verdict> {
  switch (node.op) {
    case 'check':
      return runCheck(node, token, context, answers)
    case 'not': {
      return chain(walk(node.policy, token, context, answers), invert)
    }
    case 'all':
    case 'any':
      return walkList(node, token, context, answers, 0, node.op === 'all' ? 'granted' : 'denied')
    default:
      return atomVerdict(node, token, undefined)
  }
}

function walkList(
  list: Extract<Node, { policies: unknown }>,
  token: AccessToken,
  context: unknown,
  answers: Answers,
  start: number,
  before: Verdict,
): Verdict | Promise<Verdict> {
  let verdict = before
  for (let i = start; i < list.policies.length; i += 1) {
    const node = list.policies[i] as Node
    const next = walk(node, token, context, answers)
    if (typeof next !== 'string') {
      const sofar = verdict
      return next.then((outcome) => {
        const joined = join(list.op, sofar, outcome)
        return ends(list, joined, outcome, node, token, answers)
          ? joined
          : walkList(list, token, context, answers, i + 1, joined)
      })
    }
    verdict = join(list.op, verdict, next)
    if (ends(list, verdict, next, node, token, answers)) return verdict
  }
  return verdict
}

function ends(
  list: Extract<Node, { policies: unknown }>,
  joined: Verdict,
  last: Verdict,
  node: Node,
  token: AccessToken,
  answers: Answers,
): boolean {
  if (list.op === 'any') return joined === 'granted'
  // What is undecided may still be denied, which `not` tells apart.
  return joined === 'denied' && last !== 'granted' && cheapestScopes(node, token, answers) === undefined
}

function join(op: 'all' | 'any', a: Verdict, b: Verdict): Verdict {
  const strong: Verdict = op === 'all' ? 'denied' : 'granted'
  if (a === strong || b === strong) return strong
  return a === 'undecided' || b === 'undecided' ? 'undecided' : a
}

function invert(verdict: Verdict): Verdict {
  if (verdict === 'undecided') return verdict
  return verdict === 'granted' ? 'denied' : 'granted'
}

function runCheck(
  node: Extract<Node, { op: 'check' }>,
  token: AccessToken,
  context: unknown,
  answers: Answers,
): Verdict | Promise<Verdict> {
  const known = answers.get(node)
  if (known !== undefined) return known
  const settle = (answer: unknown): Verdict => {
    if (typeof answer !== 'boolean') {
      throw new TypeError(`Cannot evaluate check '${node.name}': it returned neither true nor false`)
    }
    const verdict: Verdict = answer ? 'granted' : 'denied'
    answers.set(node, verdict)
    return verdict
  }
  const answer: unknown = node.test(token as AccessToken<never>, context)
  return isPromise(answer) ? Promise.resolve(answer).then(settle) : settle(answer)
}

const AUTHORITY: Partial<Record<Atom['op'], Authority>> = {
  scope: 'scopes',
  role: 'roles',
  group: 'groups',
  entitlement: 'entitlements',
}

/** @param granted scopes to be taken as held, for the question whether they would suffice */
function atomVerdict(
  node: Extract<Node, { names: unknown }>,
  token: AccessToken,
  granted: ReadonlySet<string> | undefined,
): Verdict {
  const { op, names } = node
  if (op === 'client') return oneOf(names, token.clientId)
  if (op === 'issuer') return oneOf(names, token.issuer)
  const authority = AUTHORITY[op] as Authority
  const held = token[authority]
  for (const name of names) {
    if (held.has(name) || (op === 'scope' && granted?.has(name) === true)) continue
    return VerifiedAccessToken.isComplete(token, authority) ? 'denied' : 'undecided'
  }
  return 'granted'
}

/** A client that the token does not name is undecided: `not(client('x'))` must not grant to it. */
function oneOf(names: readonly string[], value: string | undefined): Verdict {
  if (value === undefined) return 'undecided'
  return names.includes(value) ? 'granted' : 'denied'
}

/** Ways in by scopes which are looked at; a policy with more is answered without naming scopes. */
const MAX_WAYS = 64

/**
 * The scopes of the cheapest way in, if scopes alone would open one: fewest that are missing, then fewest, then first.
 * A way counts only when the whole policy grants with it, so that the challenge is never a false promise.
 */
function cheapestScopes(policy: Node, token: AccessToken, answers: Answers): readonly string[] | undefined {
  const ways = waysIn(policy, token, answers)
  const cost = (way: ReadonlySet<string>): number => {
    let absent = 0
    for (const name of way) if (!token.scopes.has(name)) absent += 1
    return absent * 1000 + way.size
  }
  ways.sort((a, b) => cost(a) - cost(b))
  for (const way of ways) {
    if (settled(policy, token, answers, way) === 'granted') return [...way]
  }
  return undefined
}

function waysIn(node: Node, token: AccessToken, answers: Answers): ReadonlySet<string>[] {
  switch (node.op) {
    case 'scope':
      return [new Set(node.names)]
    case 'any':
      return node.policies.flatMap((policy) => waysIn(policy, token, answers)).slice(0, MAX_WAYS)
    case 'all': {
      let ways: ReadonlySet<string>[] = [new Set()]
      for (const policy of node.policies) {
        const next = waysIn(policy, token, answers)
        ways = ways.flatMap((way) => next.map((more) => way.union(more))).slice(0, MAX_WAYS)
      }
      return ways
    }
    default:
      return settled(node, token, answers, undefined) === 'granted' ? [new Set()] : []
  }
}

/** The verdict by what is known: no check runs here, one without an answer yet is undecided. */
function settled(
  node: Node,
  token: AccessToken,
  answers: Answers,
  granted: ReadonlySet<string> | undefined,
): Verdict {
  switch (node.op) {
    case 'check':
      return answers.get(node) ?? 'undecided'
    case 'not':
      return invert(settled(node.policy, token, answers, granted))
    case 'all':
    case 'any':
      return node.policies
        .map((policy) => settled(policy, token, answers, granted))
        .reduce((a, b) => join(node.op, a, b), node.op === 'all' ? 'granted' : 'denied')
    default:
      return atomVerdict(node, token, granted)
  }
}
