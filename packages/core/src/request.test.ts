import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { fromNode, identityOf, type NodeRequest } from './request.ts'

const field = (req: NodeRequest): string | null => fromNode(req).headers.get('Authorization')

describe('fromNode()', () => {
  test('leaves no mark on the request which whoever logs it would see', () => {
    const req = { headers: {} }
    expect(identityOf(fromNode(req))).toBe(identityOf(fromNode(req, { url: () => 'https://api.example/' })))
    expect(Object.keys(req)).toEqual(['headers'])
    expect(JSON.stringify(req)).toBe('{"headers":{}}')
  })

  test('shows a request which was derived from another for itself, not for what it was derived from', () => {
    const req = { headers: { authorization: 'Bearer a' } as Record<string, string> }
    expect(field(req)).toBe('Bearer a')
    const derived = Object.create(req, { headers: { value: { authorization: 'Bearer b' } } }) as NodeRequest
    expect(field(derived)).toBe('Bearer b')
    expect(identityOf(fromNode(derived))).not.toBe(identityOf(fromNode(req)))
    const proxied = new Proxy(req, {
      get: (target, name, receiver) => (name === 'headers' ? {} : Reflect.get(target, name, receiver)),
    })
    expect(field(proxied)).toBeNull()
    expect(field(req)).toBe('Bearer a')
  })

  test('reads method and headers when they are asked for', () => {
    const req = { method: 'POST', headers: { origin: 'https://app.example' } as Record<string, string> }
    const view = fromNode(req)
    req.method = 'DELETE'
    req.headers['origin'] = 'https://other.example'
    expect(view.method).toBe('DELETE')
    expect(view.headers.get('Origin')).toBe('https://other.example')
    expect(view.headers.get('accept')).toBeNull()
  })

  test('takes a request without a method for GET', () => {
    expect(fromNode({ headers: {} }).method).toBe('GET')
  })

  test('joins a repeated field as HTTP does', () => {
    expect(fromNode({ headers: { 'x-list': ['a', 'b'] } }).headers.get('X-List')).toBe('a, b')
  })

  test.each([
    ['one field', { headers: { authorization: 'Bearer t' }, rawHeaders: ['Authorization', 'Bearer t'] }],
    ['a request without rawHeaders', { headers: { authorization: 'Bearer t' } }],
    ['a list with one field', { headers: { authorization: ['Bearer t'] } }],
    [
      'a field which middleware set',
      { headers: { authorization: 'Bearer t' }, rawHeaders: ['Host', 'api.example'] },
    ],
    [
      'a field which middleware replaced',
      { headers: { authorization: 'Bearer t' }, rawHeaders: ['authorization', 'Bearer other'] },
    ],
    [
      'a header value that looks like the name',
      {
        headers: { authorization: 'Bearer t' },
        rawHeaders: ['X-A', 'authorization', 'Authorization', 'Bearer t'],
      },
    ],
  ])('shows the value of %s', (_what, req) => {
    expect(field(req)).toBe('Bearer t')
  })

  test.each([
    [
      'two fields, of which Node keeps the first (BT-06)',
      {
        headers: { authorization: 'Bearer a' },
        rawHeaders: ['Authorization', 'Bearer a', 'AUTHORIZATION', 'Bearer b'],
      },
    ],
    [
      'two equal fields (BT-06)',
      {
        headers: { authorization: 'Bearer a' },
        rawHeaders: ['Authorization', 'Bearer a', 'authorization', 'Bearer a'],
      },
    ],
    ['a list of two', { headers: { authorization: ['Bearer a', 'Bearer b'] } }],
    ['an empty list', { headers: { authorization: [] } }],
  ])('shows %s as a value which no grammar of credentials accepts', (_what, req) => {
    expect(field(req)).toMatch(/^,/)
  })

  test('shows nothing when middleware deleted the field', () => {
    expect(field({ headers: {}, rawHeaders: ['Authorization', 'Bearer t'] })).toBeNull()
  })

  test('makes an absolute URL of the path alone: a Host field is the word of the client', () => {
    expect(fromNode({ url: '/orders?x=1', headers: { host: 'evil.example' } }).url).toBe(
      'http://localhost/orders?x=1',
    )
    expect(fromNode({ url: '//evil.example/orders', headers: {} }).url).toBe(
      'http://localhost/evil.example/orders',
    )
    expect(fromNode({ headers: {} }).url).toBe('http://localhost/')
  })

  test.each([
    ['/\\evil.example/orders', 'http://localhost/evil.example/orders'],
    ['\\\\evil.example/orders', 'http://localhost/evil.example/orders'],
    ['/\\/evil.example:99999/', 'http://localhost/evil.example:99999/'],
    ['/\\[', 'http://localhost/['],
    ['//[', 'http://localhost/['],
    ['@evil.example/', 'http://localhost/@evil.example/'],
    [':99999/', 'http://localhost/:99999/'],
    ['http://evil.example/orders', 'http://localhost/http://evil.example/orders'],
    ['evil.example:443', 'http://localhost/evil.example:443'],
    ['*', 'http://localhost/*'],
    ['', 'http://localhost/'],
    ['?x=1', 'http://localhost/?x=1'],
  ])('takes no address from the request target %j', (url, expected) => {
    expect(fromNode({ url, headers: {} }).url).toBe(expected)
  })

  test('has a URL of the placeholder for every request target', () => {
    const piece = fc.oneof(
      fc.constantFrom('/', '\\', '[', ']', '@', ':', '?', '#', '*', '%', '\t', '\n', '..', ' ', '\ud800'),
      fc.constantFrom(
        'http:',
        'https://',
        'file:',
        'javascript:',
        'evil.example',
        ':99999',
        'xn--a',
        '0x7f.1',
      ),
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
    )
    const target = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(target, (url) => {
        const seen = new URL(fromNode({ url, headers: {} }).url)
        expect([seen.origin, seen.username, seen.password]).toEqual(['http://localhost', '', ''])
      }),
      { numRuns: 2000 },
    )
  })

  test('asks for the URL which the application knows, each time', () => {
    let asked = 0
    const view = fromNode({ headers: {} }, { url: () => `https://api.example/${(asked += 1)}` })
    expect([view.url, view.url]).toEqual(['https://api.example/1', 'https://api.example/2'])
  })
})
