import assert from 'node:assert/strict'
import { test } from 'node:test'

import { allowInsecureRequests, createResourceServer } from '@atjwt/core'
import { createTestIssuer } from '@atjwt/testing'

import { exerciseKit, KIT_FINDING } from './kit.ts'

// For the test runner of each runtime: `node --test`, `bun test`, `deno test`.

void test('the kit serves without a port', async () => {
  assert.deepEqual(await exerciseKit(), KIT_FINDING)
})

void test('the kit serves over HTTP', async () => {
  const issuer = await createTestIssuer()
  await issuer.listen()
  const api = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [allowInsecureRequests]: true,
  })
  assert.equal((await api.verify(await issuer.issue())).subject, 'user-1')
  assert.deepEqual(issuer.fetches(), { metadata: 1, jwks: 1, other: 0 })
  await api.close()
  await issuer.close()
})
