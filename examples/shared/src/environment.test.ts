import { allowInsecureRequests } from '@atjwt/core'
import { expect, test } from 'vitest'
import { readEnvironment, resourceServerOptions } from './environment.ts'

test('readEnvironment() counts an empty variable as none', () => {
  expect(readEnvironment({ ISSUER: '', AUDIENCE: '', HOST: '', PORT: '' })).toEqual({
    issuer: undefined,
    audience: 'https://api.example',
    host: '127.0.0.1',
    port: 3000,
  })
})

test.each(['-1', '65536', '1e3', '80 ', '0x50'])('readEnvironment() refuses PORT=%s', (PORT) => {
  expect(() => readEnvironment({ PORT })).toThrow('PORT must be a number from 0 to 65535')
})

test('resourceServerOptions() adds nothing for an issuer with TLS', () => {
  const options = resourceServerOptions('https://as.example', 'a')
  expect(options).toEqual({ issuer: 'https://as.example', audience: 'a' })
  expect(options[allowInsecureRequests]).toBeUndefined()
})

test.each(['http://localhost:8080/realms/x', 'http://127.0.0.1:8080', 'http://[::1]:8080'])(
  'resourceServerOptions() opts in for the origin of %s alone',
  (issuer) => {
    expect(resourceServerOptions(issuer, 'a')[allowInsecureRequests]).toEqual([new URL(issuer).origin])
  },
)

test.each(['http://as.example', 'http://127.0.0.1.nip.io', 'http://localhost.example', 'http://10.0.0.1'])(
  'resourceServerOptions() refuses %s',
  (issuer) => {
    expect(() => resourceServerOptions(issuer, 'a')).toThrow('ISSUER must be an https URL')
  },
)
