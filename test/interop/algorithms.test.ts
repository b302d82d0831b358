import { createPublicKey } from 'node:crypto'
import { allowInsecureRequests, createResourceServer, type ResourceServer } from '@atjwt/core'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ALGORITHMS,
  type AuthorizationServer,
  POST_QUANTUM,
  resource,
  startAuthorizationServer,
} from './authorization-server.ts'
import { judge } from './judge.ts'

/** Node has ML-DSA from 24.7 on. */
const hasPostQuantum = ((): boolean => {
  try {
    const pub = Buffer.alloc(1312).toString('base64url')
    createPublicKey({ key: { kty: 'AKP', alg: 'ML-DSA-44', pub }, format: 'jwk' })
    return true
  } catch {
    return false
  }
})()

let as: AuthorizationServer

beforeAll(async () => {
  as = await startAuthorizationServer({ postQuantum: hasPostQuantum ? POST_QUANTUM : [] })
})
afterAll(() => as[Symbol.asyncDispose]())

const resourceServer = (kind: string, algorithms?: string): ResourceServer =>
  createResourceServer({
    issuer: as.issuer,
    audience: resource(kind),
    [allowInsecureRequests]: true,
    ...(algorithms === undefined ? {} : { algorithms }),
  })

describe.each(ALGORITHMS)('%s', (alg) => {
  test('is accepted by default, and when it is the only one', async () => {
    const token = await as.clientToken(alg)
    expect(decodeProtectedHeader(token).alg).toBe(alg)
    expect(await judge(resourceServer(alg), token)).toBe('authorized')
    expect(await judge(resourceServer(alg, alg), token)).toBe('authorized')
  })

  test('is refused when another one is the only one (AT-07)', async () => {
    const other = alg === 'ES256' ? 'RS256' : 'ES256'
    expect(await judge(resourceServer(alg, other), await as.clientToken(alg))).toBe('algorithm_not_allowed')
  })
})

test('EdDSA and Ed25519 are one: naming either accepts both', async () => {
  const [older, newer] = [await as.clientToken('EdDSA'), await as.clientToken('Ed25519')]
  for (const name of ['EdDSA', 'Ed25519']) {
    // oxlint-disable-next-line no-await-in-loop
    expect(await judge(resourceServer('EdDSA', name), older)).toBe('authorized')
    // oxlint-disable-next-line no-await-in-loop
    expect(await judge(resourceServer('Ed25519', name), newer)).toBe('authorized')
  }
})

test('HS256 is refused: a shared secret lets each resource mint tokens for the others', async () => {
  const token = await as.clientToken('HS256')
  expect(decodeProtectedHeader(token).alg).toBe('HS256')
  expect(await judge(resourceServer('HS256'), token)).toBe('algorithm_not_allowed')
})

describe.runIf(hasPostQuantum).each(POST_QUANTUM)('%s', (alg) => {
  test('is accepted only when it is named', async () => {
    const token = await as.clientToken(alg)
    expect(decodeProtectedHeader(token).alg).toBe(alg)
    expect(await judge(resourceServer(alg), token)).toBe('algorithm_not_allowed')
    expect(await judge(resourceServer(alg, alg), token)).toBe('authorized')
    const [other] = POST_QUANTUM.filter((name) => name !== alg) as [string]
    expect(await judge(resourceServer(alg, other), token)).toBe('algorithm_not_allowed')
  })
})

test.runIf(hasPostQuantum)('its keys do not stand in the way of the others', async () => {
  const api = resourceServer('ES256')
  await api.ready()
  expect(api.status()).toMatchObject([{ state: 'ready', keys: ALGORITHMS.length + POST_QUANTUM.length }])
  expect(await judge(api, await as.clientToken('ES256'))).toBe('authorized')
})
