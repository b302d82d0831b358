import { describe, expect, test, vi } from 'vitest'

import { bearer, createTestApi } from '../../../test/helpers/api.ts'
import { createTestIssuer } from '../../testing/src/index.ts'
import type { Verification } from './access-token/access-token.ts'
import { Issuers, KeyRegistry } from './issuer/issuers.ts'
import { createResourceServer, type ResourceServerOptions } from './index.ts'
import { clock, resolveOptions } from './options.ts'
import { rehearse } from './rehearse.ts'

vi.mock('./rehearse.ts', { spy: true })

const NOW = 1_800_000_000

/** The tokens which go along the way of everybody's, and what is led on from them. */
async function rehearsedBy(
  options: ResourceServerOptions,
): Promise<{ readonly tokens: readonly string[]; readonly granted: readonly Verification[] }> {
  const resolved = resolveOptions(options)
  const tokens: string[] = []
  const granted: Verification[] = []
  const registry = new KeyRegistry(resolved)
  const context = { ...resolved, verifier: {}, issuers: new Issuers(resolved, registry), cache: undefined }
  const issuers = registry.trusted.map(({ issuer }) => issuer)
  await rehearse(context, issuers, resolved.clock(), {
    async refuse(token) {
      tokens.push(token)
    },
    async grant(verification) {
      granted.push(verification)
    },
  })
  return { tokens, granted }
}

const partOf = (token: string, part: 0 | 1): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[part] as string, 'base64url').toString())

describe('rehearse()', () => {
  test.each(['RS256', 'PS512', 'ES256', 'ES512', 'EdDSA'] as const)(
    'leads a token by %s up to its signature, which is none',
    async (alg) => {
      const issuer = await createTestIssuer({ alg, clock: () => NOW })
      const options = {
        issuer: { issuer: issuer.issuer, jwks: issuer.jwks },
        audience: issuer.audience,
        [clock]: () => NOW,
      }
      const { tokens, granted } = await rehearsedBy(options)
      expect(tokens.length).toBeGreaterThan(1)
      expect(granted.map(({ token }) => token.header['alg'])).toEqual(
        tokens.map((token) => partOf(token, 0)['alg']),
      )
      for (const token of tokens) {
        expect(partOf(token, 1)['exp']).toBeLessThan(NOW)
        // Not `signature_malformed`, `kid_unknown` or anything else that comes earlier.
        await expect(createResourceServer(options).verify(token)).rejects.toMatchObject({
          code: 'signature_invalid',
        })
      }
    },
  )

  test('takes each algorithm once, whatever the number of issuers', async () => {
    const issuers = await Promise.all(
      ['ES256', 'ES256', 'EdDSA'].map((alg, i) =>
        createTestIssuer({ issuer: `https://issuer-${i}.example`, alg }),
      ),
    )
    const { tokens } = await rehearsedBy({
      issuer: issuers.map(({ issuer, jwks }) => ({ issuer, jwks })),
      audience: 'https://api.example',
    })
    const algorithms = Map.groupBy(tokens, (token) => partOf(token, 0)['alg'])
    expect([...algorithms.keys()].toSorted()).toEqual(['ES256', 'Ed25519'])
    expect(algorithms.get('ES256')).toHaveLength(algorithms.get('Ed25519')?.length as number)
  })

  test('does nothing where no keys are known', async () => {
    const unloaded = { issuer: 'https://issuer.example', audience: 'https://api.example' }
    expect(await rehearsedBy(unloaded)).toEqual({ tokens: [], granted: [] })
    expect(await rehearsedBy({ ...unloaded, issuer: () => undefined })).toEqual({ tokens: [], granted: [] })
  })
})

describe('ready()', () => {
  test('does not fail because a rehearsal did', async () => {
    const { api } = await createTestApi()
    vi.mocked(rehearse).mockRejectedValueOnce(new RangeError('too many arguments'))
    await expect(api.ready()).resolves.toBeUndefined()
    expect(api.status()).toMatchObject([{ state: 'ready' }])
  })

  test.each([NOW, 5])('rehearses without a trace, at %d', async (time) => {
    const application = {
      onDecision: vi.fn(),
      revoked: vi.fn(() => false),
      refusal: vi.fn(() => undefined),
      authorities: { roles: vi.fn(() => []) },
      validate: vi.fn((value: unknown) => ({ value: value as object })),
    }
    const { api, issuer } = await createTestApi({
      onDecision: application.onDecision,
      revoked: application.revoked,
      refusal: application.refusal,
      authorities: application.authorities,
      claims: { '~standard': { version: 1, vendor: 'test', validate: application.validate } },
      [clock]: () => time,
    })
    const before = issuer.fetched.length
    vi.mocked(rehearse).mockClear()
    await api.ready()
    await api.ready()
    expect(rehearse).toHaveBeenCalledOnce()
    const status = api.status()
    // Metadata and keys, and nothing because of a signature which no key made.
    expect(issuer.fetched.length - before).toBe(2)
    expect(status).toMatchObject([{ state: 'ready', keys: 1, fetchedAt: time }])
    for (const called of [
      application.onDecision,
      application.revoked,
      application.refusal,
      application.authorities.roles,
      application.validate,
    ])
      expect(called).not.toHaveBeenCalled()
    // And they would have been, by a token which is somebody's.
    await api.verify(await issuer.issue({ iat: time, exp: time + 60 }))
    expect(application.onDecision).toHaveBeenCalledOnce()
    expect(application.revoked).toHaveBeenCalledOnce()
    expect(application.authorities.roles).toHaveBeenCalledOnce()
    expect(application.validate).toHaveBeenCalledOnce()
    await api.authorize(bearer('x.y.z'))
    expect(application.refusal).toHaveBeenCalledOnce()
  })
})
