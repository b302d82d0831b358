import { describe, expect, test } from 'vitest'

import { bearer, createTestApi } from '../../../../test/helpers/api.ts'
import type { AccessToken } from '../access-token/access-token.ts'
import { check, client, entitlement, group, issuer, role, scope } from './atoms.ts'
import { all, any, not } from './combine.ts'
import { type Decision, evaluate } from './evaluate.ts'
import type { Policy } from './policy.ts'

const { api, issuer: as } = await createTestApi({
  issuer: { issuer: 'https://issuer.test', deviations: { optionalClaims: ['client_id'] } },
})
const tokenWith = async (claims: Record<string, unknown>): Promise<AccessToken> =>
  api.verify(await as.issue(claims))

/** Holds scope a, role r, group g, entitlement e; says something unreadable of nothing. */
const plain = await tokenWith({ scope: 'a', roles: ['r'], groups: ['g'], entitlements: ['e'] })
/** Says something of roles which cannot be read. */
const unreadable = await tokenWith({ scope: 'a', roles: 'r' })

const granted = role('r')
const denied = role('other')
const undecided = role('other')

type Value = 'granted' | 'denied' | 'undecided'

/**
 * The three values told apart from outside: a policy and its negation are granted and not, not and granted, or
 * neither.
 */
async function valueOf(policy: Policy, token: AccessToken): Promise<Value> {
  const [yes, no] = [await evaluate(policy, token), await evaluate(not(policy), token)]
  expect(yes.granted && no.granted).toBe(false)
  return yes.granted ? 'granted' : no.granted ? 'denied' : 'undecided'
}

/** Atoms of each value over one token: its groups are readable, its roles are not. */
const mixed = await tokenWith({ groups: ['g'], roles: 'r' })
const ATOM = { granted: group('g'), denied: group('other'), undecided: role('r') } as const

describe('evaluate() of atoms', () => {
  test.each<[string, Policy, Value]>([
    ['a scope which is held', scope('a'), 'granted'],
    ['a scope which is not', scope('b'), 'denied'],
    ['scopes of which one is not', scope('a', 'b'), 'denied'],
    ['a scope in another case (BT-18)', scope('A'), 'denied'],
    ['a scope below one that is held (BT-18)', scope('a:read'), 'denied'],
    ['a role', granted, 'granted'],
    ['another role', denied, 'denied'],
    ['a role in another case (AT-24)', role('R'), 'denied'],
    ['a group', group('g'), 'granted'],
    ['an entitlement', entitlement('e'), 'granted'],
    ['entitlements of which one is not held', entitlement('e', 'f'), 'denied'],
    ['the client', client('client-1'), 'granted'],
    ['one of several clients', client('other', 'client-1'), 'granted'],
    ['another client', client('other'), 'denied'],
    ['the issuer', issuer('https://issuer.test'), 'granted'],
    ['another spelling of the issuer', issuer('https://issuer.test/'), 'denied'],
  ])('judges %s', async (_what, policy, value) => {
    expect(await valueOf(policy, plain)).toBe(value)
  })

  test('leaves a role undecided when roles cannot be read', async () => {
    expect(await valueOf(undecided, unreadable)).toBe('undecided')
  })

  test('leaves the client undecided when the token names none', async () => {
    expect(await valueOf(client('other'), await tokenWith({ client_id: undefined }))).toBe('undecided')
  })

  test('grants what is held also when there is more that cannot be read', async () => {
    const token = await tokenWith({ roles: ['r', null] })
    expect(await valueOf(role('r'), token)).toBe('granted')
    expect(await valueOf(role('s'), token)).toBe('undecided')
  })

  test('takes a token that was not verified as it looks', async () => {
    const looks = { ...plain, scopes: new Set(['x']), roles: new Set<string>() }
    expect(await evaluate(all(scope('x'), not(role('r'))), looks)).toEqual({ granted: true })
  })
})

