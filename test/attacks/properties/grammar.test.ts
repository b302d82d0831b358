import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { parseCompact } from '../../../packages/core/src/jws/compact.ts'
import { readHeader } from '../../../packages/core/src/access-token/header.ts'
import { parseCredentials } from '../../../packages/core/src/credentials/parse.ts'
import { Refusal } from '../../../packages/core/src/errors.ts'
import { parseJSON } from '../../../packages/core/src/internal/json.ts'
import { readJWK, VerificationKey } from '../../../packages/core/src/issuer/jwk.ts'
import { createSigner, encode, PATIENCE, runs } from './signer.ts'

/** Any text: of any octets, of lone surrogates, of what looks like a token or like JSON. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({
    unit: fc.integer({ min: 0, max: 0xff_ff }).map((code) => String.fromCharCode(code)),
    maxLength: 100,
  }),
  fc.string({ unit: fc.constantFrom(...'AZaz09-_+/=.~ ,"\\{}[]:\r\n\t'), maxLength: 200 }),
  fc.json({ maxDepth: 30 }),
  fc.constantFrom('Bearer ', 'bearer', 'Basic ', '.', '..', '....', 'eyJ', '[', '{"', '\u0000', '\u{1F600}'),
)
const texts = fc.array(text, { maxLength: 4 }).map((parts) => parts.join(''))

describe('nothing that can be sent makes a reader throw', () => {
  test(
    'parseCredentials() says what a field is',
    () => {
      fc.assert(
        fc.property(
          fc.option(
            fc.oneof(
              texts,
              texts.map((rest) => `Bearer ${rest}`),
            ),
          ),
          (field) => {
            const credentials = parseCredentials(field)
            if (credentials.kind !== 'bearer') {
              expect(credentials.kind).toMatch(/^(?:absent|malformed)$/)
              return
            }
            // RFC 6750 §2.1, written down a second time.
            expect(credentials.token).toMatch(/^[A-Za-z0-9\-._~+/]+=*$/)
            expect(field).toMatch(/^bearer +/i)
          },
        ),
        runs(2000),
      )
    },
    PATIENCE,
  )

  test(
    'parseCompact() gives three parts which are canonical, or refuses',
    () => {
      const part = fc.oneof(
        text,
        fc.base64String({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets).toString('base64url')),
      )
      const parts = fc.array(part, { maxLength: 6 }).map((all) => all.join('.'))
      fc.assert(
        fc.property(fc.oneof(texts, parts), (token) => {
          const compact = parseCompact(token)
          if (compact instanceof Refusal) return
          const { header, payload, signature } = compact
          for (const encoded of [header, payload, signature]) {
            // A second reader: what it decodes is written the same way again.
            expect(encoded).not.toBe('')
            expect(Buffer.from(encoded, 'base64url').toString('base64url')).toBe(encoded)
          }
          expect(`${header}.${payload}.${signature}`).toBe(token)
        }),
        runs(2000),
      )
    },
    PATIENCE,
  )

  test(
    'readHeader() reads or refuses',
    () => {
      const member = fc.constantFrom('alg', 'typ', 'kid', 'crit', 'b64', 'zip', 'jwk', '__proto__')
      const value = fc.oneof(
        fc.constantFrom('RS256', 'EdDSA', 'at+jwt', 'none', null, true, [], {}),
        fc.jsonValue(),
      )
      const header = fc.dictionary(member, value).map((object) => JSON.stringify(object))
      fc.assert(
        fc.property(
          fc.oneof(texts, header).map((json) => encode(json)),
          (encoded) => {
            const read = readHeader(encoded)
            if (read instanceof Refusal) return
            expect(read.header['crit']).toBeUndefined()
            expect(read.alg).toBeTypeOf('string')
            expect(read.header).toSatisfy(Object.isFrozen)
          },
        ),
        runs(2000),
      )
    },
    PATIENCE,
  )

  test(
    'readJWK() reads or says why not, and never keeps what is private',
    () => {
      const known = (['RS256', 'ES256', 'EdDSA'] as const).map((alg) => createSigner(alg, 'kid').jwk)
      const member = fc.constantFrom(
        'kty',
        'crv',
        'x',
        'y',
        'n',
        'e',
        'd',
        'k',
        'alg',
        'use',
        'key_ops',
        'kid',
        'pub',
      )
      const value = fc.oneof(
        fc.jsonValue(),
        fc.base64String({ maxLength: 60 }),
        fc.constantFrom(
          'RSA',
          'EC',
          'OKP',
          'AKP',
          'oct',
          'P-256',
          'Ed25519',
          'sig',
          'enc',
          'RS256',
          'AQAB',
          'AQ',
          'ML-DSA-44',
        ),
      )
      const mutated = fc
        .tuple(fc.constantFrom(...known), fc.dictionary(member, value, { maxKeys: 3 }))
        .map(([jwk, changes]) => ({ ...jwk, ...changes }))
      fc.assert(
        fc.property(fc.oneof(fc.anything(), fc.dictionary(member, value), mutated), (jwk) => {
          const read = readJWK(jwk)
          if (!(read instanceof VerificationKey)) {
            expect(read).toBeTypeOf('string')
            return
          }
          const kept = read.toJWK()
          expect([kept['d'], kept['k']]).toEqual([undefined, undefined])
          expect(read.algorithms.size).toBeGreaterThan(0)
        }),
        runs(2000),
      )
    },
    PATIENCE,
  )
})

/** A JSON text by its parts, so that duplicates can be written and are known. */
type Node =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'array'; readonly elements: readonly Node[] }
  | {
      readonly kind: 'object'
      readonly members: readonly (readonly [name: string, escaped: boolean, value: Node])[]
    }

