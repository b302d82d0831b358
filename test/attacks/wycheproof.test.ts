import { createPublicKey } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { AuthorizationError, createResourceServer } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { parseCompact } from '../../packages/core/src/jws/compact.ts'
import { readHeader } from '../../packages/core/src/access-token/header.ts'
import type { CryptoImplementation, PublicJWK } from '../../packages/core/src/crypto/crypto.ts'
import * as node from '../../packages/core/src/crypto/node.ts'
import * as web from '../../packages/core/src/crypto/web.ts'
import { Refusal } from '../../packages/core/src/errors.ts'
import { decodedLength } from '../../packages/core/src/internal/base64url.ts'
import { readJWK } from '../../packages/core/src/issuer/jwk.ts'
import { readKeySet } from '../../packages/core/src/issuer/jwks.ts'

/** A checkout of the JOSE vectors of C2SP/wycheproof, which are data of others and not copied here. */
const DIRECTORY = process.env['WYCHEPROOF_DIR']

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly jws?: string | object
  readonly msg?: string
  readonly sig?: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly flags: readonly string[]
}
type JWK = Readonly<Record<string, unknown>>
interface Group {
  readonly comment: string
  readonly public?: JWK
  readonly private?: JWK
  readonly publicKeyJwk?: JWK
  readonly keyJwk?: JWK
  readonly publicKeyDer?: string
  readonly tests: readonly Vector[]
}
interface Named {
  readonly name: string
  readonly keys: readonly unknown[]
  /** Where the vector is a JSON serialization, its text. */
  readonly jws: string
  readonly vector: Vector
}

function groupsOf(file: string): readonly Group[] {
  return (JSON.parse(readFileSync(join(DIRECTORY as string, file), 'utf8')) as { testGroups: Group[] })
    .testGroups
}

/** The JWS vectors of a file: a group has a key or a set of keys; the public part is what an issuer publishes. */
function signatures(file: string): Named[] {
  return groupsOf(file).flatMap((group) => {
    const given = group.public ?? group.private
    const keys = (given?.['keys'] as unknown[] | undefined) ?? [given]
    return group.tests
      .filter(({ jws }) => jws !== undefined)
      .map((vector) => ({
        name: `${vector.tcId} (${group.comment}: ${vector.comment})`,
        keys,
        jws: typeof vector.jws === 'string' ? vector.jws : JSON.stringify(vector.jws),
        vector,
      }))
  })
}

const IMPLEMENTATIONS: readonly CryptoImplementation[] = [node, web]

/**
 * The way of a token up to its signature, by the same functions and in the same order as verification takes it; what
 * stands between is about access tokens, which these are not.
 */
async function judge(keys: readonly unknown[], jws: string, crypto: CryptoImplementation): Promise<string> {
  const compact = parseCompact(jws)
  if (compact instanceof Refusal) return compact.code
  const header = readHeader(compact.header)
  if (header instanceof Refusal) return header.code
  const set = readKeySet({ keys })
  if (set === undefined) return `no key: ${keys.map((key) => reasonOf(key)).join(', ')}`
  for (const key of set.candidates(header.kid, header.alg)) {
    if (key.signatureLength(header.alg) !== decodedLength(compact.signature)) continue
    // oxlint-disable-next-line no-await-in-loop -- a key after the other, as verification does
    const handle = await crypto.importKey(key.toJWK() as PublicJWK, header.alg)
    // oxlint-disable-next-line no-await-in-loop -- likewise
    if (handle === undefined) continue
    // oxlint-disable-next-line no-await-in-loop -- likewise
    if (await crypto.verifySignature(header.alg, handle, jws, compact.signature)) return 'accepted'
  }
  return 'signature_invalid'
}

function reasonOf(key: unknown): string {
  const read = readJWK(key)
  return typeof read === 'string' ? read : 'usable'
}

/** Valid vectors which are refused on purpose, each with what is found and why that stands. */
const NOT_ACCEPTED: Readonly<Record<string, string>> = {
  // There are no symmetric keys here.
  symmetric: 'algorithm_not_allowed',
  // An empty payload is no claims set; a JWT is never without one (RFC 7519 §7.2).
  emptyPayload: 'token_malformed',
  // Characters outside of the alphabet, which RFC 7515 §2 lets nobody ignore; the keys are symmetric besides.
  InvalidCharacterInsertedInHeader: 'token_malformed',
  InvalidCharacterInsertedInPayload: 'token_malformed',
  // The key says PS256, the token PS384: one key, one algorithm (RFC 8725 §3.1).
  Figure20: 'signature_invalid',
  // The key says ES521, which no RFC registers.
  Figure27: 'no key: alg_unknown',
}

function expectedOf({ keys, vector }: Named): string {
  const reason = NOT_ACCEPTED[vector.comment]
  if (reason !== undefined) return reason
  const symmetric = keys.every((key) => (key as JWK)['kty'] === 'oct')
  return symmetric ? (NOT_ACCEPTED['symmetric'] as string) : 'accepted'
}

/** What the files hold, so that a checkout which lost vectors is noticed. */
const COUNTS = [
  ['json_web_signature_test.json', 401],
  ['json_web_key_test.json', 26],
  ['json_web_crypto_test.json', 49],
] as const

