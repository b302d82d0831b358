import { optional, type ResourceServer, scope } from '@atjwt/core'
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
    ['null', (api) => [api, null], 'it is not one'],
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

  test('protect() takes no policy, and options without a policy', async () => {
    const { api } = await createWorld()
    expect(protect(api)).toBeTypeOf('function')
    expect(protect(api, undefined, { refusals: 'throw' })).toBeTypeOf('function')
  })
})