const plain = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(true, false, null),
  )
  .map((value): Node => ({ kind: 'plain', text: JSON.stringify(value) }))
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5 },
    plain,
    fc.array(tie('node'), { maxLength: 4 }).map((elements): Node => ({ kind: 'array', elements })),
    fc
      .array(
        fc.tuple(
          fc.constantFrom('iss', 'sub', 'scope', 'a', '__proto__', 'é', ''),
          fc.boolean(),
          tie('node'),
        ),
        {
          maxLength: 4,
        },
      )
      .map((members): Node => ({ kind: 'object', members })),
  ),
}))

function hasDuplicate(at: Node): boolean {
  if (at.kind === 'plain') return false
  if (at.kind === 'array') return at.elements.some(hasDuplicate)
  const names = at.members.map(([name]) => name)
  return new Set(names).size < names.length || at.members.some(([, , value]) => hasDuplicate(value))
}

/** Every code unit as an escape: another spelling of the same name (RFC 8259 §7). */
function escape(name: string): string {
  return `"${[...name].map((c) => String.raw`\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
}

function write(at: Node, space: string): string {
  if (at.kind === 'plain') return at.text
  if (at.kind === 'array')
    return `[${space}${at.elements.map((element) => write(element, space)).join(`,${space}`)}]`
  const members = at.members.map(
    ([name, escaped, value]) =>
      `${escaped ? escape(name) : JSON.stringify(name)}${space}:${write(value, space)}`,
  )
  return `{${space}${members.join(`${space},`)}}`
}

describe('parseJSON()', () => {
  test(
    'accepts a text exactly when no object in it has a name twice, and reads it as JSON.parse does',
    () => {
      let duplicates = 0
      fc.assert(
        fc.property(node, fc.constantFrom('', ' ', '\n\t', '\r\n  '), (root, space) => {
          const json = write(root, space)
          const read = parseJSON(json)
          if (hasDuplicate(root)) {
            duplicates += 1
            expect(read).toBeUndefined()
          } else expect(JSON.stringify(read)).toBe(JSON.stringify(JSON.parse(json)))
        }),
        runs(2000),
      )
      expect(duplicates).toBeGreaterThan(20)
    },
    PATIENCE,
  )

  test(
    'accepts nothing that JSON.parse refuses, and agrees with it on what both accept',
    () => {
      const broken = fc
        .tuple(fc.json(), fc.nat(), fc.nat({ max: 3 }), text)
        .map(([json, at, remove, insert]) => {
          const start = at % (json.length + 1)
          return json.slice(0, start) + insert.slice(0, 2) + json.slice(start + remove)
        })
      fc.assert(
        fc.property(fc.oneof(texts, broken, fc.json({ stringUnit: 'binary' })), (json) => {
          const read = parseJSON(json)
          if (read === undefined) return
          expect(JSON.stringify(read)).toBe(JSON.stringify(JSON.parse(json)))
        }),
        runs(2000),
      )
    },
    PATIENCE,
  )

  test(
    'gives what nobody can change, without prototypes',
    () => {
      fc.assert(
        fc.property(fc.json(), fc.boolean(), (json, spaced) => {
          const pending = [parseJSON(spaced ? ` ${json} ` : json)]
          while (pending.length > 0) {
            const value = pending.pop()
            if (typeof value !== 'object' || value === null) continue
            expect(Object.isFrozen(value)).toBe(true)
            if (!Array.isArray(value)) expect(Object.getPrototypeOf(value)).toBeNull()
            pending.push(...Object.values(value))
          }
        }),
        runs(500),
      )
    },
    PATIENCE,
  )
})
