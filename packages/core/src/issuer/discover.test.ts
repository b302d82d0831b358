import { describe, expect, test } from 'vitest'

import { readMetadata, wellKnownLocations } from './discover.ts'

const issuer = 'https://as.example/t1'
const jwks_uri = 'https://as.example/t1/jwks'
const https = (url: string): boolean => url.startsWith('https:')
const location = { issuer, origins: { allows: https } }
const document = (text: string, contentType = 'application/json') => ({
  ok: true as const,
  text,
  contentType,
  etag: undefined,
  lifetime: undefined,
})
const metadata = (change: object): string => JSON.stringify({ issuer, jwks_uri, ...change })

describe('wellKnownLocations()', () => {
  test.each([
    [
      'https://h/t1',
      [
        'https://h/.well-known/oauth-authorization-server/t1',
        'https://h/.well-known/openid-configuration/t1',
        'https://h/t1/.well-known/openid-configuration',
      ],
    ],
    [
      'https://h/t1/',
      [
        'https://h/.well-known/oauth-authorization-server/t1',
        'https://h/.well-known/openid-configuration/t1',
        'https://h/t1/.well-known/openid-configuration',
      ],
    ],
    [
      'https://h',
      ['https://h/.well-known/oauth-authorization-server', 'https://h/.well-known/openid-configuration'],
    ],
    [
      'https://h/',
      ['https://h/.well-known/oauth-authorization-server', 'https://h/.well-known/openid-configuration'],
    ],
    [
      'https://h:8443/a/b%2Fc',
      [
        'https://h:8443/.well-known/oauth-authorization-server/a/b%2Fc',
        'https://h:8443/.well-known/openid-configuration/a/b%2Fc',
        'https://h:8443/a/b%2Fc/.well-known/openid-configuration',
      ],
    ],
  ])(
    'asks for %s in the order of RFC 8414 §5, the tenant never dropped (MD-02, MD-03, MD-04)',
    (identifier, places) => {
      expect(wellKnownLocations(identifier)).toEqual(places)
    },
  )
})

describe('readMetadata()', () => {
  test('takes metadata which list thousands of scopes', () => {
    const scopes_supported = Array.from({ length: 4000 }, (_none, n) => `s${n}`)
    expect(readMetadata(document(metadata({ scopes_supported })), location)).toBe(jwks_uri)
  })

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    'application/problem+json',
  ])('takes a document of type %s (MD-07)', (contentType) => {
    expect(readMetadata(document(metadata({ other: [1] }), contentType), location)).toBe(jwks_uri)
  })

  test.each(['text/html', '', 'text/json', 'application/jsonp', 'application/x-json'])(
    'refuses one of type %j (MD-07)',
    (contentType) => {
      expect(readMetadata(document(metadata({}), contentType), location)).toMatchObject({
        reason: 'content_type',
      })
    },
  )

  test.each(['<html>', '[]', 'null', '', `{"issuer":"${issuer}","issuer":"https://evil.example"}`])(
    'refuses what is no object of strict JSON: %s (MD-07)',
    (text) => {
      expect(readMetadata(document(text), location)).toMatchObject({ reason: 'not_json' })
    },
  )

  test.each([
    `${issuer}/`,
    'https://AS.example/t1',
    'https://as.example:443/t1',
    'https://as.example/%741',
    undefined,
    null,
    [issuer],
  ])('uses nothing of a document whose issuer is %j (MD-05, MD-06)', (other) => {
    expect(readMetadata(document(metadata({ issuer: other })), location)).toMatchObject({
      reason: 'issuer_mismatch',
    })
  })

  test('has no document where the answer says that it did not change, and none is known', () => {
    expect(readMetadata({ ...document(''), text: undefined }, location)).toMatchObject({
      reason: 'not_json',
    })
  })

  test.each([
    undefined,
    null,
    7,
    [jwks_uri],
    'http://as.example/jwks',
    `https://as.example/${'x'.repeat(2048)}`,
  ])('refuses a jwks_uri of %j (MD-08)', (uri) => {
    expect(readMetadata(document(metadata({ jwks_uri: uri })), location)).toMatchObject({
      reason: 'jwks_uri_unusable',
    })
  })
})
