import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { bearer, createTestApi } from '../../../test/helpers/api.ts'
import { createGuard } from './adapter.ts'
import {
  AuthorizationError,
  type AuthorizeResult,
  any,
  check,
  type IssuerResolver,
  not,
  optional,
  role,
  scope,
} from './index.ts'
import { isPromise } from './internal/promise.ts'

const codeOf = (result: AuthorizeResult<unknown>): string => (result.ok ? 'authorized' : result.error.code)

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'granted'
  } catch (error) {
    if (AuthorizationError.is(error)) return error.code
    throw error
  }
}

// What zone.js and some tracers do: the global is another class than the one of what async functions return.
const engines = Promise
beforeEach(() => {
  globalThis.Promise = class Foreign<T> extends engines<T> {} as PromiseConstructor
})
afterEach(() => {
  globalThis.Promise = engines
})

test('isPromise() knows what async functions return, and whatever else can be waited for', () => {
  const native = (async () => {})()
  expect(native).not.toBeInstanceOf(Promise)
  // oxlint-disable-next-line unicorn/no-thenable -- it is what is asked for
  for (const value of [native, Promise.resolve(), { then: () => {} }])
    expect(isPromise<unknown>(value)).toBe(true)
  // oxlint-disable-next-line unicorn/no-thenable -- it is none
  for (const value of [undefined, null, 'then', { then: 1 }, [], {}])
    expect(isPromise<unknown>(value)).toBe(false)
})

describe('with another global Promise', () => {
  test('a first token waits for its keys, and later ones are judged at once', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue({ scope: 'a' })
    expect(codeOf(await api.authorize(bearer(token), scope('b')))).toBe('missing_scope')
    expect(codeOf(await api.authorize(bearer(token), scope('a')))).toBe('authorized')
    expect((await api.verify(token)).subject).toBe('user-1')
    expect(await outcomeOf(api.verify(await issuer.issue({ exp: 1 })))).toBe('token_expired')
  })

  test('a token is refused when keys cannot be had', async () => {
    const { api, issuer } = await createTestApi()
    issuer.outage('status')
    const request = bearer(await issuer.issue())
    expect(codeOf(await api.authorize(request, optional()))).toBe('issuer_unreachable')
    expect(codeOf(await api.authorize(bearer(undefined), optional()))).toBe('authorized')
  })

  test('demand() refuses what has expired while its keys were loaded', async () => {
    const { api, issuer, advance } = await createTestApi()
    const token = await api.verify(await issuer.issue({ scope: 'a' }))
    expect(await outcomeOf(api.demand(token, scope('a')))).toBe('granted')
    advance(10_000)
    const yes = check('yes', () => true)
    expect(await outcomeOf(api.demand(token, yes))).toBe('token_expired')
  })

  test.each<[string, IssuerResolver, string]>([
    ['whose resolver knows it', async (iss) => ({ issuer: iss }), 'authorized'],
    ['whose resolver does not know it', async () => undefined, 'issuer_not_trusted'],
    ['of whom roles are not taken', async (iss) => ({ issuer: iss, allow: { roles: [] } }), 'policy_denied'],
  ])('judges a token of an issuer %s', async (_what, resolver, code) => {
    const { api, issuer } = await createTestApi({ issuer: resolver })
    const token = await issuer.issue({ roles: ['admin'] })
    expect(codeOf(await api.authorize(bearer(token), role('admin')))).toBe(code)
    expect(codeOf(await api.authorize(bearer(token), role('admin')))).toBe(code)
  })

  test.each([
    [true, 'token_revoked'],
    [false, 'authorized'],
    ['false', 'revocation_unavailable'],
  ])('waits for revoked, which says %j', async (answer, code) => {
    const { api, issuer } = await createTestApi({ revoked: async () => answer as boolean })
    expect(codeOf(await api.authorize(bearer(await issuer.issue())))).toBe(code)
  })

  test('waits for a schema', async () => {
    const { api, issuer } = await createTestApi<{ tenant: string }>({
      claims: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: async (value) =>
            (value as { tenant?: unknown }).tenant === 'a'
              ? { value: { tenant: 'A' } }
              : { issues: [{ message: 'tenant' }] },
        },
      },
    })
    expect((await api.verify(await issuer.issue({ tenant: 'a' }))).claims.tenant).toBe('A')
    expect(await outcomeOf(api.verify(await issuer.issue()))).toBe('claims_schema_mismatch')
  })

  test('waits for checks', async () => {
    const { api, issuer } = await createTestApi()
    const token = await api.verify(await issuer.issue())
    const [yes, no] = [check('yes', async () => true), check('no', async () => false)]
    expect(await outcomeOf(api.demand(token, any(no, yes)))).toBe('granted')
    expect(await outcomeOf(api.demand(token, not(yes)))).toBe('policy_denied')
    expect(await outcomeOf(api.demand(token, no))).toBe('policy_denied')
  })

  test('a guard returns a promise by which adapters know it', async () => {
    const { api, issuer } = await createTestApi()
    const guard = createGuard(api, scope('a'), undefined, 2)
    const token = await issuer.issue({ scope: 'b' })
    const result = guard(bearer(token), {})
    expect(result).toBeInstanceOf(Promise)
    expect(await result).toMatchObject({ ok: false, response: { status: 403 } })
    expect(await guard(bearer(token), {})).toMatchObject({ ok: false, response: { status: 403 } })
  })

  test('what nobody waits for costs the process nothing when it fails', async () => {
    const fails = async (): Promise<never> => {
      throw new Error('x')
    }
    const { api, issuer } = await createTestApi({
      onDecision: fails as unknown as () => void,
      refusal: fails as never,
      authorities: { roles: fails as never },
    })
    await expect(api.authorize(bearer(undefined))).rejects.toThrow('Cannot use refusal')
    await expect(api.verify(await issuer.issue())).rejects.toThrow('Cannot read authorities.roles')
    // A rejection nobody handles would be reported by now.
    await new Promise(setImmediate)
  })
})