describe('evaluate() of lists', () => {
  const values: readonly Value[] = ['granted', 'denied', 'undecided']
  const strongest = (list: readonly Value[], order: readonly Value[]): Value =>
    order.find((value) => list.includes(value)) as Value
  const pairs = values.flatMap((a) => values.map((b): [Value, Value] => [a, b]))

  test.each(pairs)('all(%s, %s): one denial denies, else one undecided leaves it so', async (a, b) => {
    expect(await valueOf(all(ATOM[a], ATOM[b]), mixed)).toBe(
      strongest([a, b], ['denied', 'undecided', 'granted']),
    )
  })

  test.each(pairs)('any(%s, %s): one grant grants, else one undecided leaves it so', async (a, b) => {
    expect(await valueOf(any(ATOM[a], ATOM[b]), mixed)).toBe(
      strongest([a, b], ['granted', 'undecided', 'denied']),
    )
  })

  test.each(pairs)('all and any say the same when checks answer late: %s, %s', async (a, b) => {
    const late = (value: Value): Policy =>
      value === 'undecided' ? ATOM[value] : check('late', async () => value === 'granted')
    expect(await valueOf(all(late(a), late(b)), mixed)).toBe(
      strongest([a, b], ['denied', 'undecided', 'granted']),
    )
    expect(await valueOf(any(late(a), late(b)), mixed)).toBe(
      strongest([a, b], ['granted', 'undecided', 'denied']),
    )
  })

  test('not() turns round, and leaves undecided what is', async () => {
    expect(await valueOf(not(ATOM.granted), mixed)).toBe('denied')
    expect(await valueOf(not(ATOM.denied), mixed)).toBe('granted')
    expect(await valueOf(not(not(ATOM.undecided)), mixed)).toBe('undecided')
    expect(await valueOf(not(check('late', async () => false)), mixed)).toBe('granted')
  })
})

