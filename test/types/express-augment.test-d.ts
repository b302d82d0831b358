import '@atjwt/express/augment'
import type { AccessToken } from '@atjwt/core'
import type { Request } from 'express'
import { expectTypeOf, test } from 'vitest'

test('augment types req.auth, which may be undefined', () => {
  expectTypeOf<Request['auth']>().not.toBeAny()
  expectTypeOf<Request['auth']>().toEqualTypeOf<AccessToken | undefined>()
  const read = (req: Request): string | undefined => {
    // @ts-expect-error possibly undefined
    void req.auth.subject
    return req.auth?.subject
  }
  void read
})
