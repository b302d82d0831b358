import { afterEach, describe, expect, test, vi } from 'vitest'

import { bearer, createTestApi } from '../../../test/helpers/api.ts'
import { type AuthorizeResult, check, optional, role, scope } from './index.ts'

const codeOf = (result: AuthorizeResult<unknown>): string => (result.ok ? 'authorized' : result.error.code)
const withField = (authorization: string): Request =>
  new Request('https://api.example/', { headers: { authorization } })

afterEach(() => {
  vi.useRealTimers()
})

describe('authorize()', () => {
  test.each([
    ['no credentials (BT-10)', undefined, 'no_credentials'],
    ['another scheme (BT-11)', 'Basic dTpw', 'no_credentials'],
    ['a malformed field (BT-03)', 'Bearer', 'credentials_malformed'],
    ['an opaque token', 'Bearer opaque', 'token_opaque'],
  ])('refuses %s', async (_what, field, code) => {
    const { api } = await createTestApi()
    const request = field === undefined ? bearer(undefined) : withField(field)
    expect(codeOf(await api.authorize(request, scope('a')))).toBe(code)
  })

  test.each(['?access_token=', '#access_token='])(
    'reads no token from the URL (BT-08): %s',
    async (where) => {
      const { api, issuer } = await createTestApi()
      const token = await issuer.issue()
      expect(codeOf(await api.authorize(new Request(`https://api.example/${where}${token}`)))).toBe(
        'no_credentials',
      )
    },
  )

  test.each(['proxy-authorization', 'x-access-token', 'cookie'])(
    'reads no token from %s (BT-25)',
    async (name) => {
      const { api, issuer } = await createTestApi()
      const headers = { [name]: `Bearer ${await issuer.issue()}` }
      const request = {
        method: 'GET',
        url: 'https://api.example/',
        headers: { get: (field: string) => headers[field.toLowerCase()] ?? null },
      }
      expect(codeOf(await api.authorize(request))).toBe('no_credentials')
    },
  )

  test('takes a token by the header and looks at no other', async () => {
    const { api, issuer } = await createTestApi()
    const token = await issuer.issue()
    const request = new Request('https://api.example/?access_token=other', {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(codeOf(await api.authorize(request))).toBe('authorized')
  })

  test('judges the policy after the token: a stranger learns nothing about it', async () => {
    const { api, issuer } = await createTestApi()
    let ran = 0
    const spy = check('spy', () => (ran += 1) > 0)
    expect(codeOf(await api.authorize(bearer(await issuer.issue({ exp: 1 })), spy))).toBe('token_expired')
    expect(ran).toBe(0)
  })

  test.each([
    ['no credentials', undefined, 'anonymous'],
    ['another scheme', 'Basic dTpw', 'anonymous'],
    ['a malformed field', 'Bearer a b', 'credentials_malformed'],
    ['a bad token', 'Bearer a.b.c', 'token_malformed'],
  ])('with an optional policy judges %s (BT-24)', async (_what, field, outcome) => {
    const { api } = await createTestApi()
    const request = field === undefined ? bearer(undefined) : withField(field)
    const result = await api.authorize(request, optional(scope('a')))
    expect(result.ok && result.auth === undefined ? 'anonymous' : codeOf(result)).toBe(outcome)
  })

  test('with an optional policy holds a good token to what is inside (BT-24)', async () => {
    const { api, issuer } = await createTestApi()
    const request = bearer(await issuer.issue({ scope: 'a' }))
    expect(codeOf(await api.authorize(request, optional()))).toBe('authorized')
    expect(codeOf(await api.authorize(request, optional(scope('a'))))).toBe('authorized')
    expect(codeOf(await api.authorize(request, optional(scope('b'))))).toBe('missing_scope')
    expect(codeOf(await api.authorize(request, optional(role('b'))))).toBe('policy_denied')
  })

  test('rejects with what a check throws, at once or later', async () => {
    const { api, issuer } = await createTestApi()
    const request = bearer(await issuer.issue())
    const fault = new RangeError('x')
    const throwing = check('throwing', () => {
      throw fault
    })
    const rejecting = check('rejecting', async () => {
      throw fault
    })
    await expect(api.authorize(request, throwing)).rejects.toBe(fault)
    await expect(api.authorize(request, rejecting)).rejects.toBe(fault)
  })
})

describe('revoked', () => {
  test.each<[string, unknown, string]>([
    ['false', false, 'authorized'],
    ['true', true, 'token_revoked'],
    ['undefined', undefined, 'revocation_unavailable'],
    ['0', 0, 'revocation_unavailable'],
    ['"false"', 'false', 'revocation_unavailable'],
    ['null', null, 'revocation_unavailable'],
  ])('says %s, at once or later', async (_what, answer, code) => {
    for (const revoked of [() => answer, async () => answer]) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const { api, issuer } = await createTestApi({ revoked: revoked as () => boolean })
      // oxlint-disable-next-line no-await-in-loop -- two
      expect(codeOf(await api.authorize(bearer(await issuer.issue())))).toBe(code)
    }
  })

  test('lets nobody in when it throws, and keeps the reason for the operator', async () => {
    const fault = new Error('the store is down')
    const throws = (): never => {
      throw fault
    }
    for (const revoked of [throws, async () => throws()]) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const { api, issuer } = await createTestApi({ revoked })
      // oxlint-disable-next-line no-await-in-loop -- two
      const result = await api.authorize(bearer(await issuer.issue()))
      expect(result).toMatchObject({
        ok: false,
        error: { code: 'revocation_unavailable', status: 503, cause: fault },
      })
      expect(JSON.stringify(result)).not.toContain('is down')
    }
  })

  test('is waited for a second', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let asked: (() => void) | undefined
    const asking = new Promise<void>((resolve) => {
      asked = resolve
    })
    const { api, issuer } = await createTestApi({
      revoked: () => {
        asked?.()
        return new Promise(() => {})
      },
    })
    const result = api.authorize(bearer(await issuer.issue()))
    await asking
    await vi.advanceTimersByTimeAsync(1000)
    expect(codeOf(await result)).toBe('revocation_unavailable')
  })

  test('is asked about every request, also about tokens which are remembered', async () => {
    const asked: unknown[] = []
    const { api, issuer } = await createTestApi({
      revoked: (token) => {
        asked.push(token)
        return asked.length > 2
      },
    })
    const token = await issuer.issue()
    const codes: unknown[] = []
    for (let request = 0; request < 3; request += 1) {
      // oxlint-disable-next-line no-await-in-loop -- the third is the one that is revoked
      codes.push(codeOf(await api.authorize(bearer(token))))
    }
    expect(codes).toEqual(['authorized', 'authorized', 'token_revoked'])
  })

  test('is not asked about a token which is refused anyway', async () => {
    let asked = 0
    const { api, issuer } = await createTestApi({ revoked: () => (asked += 1) > 0 })
    await api.authorize(bearer(await issuer.issue({ exp: 1 })))
    await api.authorize(bearer(await issuer.issue({ cnf: { jkt: 'x' } })))
    await api.authorize(bearer(undefined), optional())
    expect(asked).toBe(0)
  })
})