describe('evaluate() of checks', () => {
  /** A check which notes that it ran. */
  const noting = (ran: string[], name: string, answer: boolean, late = false): Policy =>
    check(name, () => {
      ran.push(name)
      return late ? Promise.resolve(answer) : answer
    })

  test('hands token and context to the test', async () => {
    const seen: unknown[] = []
    const policy = check(
      'seen',
      (token: AccessToken, context: { id: number }) => seen.push(token, context) > 0,
    )
    await evaluate(policy, plain, { id: 7 })
    expect(seen).toEqual([plain, { id: 7 }])
  })

  test.each([true, false])(
    'runs them in order, up to the first that decides any() (late: %s)',
    async (late) => {
      const ran: string[] = []
      const policy = any(
        noting(ran, '1', false, late),
        noting(ran, '2', true, late),
        noting(ran, '3', true, late),
      )
      expect(await evaluate(policy, plain)).toEqual({ granted: true })
      expect(ran).toEqual(['1', '2'])
    },
  )

  test.each([true, false])('runs them in order, up to the first that ends all() (late: %s)', async (late) => {
    const ran: string[] = []
    const policy = all(
      noting(ran, '1', true, late),
      noting(ran, '2', false, late),
      noting(ran, '3', true, late),
    )
    expect(await evaluate(policy, plain)).toMatchObject({ granted: false, code: 'policy_denied' })
    expect(ran).toEqual(['1', '2'])
  })

  test('runs none behind a role that is missing', async () => {
    const ran: string[] = []
    await evaluate(all(role('other'), noting(ran, '1', true)), plain)
    expect(ran).toEqual([])
  })

  test('runs them behind a missing scope, for only then scopes may be named', async () => {
    const ran: string[] = []
    expect(await evaluate(all(scope('b'), noting(ran, '1', false)), plain)).toMatchObject({
      code: 'policy_denied',
    })
    expect(await evaluate(all(scope('b'), noting(ran, '2', true)), plain)).toMatchObject({
      code: 'missing_scope',
    })
    expect(ran).toEqual(['1', '2'])
  })

  test.each([true, false])('runs one at most once, wherever it stands (late: %s)', async (late) => {
    const ran: string[] = []
    const once = noting(ran, '1', true, late)
    expect(await evaluate(all(once, any(not(once), once), once), plain)).toEqual({ granted: true })
    expect(ran).toEqual(['1'])
  })

  test.each([undefined, 1, 'true', {}, null, Promise.resolve(1)])(
    'grants nothing on %j: it is an error',
    async (answer) => {
      const odd = check('odd', () => answer as unknown as boolean)
      const message = "Cannot evaluate check 'odd': it returned neither true nor false"
      for (const policy of [odd, not(odd), any(odd, granted), all(granted, odd)]) {
        // oxlint-disable-next-line no-await-in-loop -- four
        await expect(evaluate(policy, plain)).rejects.toThrow(new TypeError(message))
      }
    },
  )

  test('hands on what a test throws, also inside of any() and not()', async () => {
    const fault = new RangeError('the store is down')
    const throwing = check('throwing', () => {
      throw fault
    })
    const rejecting = check('rejecting', async () => {
      throw fault
    })
    for (const policy of [
      throwing,
      rejecting,
      not(throwing),
      any(rejecting, granted),
      all(scope('b'), throwing),
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- five
      await expect(evaluate(policy, plain)).rejects.toBe(fault)
    }
  })

  test('takes a promise of another library for one', async () => {
    const foreign = {
      // oxlint-disable-next-line unicorn/no-thenable -- libraries have promises of their own
      then: (resolve: (answer: boolean) => void) => resolve(true),
    } as unknown as Promise<boolean>
    expect(
      await evaluate(
        check('foreign', () => foreign),
        plain,
      ),
    ).toEqual({ granted: true })
  })
})

describe('evaluate() of what is missing', () => {
  test('promises nothing that more scope would not keep, whatever the order of a list below not()', async () => {
    const both = [all(ATOM.undecided, ATOM.denied), all(ATOM.denied, ATOM.undecided)]
    for (const list of both) {
      const policy = all(scope('b'), not(list))
      // oxlint-disable-next-line no-await-in-loop -- two
      expect(await evaluate(policy, mixed)).toMatchObject({
        code: 'missing_scope',
        missing: { scope: ['b'] },
      })
      // oxlint-disable-next-line no-await-in-loop -- two
      const enough = await tokenWith({ groups: ['g'], roles: 'r', scope: 'b' })
      // oxlint-disable-next-line no-await-in-loop -- two
      expect(await evaluate(policy, enough)).toEqual({ granted: true })
    }
  })

  const missing = (...scopes: string[]): Decision => ({
    granted: false,
    code: 'missing_scope',
    missing: { scope: scopes },
  })
  const no: Decision = { granted: false, code: 'policy_denied', missing: {} }

  test.each<[string, Policy, Decision]>([
    ['all scopes, those included which are held (BT-17)', scope('a', 'b'), missing('a', 'b')],
    ['the scopes of a whole list', all(scope('b'), scope('c'), scope('a')), missing('b', 'c', 'a')],
    ['a scope once', all(scope('b'), scope('b', 'c')), missing('b', 'c')],
    ['the way in with the fewest missing', any(scope('b', 'c'), scope('a', 'd')), missing('a', 'd')],
    ['then that with the fewest', any(scope('a', 'b'), scope('c')), missing('c')],
    ['then the first', any(scope('b'), scope('c')), missing('b')],
    [
      'only a way that works with the roles of the token',
      any(all(role('x'), scope('b')), scope('c', 'd')),
      missing('c', 'd'),
    ],
    ['a way beside a role which is held', all(role('r'), scope('b')), missing('b')],
    ['none when a role is missing as well (AT-17)', all(scope('b'), role('x')), no],
    ['none when a role alone is missing (AT-17)', role('x'), no],
    ['none when the scope is held and forbidden', not(scope('a')), no],
    ['none when the scope would open what it closes', all(scope('b'), not(scope('b'))), no],
    ['the scopes below a list that is granted', all(any(role('r'), scope('z')), scope('b')), missing('b')],
  ])('names %s', async (_what, policy, decision) => {
    expect(await evaluate(policy, plain)).toEqual(decision)
  })

  test('counts a late check as it answered', async () => {
    const late = check('late', async () => true)
    expect(await evaluate(all(late, scope('b')), plain)).toEqual(missing('b'))
    expect(await evaluate(all(not(late), scope('b')), plain)).toEqual(no)
  })

  test('names scopes that suffice also where there are more ways in than are looked at', async () => {
    const choice = (name: string): Policy =>
      any(scope(`${name}0`), scope(`${name}1`), scope(`${name}2`), scope(`${name}3`))
    const policy = all(choice('p'), choice('q'), choice('s'), choice('t'), choice('u'))
    const decision = await evaluate(policy, plain)
    if (decision.granted || decision.missing.scope === undefined) throw new Error('no scopes are named')
    expect(decision.missing.scope).toHaveLength(5)
    expect(await evaluate(policy, await tokenWith({ scope: decision.missing.scope.join(' ') }))).toEqual({
      granted: true,
    })
  })

  test('is what the challenge says (BT-17, BT-20)', async () => {
    const result = await api.authorize(bearer(await as.issue({ scope: 'a' })), scope('a', 'b'))
    expect(result.ok ? undefined : result.error.headers['WWW-Authenticate']).toContain('scope="a b"')
  })
})
