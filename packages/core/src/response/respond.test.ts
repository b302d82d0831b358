import { describe, expect, test } from 'vitest'

import { type ErrorCode, ERRORS, Refusal } from '../errors.ts'
import { type RefusalStyle, toError } from './respond.ts'

const style: RefusalStyle = { realm: '"api"', refusal: undefined }
const request = new Request('https://api.example/')
const header = (headers: readonly (readonly [string, string])[], name: string): string | undefined =>
  headers.find(([field]) => field === name)?.[1]

describe('toError()', () => {
  test.each(Object.keys(ERRORS) as ErrorCode[])('answers %s with what its row of ERRORS says', (code) => {
    const row: { status: number; error?: string; text: string } = ERRORS[code]
    const { status, message, answer } = toError(new Refusal(code, { retryAfter: 7 }), style, request, false)
    const challenge = header(answer.headers, 'WWW-Authenticate')
    expect(status).toBe(row.status)
    expect(message).toBe(row.text)
    expect(header(answer.headers, 'Cache-Control')).toBe('no-store')
    expect(header(answer.headers, 'Content-Type')).toBe('application/problem+json')
    expect(JSON.parse(answer.body)).toEqual({ title: expect.any(String), status, detail: row.text, code })
    if (row.status === 503) {
      expect(challenge).toBeUndefined()
      expect(header(answer.headers, 'Retry-After')).toBe('7')
    } else {
      expect(challenge).toBe(
        row.error === undefined
          ? 'Bearer realm="api"'
          : `Bearer realm="api", error="${row.error}", error_description="${row.text}"`,
      )
      expect(header(answer.headers, 'Retry-After')).toBeUndefined()
    }
  })

  test('asks for a retry in a second when nobody knows better', () => {
    const { answer } = toError(new Refusal('issuer_unreachable'), style, request, false)
    expect(header(answer.headers, 'Retry-After')).toBe('1')
  })

  test('names the claim at fault, made fit for a header', () => {
    const error = toError(new Refusal('claim_missing', { claim: 'a"b\r\nc' }), style, request, false)
    expect(error.message).toBe('The access token lacks a required claim: a b  c')
    expect(error.headers['WWW-Authenticate']).toContain('required claim: a b  c"')
  })

  test('varies by Authorization only where anonymous requests are answered too', () => {
    expect(header(toError(new Refusal('token_expired'), style, request, true).answer.headers, 'Vary')).toBe(
      'Authorization',
    )
    expect(
      header(toError(new Refusal('token_expired'), style, request, false).answer.headers, 'Vary'),
    ).toBeUndefined()
  })

  test('takes the body of the application, and neither status nor headers', () => {
    const error = toError(
      new Refusal('policy_denied'),
      { ...style, refusal: ({ code }, { url }) => ({ contentType: 'text/plain', body: `${code} ${url}` }) },
      request,
      false,
    )
    expect(error.answer.body).toBe('policy_denied https://api.example/')
    expect(error.headers).toEqual({
      'WWW-Authenticate': 'Bearer realm="api"',
      'Cache-Control': 'no-store',
      'Content-Type': 'text/plain',
    })
  })

  test('keeps its own body when the application has none for this refusal', () => {
    const error = toError(
      new Refusal('policy_denied'),
      { ...style, refusal: () => undefined },
      request,
      false,
    )
    expect(JSON.parse(error.answer.body)).toMatchObject({ code: 'policy_denied' })
  })

  test('has the standard answer while the application makes another', async () => {
    const seen: unknown[] = []
    const error = toError(
      new Refusal('policy_denied'),
      {
        ...style,
        refusal: (given) => {
          const response = given.getResponse()
          seen.push(given.headers, response.headers.get('content-type'))
          return { contentType: 'text/plain', body: given.headers['WWW-Authenticate'] as string }
        },
      },
      request,
      false,
    )
    expect(error.answer.body).toBe('Bearer realm="api"')
    expect(error.headers['Content-Type']).toBe('text/plain')
    expect(await error.getResponse().text()).toBe('Bearer realm="api"')
    expect(seen).toEqual([
      {
        'WWW-Authenticate': 'Bearer realm="api"',
        'Cache-Control': 'no-store',
        'Content-Type': 'application/problem+json',
      },
      'application/problem+json',
    ])
  })

  test('does not ask the application about a token that came without a request', () => {
    const refusal = (): never => {
      throw new Error('asked')
    }
    const error = toError(new Refusal('policy_denied'), { ...style, refusal }, undefined, false)
    expect(JSON.parse(error.answer.body)).toMatchObject({ code: 'policy_denied' })
  })

  test.each(['text/plain\r\nSet-Cookie: a=b', 'é', ''])(
    'throws on a content type which would end its field: %j',
    (contentType) => {
      const error = toError(
        new Refusal('policy_denied'),
        { ...style, refusal: () => ({ contentType, body: '' }) },
        request,
        false,
      )
      expect(() => error.answer).toThrow(TypeError)
    },
  )

  test.each([
    null,
    'text',
    {},
    { contentType: 'text/plain' },
    { contentType: 'text/plain', body: null },
    { body: '' },
  ])('throws on %j, which is no body: a framework would make another answer of it', (own) => {
    const error = toError(
      new Refusal('policy_denied'),
      { ...style, refusal: () => own as never },
      request,
      false,
    )
    expect(() => error.answer).toThrow(/^Cannot use refusal/)
  })

  test('throws on a promise, and leaves no rejection behind which nobody handles', async () => {
    const refusal = async (): Promise<never> => {
      throw new Error('x')
    }
    const error = toError(
      new Refusal('policy_denied'),
      { ...style, refusal: refusal as never },
      request,
      false,
    )
    expect(() => error.answer).toThrow(TypeError)
    await new Promise((resolve) => setImmediate(resolve))
  })
})
