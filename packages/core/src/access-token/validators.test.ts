import { describe, expect, test } from 'vitest'

import { KeySet } from '../issuer/jwks.ts'
import { RevokedKeys } from '../issuer/revoked.ts'
import { StaticKeys } from '../issuer/static-keys.ts'
import type { Trust } from '../issuer/trust.ts'
import { looksForeign, type TimeRules, validateClaims } from './validators.ts'

const now = 1_800_000_000
const times: TimeRules = { clockTolerance: 5, aheadTolerance: 60, maxTokenLifetime: 3600 }
const trust: Trust = {
  issuer: 'https://as.example',
  audience: new Set(['https://rs', 'urn:rs']),
  algorithms: new Set(['ES256']),
  authorities: undefined,
  allow: {},
  deviations: { typ: new Set(), optionalClaims: new Set(), client_id: 'client_id', jti: 'jti' },
  keys: new StaticKeys('https://as.example', new KeySet([], []), new RevokedKeys()),
}
const good = {
  iss: 'https://as.example',
  sub: 'u',
  aud: 'https://rs',
  client_id: 'c',
  iat: now - 10,
  exp: now + 300,
  jti: 'j',
}

/** What comes out for claims which differ from good ones; `undefined` leaves one out. */
function outcome(
  change: Record<string, unknown>,
  {
    by = {},
    rules = {},
    at = now,
  }: { by?: Partial<Trust['deviations']>; rules?: Partial<TimeRules>; at?: number } = {},
): string {
  const claims = Object.fromEntries(
    Object.entries({ ...good, ...change }).filter(([, value]) => value !== undefined),
  )
  const refusal = validateClaims(
    claims,
    { ...trust, deviations: { ...trust.deviations, ...by } },
    { ...times, ...rules },
    at,
  )
  if (refusal === undefined) return 'valid'
  return refusal.details.claim === undefined ? refusal.code : `${refusal.code} ${refusal.details.claim}`
}

