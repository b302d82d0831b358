import { describe, expect, test } from 'vitest'

import { parseJSONObject, type JSONObject } from '../internal/json.ts'
import { type Authorities, type Authority, readAuthority } from './authorities.ts'
import { FrozenSet } from './readonly-set.ts'

/** Claims as verification sees them. */
const signed = (claims: object): JSONObject => parseJSONObject(JSON.stringify(claims)) as JSONObject

function read(
  authority: Authority,
  claims: object,
  mapping?: Authorities,
  allow?: readonly string[],
): [string[], boolean] {
  const values = readAuthority(
    authority,
    signed(claims),
    mapping,
    allow === undefined ? undefined : new Set(allow),
  )
  return [[...values], FrozenSet.isComplete(values)]
}

describe('readAuthority() of scopes', () => {
  test.each<[string, unknown, string[], boolean]>([
    ['two', 'a b', ['a', 'b'], true],
    ['two, with two spaces between (AT-20)', 'a  b', ['a', 'b'], true],
    ['one, with a space before (AT-20)', ' a', ['a'], true],
    ['one twice', 'a a', ['a'], true],
    ['none (AT-20)', '', [], true],
    ['nothing but spaces', '  ', [], true],
    ['a list, which nobody opted into (AT-20)', ['a'], [], false],
    ['a number (AT-20)', 7, [], false],
    ['null', null, [], false],
    ['one that is no scope token', 'a "b" c', ['a', 'c'], false],
    ['a tab, which separates nothing', 'a\tb', [], false],
  ])('reads %s', (_what, scope, values, complete) => {
    expect(read('scopes', { scope })).toEqual([values, complete])
  })

  test('finds none without the claim', () => {
    expect(read('scopes', {})).toEqual([[], true])
  })
})

describe.each<Authority>(['roles', 'groups', 'entitlements'])('readAuthority() of %s', (authority) => {
  test.each<[string, unknown, string[], boolean]>([
    ['strings (AT-22)', ['x'], ['x'], true],
    ['complex values (AT-22)', [{ value: 'x', display: 'X' }], ['x'], true],
    ['both (AT-22)', ['x', { value: 'y' }], ['x', 'y'], true],
    ['an empty list', [], [], true],
    ['a value that is no list (AT-22)', { value: 'x' }, [], false],
    ['a string that is no list (AT-22)', 'x', [], false],
    [
      'a display without a value, which whoever renames things may change (AT-22, AT-23)',
      [{ display: 'x' }],
      [],
      false,
    ],
    ['null (AT-22)', [null], [], false],
    ['a list in a list', [['x']], [], false],
    ['an empty name', ['', 'x'], ['x'], false],
    ['a claim that is null', null, [], false],
  ])('reads %s', (_what, claim, values, complete) => {
    expect(read(authority, { [authority]: claim })).toEqual([values, complete])
  })

  test('finds none without the claim', () => {
    expect(read(authority, {})).toEqual([[], true])
  })

  test('cannot say what is not held when the claim is elsewhere', () => {
    expect(read(authority, { _claim_names: { [authority]: 'src1' } })).toEqual([[], false])
    expect(read(authority, { _claim_names: { [authority]: 'src1' }, [authority]: ['x'] })).toEqual([
      ['x'],
      false,
    ])
    expect(read(authority, { _claim_names: { [authority]: 'src1' }, [authority]: 'x' })).toEqual([[], false])
    expect(read(authority, { _claim_names: 'src1' })).toEqual([[], false])
    expect(read(authority, { _claim_names: { other: 'src1' }, [authority]: ['x'] })).toEqual([['x'], true])
  })
})

describe('readAuthority() by a mapping', () => {
  test('takes what the mapping returns, from any iterable, and not the claim of that name', () => {
    const mapping: Authorities = {
      roles: ({ realm_access }) => new Set((realm_access as { roles: string[] }).roles),
    }
    expect(read('roles', { roles: ['admin'], realm_access: { roles: ['x'] } }, mapping)).toEqual([
      ['x'],
      true,
    ])
    expect(read('groups', { groups: ['g'] }, mapping)).toEqual([['g'], true])
  })

  test('takes undefined for "not readable"', () => {
    expect(read('roles', {}, { roles: () => undefined })).toEqual([[], false])
  })

  test('leaves out what is no string', () => {
    const mapped = ['x', 7, null, ''] as unknown as string[]
    expect(read('roles', {}, { roles: () => mapped })).toEqual([['x'], false])
  })

  test.each(['admin', 7, null, {}, Promise.resolve(['x'])])(
    'throws when the mapping returns %j',
    (mapped) => {
      const mapping: Authorities = { roles: () => mapped as unknown as string[] }
      expect(() => read('roles', {}, mapping)).toThrow(
        new TypeError('Cannot read authorities.roles: the mapping must return a list of strings'),
      )
    },
  )

  test('gives the mapping claims which it cannot change', () => {
    const mapping: Authorities = {
      roles: (claims) => {
        ;(claims as Record<string, unknown>)['roles'] = ['admin']
        return []
      },
    }
    expect(() => read('roles', {}, mapping)).toThrow(TypeError)
  })
})

describe('readAuthority() within an allow-list', () => {
  test('holds only what the issuer may give, and says that there was more', () => {
    expect(read('roles', { roles: ['admin', 'clerk'] }, undefined, ['clerk'])).toEqual([['clerk'], false])
    expect(read('scopes', { scope: 'a b' }, undefined, [])).toEqual([[], false])
  })

  test('changes nothing when all is allowed, or nothing is there', () => {
    expect(read('roles', { roles: ['clerk'] }, undefined, ['clerk', 'admin'])).toEqual([['clerk'], true])
    expect(read('roles', {}, undefined, ['clerk'])).toEqual([[], true])
    expect(read('roles', { roles: 'x' }, undefined, ['clerk'])).toEqual([[], false])
  })
})
