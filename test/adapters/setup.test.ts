import { optional, type ResourceServer, scope } from '@atjwt/core'
import { authOf, findAuth } from '@atjwt/core/adapter'
import { protect as protectExpress } from '@atjwt/express'
import { protect as protectHono } from '@atjwt/hono'
import { protect as protectKoa } from '@atjwt/koa'
import { describe, expect, test } from 'vitest'

import { createWorld } from './world.ts'

/** As a program without types calls it. */
type Untyped = (...given: unknown[]) => unknown

describe.each([
  ['express', protectExpress as Untyped],
  ['koa', protectKoa as Untyped],
  ['hono', protectHono as Untyped],
])('%s', (_name, protect) => {
  const MISTAKES: [name: string, given: (api: ResourceServer) => unknown[], message: string][] = [
    ['nothing', () => [], 'must be a resource server'],
    [
      'options instead of a resource server',
      () => [{ issuer: 'x', audience: 'y' }],
      'must be a resource server',
    ],
    ['a variable that was never set', (api) => [api, undefined], 'the policy is undefined'],
    [
      'a variable that was never set, and options',
      (api) => [api, undefined, { refusals: 'throw' }],
      'the policy is undefined',
    ],
    ['null', (api) => [api, null], 'it is not one'],
    ['a list', (api) => [api, [scope('a')]], 'is a list'],
    ['two policies', (api) => [api, scope('a'), scope('b')], 'one policy is taken'],
    [
      'options before the policy',
      (api) => [api, { refusals: 'throw' }, scope('a')],
      'the options stand behind the policy',
    ],
    ['a string', (api) => [api, 'orders:read'], 'it is not one'],
    ['a function', (api) => [api, () => true], 'it is not one'],
    ['a misspelt operator', (api) => [api, { op: 'scopes', names: ['a'] }], 'its operator is unknown'],
    ['an empty list', (api) => [api, { op: 'scope', names: [] }], 'scope needs a name'],
    ['optional() inside', (api) => [api, { op: 'not', policy: optional() }], 'stands at the top only'],
    ['an unknown option', (api) => [api, scope('a'), { refuse: 'throw' }], "'refuse' is unknown"],
    ['a wrong value of refusals', (api) => [api, scope('a'), { refusals: 'ignore' }], 'refusals must be'],
    ['a wrong value of preflight', (api) => [api, scope('a'), { preflight: true }], 'preflight must be'],
  ]

  test.each(MISTAKES)(
    'protect() throws when the route is set up with %s',
    async (_mistake, given, message) => {
      const { api } = await createWorld()
      const attempt = (): unknown => protect(...given(api))
      expect(attempt).toThrow(TypeError)
      expect(attempt).toThrow(message)
    },
  )

  test('authOf() and findAuth() say which argument comes first', async () => {
    const { api } = await createWorld()
    const request = new Request('https://api.example/')
    for (const read of [authOf, findAuth])
      expect(() => read(request as never, api)).toThrow('the first argument must be a resource server')
  })

  test('protect() takes no policy, and options in the place of one', async () => {
    const { api } = await createWorld()
    expect(protect(api)).toBeTypeOf('function')
    expect(protect(api, { refusals: 'throw' })).toBeTypeOf('function')
    expect(() => protect(api, { refusals: 'ignore' })).toThrow('refusals must be')
  })
})