describe('validateClaims()', () => {
  test('takes the claims of RFC 9068 §2.2', () => {
    expect(outcome({})).toBe('valid')
  })

  test('takes claims it does not know (AT-19, JO-26)', () => {
    expect(outcome({ x: { y: 1 }, __proto__: { z: 1 } })).toBe('valid')
  })

  test.each(['aud', 'exp', 'iat', 'sub', 'client_id', 'jti'])(
    'refuses when %s is missing (AT-13)',
    (claim) => {
      expect(outcome({ [claim]: undefined })).toBe(`claim_missing ${claim}`)
    },
  )

  test.each(['sub', 'client_id', 'jti'])(
    'refuses when %s is no text, also where it is optional (AT-13)',
    (claim) => {
      for (const value of ['', 1, [], {}, null, true]) {
        expect(outcome({ [claim]: value })).toBe(`claim_invalid ${claim}`)
        expect(outcome({ [claim]: value }, { by: { optionalClaims: new Set([claim]) } })).toBe(
          `claim_invalid ${claim}`,
        )
      }
    },
  )

  test.each(['iat', 'sub', 'client_id', 'jti'])(
    'lets %s be missing where the deviations of the issuer say so',
    (claim) => {
      expect(outcome({ [claim]: undefined }, { by: { optionalClaims: new Set([claim]) } })).toBe('valid')
    },
  )

  test('reads client_id and jti by the names of the issuer, and by no other', () => {
    const by = { client_id: 'azp', jti: 'uti' }
    expect(outcome({ client_id: undefined, jti: undefined, azp: 'c', uti: 'j' }, { by })).toBe('valid')
    expect(outcome({ uti: 'j' }, { by })).toBe('claim_missing azp')
    expect(outcome({ azp: 'c' }, { by })).toBe('claim_missing uti')
    expect(outcome({ uti: 'j' }, { by: { ...by, optionalClaims: new Set(['client_id']) } })).toBe('valid')
  })

  describe('aud', () => {
    test.each([['https://rs'], ['urn:rs'], [['https://rs']], [['https://other', 'https://rs']]])(
      'passes when it is %j (AT-07, AT-08)',
      (aud) => {
        expect(outcome({ aud })).toBe('valid')
      },
    )

    test.each([
      ['https://rs/'],
      ['https://rs/sub'],
      ['HTTPS://rs'],
      ['https://rs https://other'],
      [''],
      [[]],
      [['https://other']],
      [['https://rs/']],
    ])('is of another audience when it is %j (AT-07)', (aud) => {
      expect(outcome({ aud })).toBe('audience_mismatch')
    })

    test.each([[['https://rs', 1]], [1], [null], [{ 'https://rs': true }], [[['https://rs']]]])(
      'is wrong when it is %j (AT-07)',
      (aud) => {
        expect(outcome({ aud })).toBe('claim_invalid aud')
      },
    )
  })

  describe('exp', () => {
    test('ends the token at the very second (AT-11)', () => {
      const rules = { clockTolerance: 0 }
      expect(outcome({ exp: now + 1 }, { rules })).toBe('valid')
      expect(outcome({ exp: now + 0.5 }, { rules })).toBe('valid')
      expect(outcome({ exp: now }, { rules })).toBe('token_expired')
      expect(outcome({ exp: -1 }, { rules })).toBe('token_expired')
    })

    test('is stretched by the tolerance, and no further', () => {
      expect(outcome({ exp: now - 4.5 })).toBe('valid')
      expect(outcome({ exp: now - 5 })).toBe('token_expired')
    })

    test.each(['1700000000', null, [now], true])('is wrong when it is %j (AT-11)', (exp) => {
      expect(outcome({ exp })).toBe('claim_invalid exp')
    })
  })

  describe('nbf', () => {
    test('holds a token back, beyond a minute (AT-14)', () => {
      expect(outcome({ nbf: now })).toBe('valid')
      expect(outcome({ nbf: now + 60 })).toBe('valid')
      expect(outcome({ nbf: now + 60.5 })).toBe('token_not_yet_valid')
      expect(outcome({ nbf: now + 600 })).toBe('token_not_yet_valid')
    })

    test.each(['soon', null, []])('is wrong when it is %j (AT-14)', (nbf) => {
      expect(outcome({ nbf })).toBe('claim_invalid nbf')
    })
  })

  describe('iat', () => {
    test('may lie a minute ahead (AT-15)', () => {
      expect(outcome({ iat: now + 30 })).toBe('valid')
      expect(outcome({ iat: now + 60 })).toBe('valid')
      expect(outcome({ iat: now + 61 })).toBe('token_not_yet_valid iat')
    })

    test.each(['x', null, {}])('is wrong when it is %j, also where it is optional (AT-13)', (iat) => {
      expect(outcome({ iat })).toBe('claim_invalid iat')
      expect(outcome({ iat }, { by: { optionalClaims: new Set(['iat']) } })).toBe('claim_invalid iat')
    })

    test('bounds the lifetime, to the second', () => {
      expect(outcome({ iat: now, exp: now + 3600 })).toBe('valid')
      expect(outcome({ iat: now, exp: now + 3601 })).toBe('token_lifetime_exceeded')
    })

    test('bounds it from now where it is missing', () => {
      const by = { optionalClaims: new Set(['iat']) }
      expect(outcome({ iat: undefined, exp: now + 3600 }, { by })).toBe('valid')
      expect(outcome({ iat: undefined, exp: now + 3601 }, { by })).toBe('token_lifetime_exceeded')
    })
  })
})

describe('looksForeign()', () => {
  test.each([
    { nonce: 'n' },
    { at_hash: 'h' },
    { c_hash: 'h' },
    { s_hash: 'h' },
    { events: {} },
    { nonce: null },
    { token_use: 'id' },
    { token_use: ['access'] },
    { typ: 'ID' },
    { typ: 'Refresh' },
    { typ: ['Bearer'] },
    { typ: null },
  ])('knows %j for another kind of token (AT-26)', (claims) => {
    expect(looksForeign({ ...good, ...claims })).toBe(true)
  })

  test.each([
    {},
    { token_use: 'access' },
    { typ: 'Bearer' },
    { typ: 'DPoP' },
    { typ: 'at+JWT' },
    { auth_time: 1 },
  ])('has nothing against %j', (claims) => {
    expect(looksForeign({ ...good, ...claims })).toBe(false)
  })
})
