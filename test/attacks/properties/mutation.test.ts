import { AuthorizationError } from '@atjwt/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createSigner, encode, PATIENCE, runs, serverOf } from './signer.ts'

const SIGNERS = (['RS256', 'ES256', 'EdDSA'] as const).map((alg) => createSigner(alg, `key-${alg}`))
const TOKENS = SIGNERS.flatMap((signer) => [
  signer.issue({ scope: 'read write' }),
  signer.issue({ roles: ['reader'], org: { id: 7 } }),
  // One octet more or less changes how many bits of the last character are spare.
  signer.issue({ pad: '' }),
  signer.issue({ pad: 'x' }),
])

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...ALPHABET) },
  { weight: 1, arbitrary: fc.constantFrom(...'+/=.~ \t\r\n,"\u0000é') },
)

type Mutation = (token: string) => string

/** A change of characters, anywhere. */
const characters: fc.Arbitrary<Mutation> = fc
  .tuple(fc.constantFrom('replace', 'insert', 'delete', 'swap', 'repeat', 'truncate'), fc.nat(), character)
  .map(([kind, position, c]): Mutation => (token) => {
    const at = position % token.length
    const [before, after] = [token.slice(0, at), token.slice(at + 1)]
    switch (kind) {
      case 'replace':
        return before + c + after
      case 'insert':
        return before + c + token.slice(at)
      case 'delete':
        return before + after
      case 'swap':
        return before + after.slice(0, 1) + token.charAt(at) + after.slice(1)
      case 'repeat':
        return `${token.slice(0, at)}${token.slice(at)}${token.slice(at)}`
      default:
        return before
    }
  })

const partly =
  (part: number, change: (text: string) => string): Mutation =>
  (token) => {
    const parts = token.split('.')
    if (parts[part] !== undefined) parts[part] = change(parts[part])
    return parts.join('.')
  }

/** Another spelling of the same part: the decoder of a lenient reader would see no difference. */
const spelling: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.nat({ max: 2 }),
    fc.constantFrom('pad', 'spare bits', 'space', 'standard alphabet', 'prefix'),
    fc.nat({ max: 63 }),
  )
  .map(([part, kind, n]) =>
    partly(part, (text) => {
      if (kind === 'pad') return `${text}${'='.repeat(1 + (n % 3))}`
      if (kind === 'spare bits')
        return text.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(text.slice(-1)) ^ (1 + (n % 15)))
      if (kind === 'space') return `${text.slice(0, n)} ${text.slice(n)}`
      if (kind === 'standard alphabet') return text.replaceAll('-', '+').replaceAll('_', '/')
      return `A${text}`
    }),
  )

/** The same JSON, or other JSON, written anew under the old signature. */
const reencoded: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.nat({ max: 1 }),
    fc.constantFrom('space', 'reverse', 'alg', 'exp', 'scope', 'typ', 'kid', 'duplicate'),
    fc.constantFrom('none', 'HS256', 'RS256', 'admin', 'JWT', 9_999_999_999, null),
  )
  .map(([part, kind, value]) =>
    partly(part, (encoded) => {
      let object: Record<string, unknown>
      try {
        object = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as Record<string, unknown>
      } catch {
        return encoded
      }
      if (kind === 'space') return encode(JSON.stringify(object, undefined, 1))
      if (kind === 'reverse')
        return encode(JSON.stringify(Object.fromEntries(Object.entries(object).toReversed())))
      const json = JSON.stringify(object)
      if (kind === 'duplicate') return encode(`{"scope":"admin",${json.slice(1)}`)
      return encode(JSON.stringify({ ...object, [kind]: value }))
    }),
  )

/** Parts of one token in another. */
const transplanted: fc.Arbitrary<Mutation> = fc
  .tuple(fc.nat({ max: 2 }), fc.constantFrom(...TOKENS))
  .map(([part, donor]) => partly(part, () => donor.split('.')[part] as string))

const mutation = fc.oneof(characters, characters, spelling, reencoded, transplanted)

describe.each([
  ['cold', false],
  ['beside the token that is remembered', {}],
] as const)('%s', (_name, cache) => {
  test(
    'no change of a token is accepted, unless it leaves a token that was issued',
    async () => {
      const api = serverOf(SIGNERS, { cache })
      for (const token of TOKENS) {
        // oxlint-disable-next-line no-await-in-loop -- a dozen
        expect((await api.verify(token)).subject).toBe('user-1')
      }
      const issued = new Set(TOKENS)
      let changed = 0
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...TOKENS),
          fc.array(mutation, { minLength: 1, maxLength: 3 }),
          async (token, mutations) => {
            const mutated = mutations.reduce((text, mutate) => (text === '' ? text : mutate(text)), token)
            if (issued.has(mutated)) return
            changed += 1
            const outcome: unknown = await api.verify(mutated).catch((error: unknown) => error)
            expect(outcome).toBeInstanceOf(AuthorizationError)
            expect((outcome as AuthorizationError).status).toBe(401)
          },
        ),
        runs(1500),
      )
      expect(changed).toBeGreaterThan(1000)
    },
    PATIENCE,
  )
})
