import { describe, expect, test } from 'vitest'

import { isLoopbackHost, isPrivateAddress, OriginRule } from './origin.ts'

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
  ])('refuses %s for an issuer which a resolver named (BJ-06)', (url) => {
    expect(new OriginRule(undefined, undefined, true).allows(url)).toBe(false)
    expect(any.allows(url)).toBe(true)
  })

  test('lets a private host pass there when its origin was named as insecure', () => {
    const rule = new OriginRule(new Set(['http://keycloak:8080']), undefined, true)
    expect(rule.allows('http://keycloak:8080/jwks')).toBe(true)
  })
})

describe('OriginRule.refusesAddress()', () => {
  const rule = new OriginRule(undefined, undefined, true)
  const resolves =
    (...addresses: string[]) =>
    async (): Promise<string[]> =>
      addresses

  test('refuses a public name with a private address among others (BJ-06)', async () => {
    expect(await rule.refusesAddress('https://as.example/', resolves('93.184.215.14', '10.0.0.1'))).toBe(
      'origin_refused',
    )
    expect(await rule.refusesAddress('https://as.example/', resolves('93.184.215.14'))).toBeUndefined()
  })

  test('looks up the bare address of a bracketed host', async () => {
    const asked: string[] = []
    await rule.refusesAddress('https://[2001:db8::1]/', async (host) => {
      asked.push(host)
      return []
    })
    expect(asked).toEqual(['2001:db8::1'])
  })

  test('takes a failing lookup for a failing network', async () => {
    const failing = async (): Promise<never> => {
      throw new Error('no such host')
    }
    expect(await rule.refusesAddress('https://as.example/', failing)).toBe('network')
  })

  test('passes where the runtime cannot look hosts up', async () => {
    expect(await rule.refusesAddress('https://as.example/', () => undefined)).toBeUndefined()
  })

  test('asks for no address of a configured issuer, nor of an origin named as insecure', async () => {
    const asked = (): never => {
      throw new Error('asked')
    }
    const configured = new OriginRule(undefined, undefined, false)
    const named = new OriginRule(new Set(['http://keycloak:8080']), undefined, true)
    expect(await configured.refusesAddress('https://as.example/', asked)).toBeUndefined()
    expect(await named.refusesAddress('http://keycloak:8080/', asked)).toBeUndefined()
  })
})

describe('isLoopbackHost()', () => {
  test.each(['localhost', 'as.localhost', '127.0.0.1', '127.255.0.3', '[::1]'])('knows %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true)
  })

  test.each([
    'localhost.example',
    'notlocalhost',
    '127.evil.example',
    '127.0.0.1.evil.example',
    '128.0.0.1',
    '[::2]',
    '0.0.0.0',
  ])('does not take %s for one', (host) => {
    expect(isLoopbackHost(host)).toBe(false)
  })
})

describe('isPrivateAddress()', () => {
  test.each([
    '0.0.0.0',
    '10.255.0.1',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '192.0.0.192',
    '198.18.0.1',
    '198.19.255.255',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '::ffff:169.254.169.254',
    '::127.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    'fc00::1',
    'fdff::1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fec0::1',
    '100::1',
    '4000::1',
    'ff02::1',
    '1::2::3',
    '1:2:3',
    'x::1',
    '1:2:3:4:5:6:7:8:9',
    '12345::1',
    '::ffff:1.2.3.400',
    '::1]/',
  ])('knows %s (BJ-06)', (address) => {
    expect(isPrivateAddress(address)).toBe(true)
  })

  test.each([
    '9.255.255.255',
    '11.0.0.1',
    '93.184.215.14',
    '100.63.0.1',
    '100.128.0.1',
    '169.253.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.0.1',
    '198.17.0.1',
    '198.20.0.1',
    '223.255.255.255',
    '2001:db8::1',
    '2606:2800:21f:cb07:6820:80da:af6b:8b2c',
    '::ffff:93.184.215.14',
    '64:ff9b::93.184.215.14',
    '2002:5db8:d70e::1',
    '2001:1::1',
    '3fff:ffff::1',
    '192.0.1.1',
    'as.example',
  ])('does not take %s for one', (address) => {
    expect(isPrivateAddress(address)).toBe(false)
  })
})
