import { describe, expect, test } from 'vitest'

import { OriginRule } from './origin.ts'

describe('OriginRule.allows()', () => {
  const any = new OriginRule(undefined, undefined, false)

  test.each(['https://as.example/jwks', 'https://as.example:8443/', 'https://10.0.0.1/'])(
    'takes %s',
    (url) => {
      expect(any.allows(url)).toBe(true)
    },
  )

  test.each([
    'http://as.example/jwks',
    'http://localhost/jwks',
    'https://user@as.example/',
    'https://:secret@as.example/',
    'https://as.example/#keys',
    'file:///etc/passwd',
    'data:application/json,{}',
    'as.example',
    '',
  ])('refuses %j (MD-08)', (url) => {
    expect(any.allows(url)).toBe(false)
  })

  test('takes http on loopback hosts only, when told so (MD-01)', () => {
    const rule = new OriginRule(true, undefined, false)
    expect(rule.allows('http://127.0.0.1:8080/jwks')).toBe(true)
    expect(rule.allows('http://keycloak:8080/jwks')).toBe(false)
    expect(rule.allows('http://127.evil.example/jwks')).toBe(false)
    expect(rule.allows('ftp://localhost/jwks')).toBe(false)
  })

  test('takes http at exactly the origins which were named', () => {
    const rule = new OriginRule(new Set(['http://keycloak:8080']), undefined, false)
    expect(rule.allows('http://keycloak:8080/jwks')).toBe(true)
    expect(rule.allows('http://keycloak/jwks')).toBe(false)
    expect(rule.allows('http://localhost/jwks')).toBe(false)
  })

  test('takes nothing beside a list of origins', () => {
    const rule = new OriginRule(undefined, new Set(['https://as.example']), false)
    expect(rule.allows('https://as.example/jwks')).toBe(true)
    expect(rule.allows('https://as.example:8443/jwks')).toBe(false)
    expect(rule.allows('https://keys.as.example/jwks')).toBe(false)
  })

  test.each([
    'https://localhost/',
    'https://intranet/',
    'https://10.1.2.3/',
    'https://[::1]/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://localhost./',
    'https://as.localhost./',
    'https://intranet./',
    'https://[::ffff:7f00:1]/',
    'https://[2002:a01:203::]/',
    'https://93.184.215.14/',
    'https://93.184.215.14./',
    'https://0x5db8d70e/',
    'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
    'https://as.localhost/',
    'https://localhost../',
    'https://as.1example/',
  ])('refuses %s for an issuer which a resolver named (BJ-06)', (url) => {
    expect(new OriginRule(undefined, undefined, true).allows(url)).toBe(false)
    expect(any.allows(url)).toBe(true)
  })

  test.each([
    'https://as.example/',
    'https://as.example./',
    'https://as.localhost.example/',
    'https://10.0.0.1.example/',
    'https://as.xn--p1ai/',
    'https://исс.рф/',
  ])('takes %s also for such an issuer', (url) => {
    expect(new OriginRule(undefined, undefined, true).allows(url)).toBe(true)
  })

  test('lets an internal host or an address pass there when its origin was named as insecure', () => {
    const named = new OriginRule(new Set(['http://keycloak:8080', 'http://10.0.0.1']), undefined, true)
    expect(named.allows('http://keycloak:8080/jwks')).toBe(true)
    expect(named.allows('http://10.0.0.1/jwks')).toBe(true)
    expect(named.allows('http://10.0.0.2/jwks')).toBe(false)
    const loopback = new OriginRule(true, undefined, true)
    expect(loopback.allows('http://127.0.0.1:8080/jwks')).toBe(true)
    expect(loopback.allows('https://[::1]/jwks')).toBe(true)
    expect(loopback.allows('https://93.184.215.14/jwks')).toBe(false)
  })
})

describe('OriginRule.isGuarded()', () => {
  test('holds for issuers of a resolver, but for origins named as insecure (BJ-06)', () => {
    const place = new URL('https://as.example:8443/jwks')
    expect(new OriginRule(undefined, undefined, true).isGuarded(place)).toBe(true)
    expect(new OriginRule(undefined, undefined, false).isGuarded(place)).toBe(false)
    const named = new OriginRule(new Set(['http://keycloak:8080']), undefined, true)
    expect(named.isGuarded(place)).toBe(true)
    expect(named.isGuarded(new URL('http://keycloak:8080/jwks'))).toBe(false)
  })
})
