import { inspect } from 'node:util'

import { describe, expect, test } from 'vitest'

import { AuthorizationError, ERRORS } from './errors.ts'
import { withoutStack } from './internal/stack.ts'
import { asChallengeText, type HeaderList } from './response/challenge.ts'

const make = (headers: HeaderList = [], details: object = {}): AuthorizationError<'token_expired'> =>
  withoutStack(() => new AuthorizationError('token_expired', details, () => ({ headers, body: '{}' })))

describe('ERRORS', () => {
  test('cannot be changed', () => {
    expect(Object.isFrozen(ERRORS)).toBe(true)
    expect(Object.values(ERRORS).every(Object.isFrozen)).toBe(true)
  })

  test.each(Object.entries(ERRORS))(
    '%s is a fact in snake_case, with a text fit for a challenge',
    (code, row) => {
      expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/)
      expect(asChallengeText(row.text)).toBe(row.text)
      expect(row.spec).toMatch(/^RFC \d+ §[\d.]+$/)
    },
  )

  test('gives each wire error its status, and 503 none (BT-16)', () => {
    const statuses = { invalid_request: 400, invalid_token: 401, insufficient_scope: 403 }
    for (const row of Object.values(ERRORS)) {
      if ('error' in row) expect(row.status).toBe(statuses[row.error])
      else expect([401, 403, 503]).toContain(row.status)
    }
  })
})

describe('AuthorizationError', () => {
  test('is an Error with a name, a code and a status', () => {
    const error = make()
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'AuthorizationError', code: 'token_expired', status: 401 })
    expect(Object.keys(error)).toEqual(['code', 'status'])
  })

  test('carries claim and retryAfter only where there are any', () => {
    expect(make([], { claim: 'jti', retryAfter: 3 })).toMatchObject({ claim: 'jti', retryAfter: 3 })
    expect('claim' in make()).toBe(false)
  })

  test('joins two challenges into one field, as RFC 9110 §11.6.1 allows (BT-19)', () => {
    const error = make([
      ['WWW-Authenticate', 'Bearer realm="a"'],
      ['WWW-Authenticate', 'DPoP realm="a"'],
      ['Cache-Control', 'no-store'],
    ])
    expect(error.headers).toEqual({
      'WWW-Authenticate': 'Bearer realm="a", DPoP realm="a"',
      'Cache-Control': 'no-store',
    })
  })

  test('takes other fields from middleware which an error passes, where no serializer meets them', () => {
    const error = make([['Cache-Control', 'no-store']])
    error.headers = { ...error.headers, 'Access-Control-Allow-Origin': '*' }
    expect(error.headers).toEqual({ 'Cache-Control': 'no-store', 'Access-Control-Allow-Origin': '*' })
    expect(error.getResponse().headers.get('Access-Control-Allow-Origin')).toBeNull()
    expect(Object.keys(error)).not.toContain('headers')
    expect(make().headers).toEqual({})
  })

  test('makes its answer when it is read, once', () => {
    let made = 0
    const error = new AuthorizationError('token_expired', {}, () => {
      made += 1
      return { headers: [], body: '' }
    })
    expect(made).toBe(0)
    expect(error.answer).toBe(error.answer)
    expect(made).toBe(1)
  })

  test('is a complete Response, a new one each time', async () => {
    const error = make([['WWW-Authenticate', 'Bearer realm="a"']])
    const response = error.getResponse()
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="a"')
    expect(await response.text()).toBe('{}')
    expect(await error.getResponse().text()).toBe('{}')
  })

  test('has no stack frames', () => {
    expect(make().stack).not.toContain('\n')
  })

  test('keeps the cause where no serializer meets it', () => {
    const cause = new Error('the store is down')
    const error = make([], { cause })
    expect(error.cause).toBe(cause)
    expect(JSON.stringify(error)).not.toContain('store')
    expect(Object.keys(error)).not.toContain('cause')
    expect(inspect({ ...error })).not.toContain('store')
  })

  test('is() knows an error of another copy of the package, and nothing else', () => {
    const brand = Symbol.for('@atjwt/core AuthorizationError')
    class Copy extends Error {
      readonly [brand] = true
    }
    expect(AuthorizationError.is(make())).toBe(true)
    expect(AuthorizationError.is(new Copy('of another copy'))).toBe(true)
    for (const other of [new Error('x'), { code: 'token_expired', status: 401 }, null, undefined, 'x']) {
      expect(AuthorizationError.is(other)).toBe(false)
    }
  })
})
