import { readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { Refusal } from '../errors.ts'
import { ASSERTION_ERRORS, type AssertionErrorCode, Denial, denialOf, toAssertionError } from './errors.ts'

const codes = Object.keys(ASSERTION_ERRORS) as AssertionErrorCode[]
const style = { purpose: 'client-authentication' } as const

test('every code is listed on the page, with its status and error', async () => {
  const page = await readFile(new URL('../../docs/assertions.md', import.meta.url), 'utf8')
  for (const code of codes) {
    const { status, error } = ASSERTION_ERRORS[code]
    const row = page.split('\n').find((line) => line.startsWith('| ') && line.includes(`\`${code}\``))
    expect([code, row?.split('|')[1]?.trim()]).toEqual([
      code,
      status === 'by purpose' ? 'by purpose' : `${status} \`${error}\``,
    ])
  }
})

test('what depends on who issued an assertion has one text', () => {
  const dependent: AssertionErrorCode[] = [
    'client_unknown',
    'client_mismatch',
    'client_misconfigured',
    'issuer_not_trusted',
    'issuer_misconfigured',
    'lifetime_exceeded',
    'jti_required',
    'key_unsuitable',
    'key_retired',
    'kid_unknown',
    'kid_unknown_throttled',
    'signature_invalid',
    'subject_unknown',
  ]
  expect(new Set(dependent.map((code) => ASSERTION_ERRORS[code].text)).size).toBe(1)
})

test('toAssertionError() makes a complete answer for every code', () => {
  for (const code of codes) {
    for (const purpose of ['client-authentication', 'authorization-grant'] as const) {
      const { status, error, message, response } = toAssertionError(new Denial(code), { purpose })
      const headers = new Headers(response.headers)
      expect(JSON.parse(response.body)).toEqual({ error, error_description: message })
      // error_description: RFC 6749 §5.2 bans quotes, backslashes and whatever is not printable ASCII.
      expect(message).toMatch(/^[\x20\x21\x23-\x5B\x5D-\x7E]+$/)
      expect([code, headers.get('cache-control'), headers.get('content-type')]).toEqual([
        code,
        'no-store',
        'application/json',
      ])
      expect(headers.has('retry-after')).toBe(status === 429 || status === 503)
      expect(headers.get('allow')).toBe(status === 405 ? 'POST' : null)
      expect(headers.has('www-authenticate')).toBe(false)
    }
  }
})

test('toAssertionError() challenges only a 401, and only who used the header field', () => {
  const challenge = (code: AssertionErrorCode): string | null =>
    new Headers(toAssertionError(new Denial(code), { ...style, basicRealm: '"r"' }).response.headers).get(
      'www-authenticate',
    )
  expect(challenge('signature_invalid')).toBe('Basic realm="r"')
  expect(challenge('parameter_missing')).toBeNull()
  expect(challenge('replay_store_failed')).toBeNull()
})

test('toAssertionError() keeps a cause out of what is printed', () => {
  const cause = new Error('password=hunter2')
  const error = toAssertionError(new Denial('resolver_failed', { cause }), style)
  expect(error.cause).toBe(cause)
  expect(JSON.stringify(error)).not.toContain('hunter2')
  expect(Object.keys(error)).not.toContain('cause')
})

test('denialOf() gives refusals of the readers their name here, and configuration to whom it belongs', () => {
  expect(denialOf(new Refusal('token_opaque'), style.purpose).code).toBe('assertion_malformed')
  expect(denialOf(new Refusal('token_encrypted'), style.purpose).code).toBe('assertion_encrypted')
  expect(denialOf(new Refusal('issuer_metadata_unusable'), style.purpose).code).toBe('client_misconfigured')
  expect(denialOf(new Refusal('issuer_metadata_unusable'), 'authorization-grant').code).toBe(
    'issuer_misconfigured',
  )
  const unreachable = denialOf(new Refusal('issuer_unreachable', { retryAfter: 7 }), style.purpose)
  expect(toAssertionError(unreachable, style)).toMatchObject({ status: 503, retryAfter: 7 })
})