describe.skipIf(DIRECTORY === undefined)('Wycheproof (skipped where WYCHEPROOF_DIR is unset)', () => {
  describe.each(COUNTS)('%s', (file, count) => {
    const vectors = DIRECTORY === undefined ? [] : signatures(file)

    test('has its vectors', () => {
      expect(vectors.length).toBeGreaterThanOrEqual(count)
      expect(vectors.some(({ vector }) => vector.result === 'valid')).toBe(true)
    })

    describe.each(IMPLEMENTATIONS)('on $implementation', (crypto) => {
      test.each(vectors.filter(({ vector }) => vector.result !== 'valid'))(
        'refuses $name',
        async ({ keys, jws }) => {
          expect(await judge(keys, jws, crypto)).not.toBe('accepted')
        },
      )

      test.each(vectors.filter(({ vector }) => vector.result === 'valid'))(
        'accepts $name, or refuses it on purpose',
        async (one) => {
          expect(await judge(one.keys, one.jws, crypto)).toBe(expectedOf(one))
        },
      )
    })

    test('verify() answers each of them with an error of its own', async () => {
      for (const { keys, jws } of vectors) {
        // A set without a usable key is a misconfiguration, and another matter.
        if (readKeySet({ keys }) === undefined) continue
        const api = createResourceServer({
          issuer: { issuer: 'https://issuer.example', jwks: { keys: keys as never } },
          audience: 'https://api.example',
        })
        // oxlint-disable-next-line no-await-in-loop -- hundreds: not all at once
        const error: unknown = await api.verify(jws).catch((reason: unknown) => reason)
        expect(error).toBeInstanceOf(AuthorizationError)
      }
    })
  })

  const primitives = DIRECTORY === undefined ? [] : readdirSync(join(DIRECTORY, 'primitives')).toSorted()

  test('has the vectors of all primitives', () => {
    expect(primitives).toEqual(expect.arrayContaining(Object.keys(PRIMITIVES)))
  })

  describe.each(Object.entries(PRIMITIVES))('primitives/%s', (file, { alg, count }) => {
    const vectors =
      DIRECTORY === undefined
        ? []
        : groupsOf(`primitives/${file}`).flatMap((group) => group.tests.map((vector) => ({ group, vector })))

    test.each([
      ['node', node],
      ['web', web],
    ] as const)('every vector has the right verdict on %s', async (_name, implementation) => {
      expect(vectors.length).toBeGreaterThanOrEqual(count)
      const wrong: number[] = []
      for (const { group, vector } of vectors) {
        // oxlint-disable-next-line no-await-in-loop -- hundreds: not all at once
        const accepted = await verifyWith(implementation, alg, jwkOf(group), vector)
        // "acceptable" leaves it open (a DER oddity of PKCS #1): a strict reader refuses.
        if (accepted !== (vector.result === 'valid')) wrong.push(vector.tcId)
      }
      expect(wrong).toEqual([])
    })
  })
})

const PRIMITIVES: Readonly<Record<string, { readonly alg: string; readonly count: number }>> = {
  'ecdsa_secp256r1_sha256_p1363_test.json': { alg: 'ES256', count: 262 },
  'ecdsa_secp384r1_sha384_p1363_test.json': { alg: 'ES384', count: 280 },
  'ecdsa_secp521r1_sha512_p1363_test.json': { alg: 'ES512', count: 318 },
  'ed25519_test.json': { alg: 'Ed25519', count: 151 },
  'rsa_pss_2048_sha256_mgf1_32_test.json': { alg: 'PS256', count: 108 },
  'rsa_pss_2048_sha384_mgf1_48_test.json': { alg: 'PS384', count: 141 },
  'rsa_pss_4096_sha512_mgf1_64_test.json': { alg: 'PS512', count: 179 },
  'rsa_signature_2048_sha256_test.json': { alg: 'RS256', count: 259 },
  'rsa_signature_3072_sha384_test.json': { alg: 'RS384', count: 259 },
  'rsa_signature_4096_sha512_test.json': { alg: 'RS512', count: 259 },
}

/** The key of a group as an issuer would publish it. */
function jwkOf({ publicKeyJwk, keyJwk, publicKeyDer }: Group): JWK {
  const given = publicKeyJwk ?? keyJwk
  if (given !== undefined) return given
  const key = createPublicKey({
    key: Buffer.from(publicKeyDer as string, 'hex'),
    format: 'der',
    type: 'spki',
  })
  return key.export({ format: 'jwk' }) as JWK
}

function fits(alg: string, jwk: JWK, signature: Buffer): PublicJWK | undefined {
  const key = readJWK(jwk)
  if (typeof key === 'string' || !key.algorithms.has(alg) || key.signatureLength(alg) !== signature.length)
    return undefined
  return key.toJWK() as PublicJWK
}

/** Both implementations take a compact JWS, of which only the last dot counts: any octets may stand before it. */
async function verifyWith(
  crypto: CryptoImplementation,
  alg: string,
  jwk: JWK,
  { msg, sig }: Vector,
): Promise<boolean> {
  const signature = Buffer.from(sig as string, 'hex')
  const published = fits(alg, jwk, signature)
  const handle = published === undefined ? undefined : await crypto.importKey(published, alg)
  if (handle === undefined) return false
  const message = Buffer.from(msg as string, 'hex').toString('latin1')
  const text = signature.toString('base64url')
  return crypto.verifySignature(alg, handle, `${message}.${text}`, text)
}
