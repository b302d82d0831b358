import { describe, expect, test } from 'vitest'

import type { DevelopmentConfig } from './config.ts'
import {
  createDevelopmentServer,
  type DevelopmentServer,
  type DevelopmentServerOptions,
} from './development-server.ts'

const NOW = 1_800_000_000
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const REDIRECT_URI = 'http://127.0.0.1:49152/callback'
const SECRET = 'of this test, and 32 octets or more'

const CONFIG: DevelopmentConfig = {
  clients: [
    { client_id: 'service', client_secret: SECRET },
    { client_id: 'web', redirect_uris: [REDIRECT_URI] },
  ],
  users: [{ sub: 'alice' }],
}

const serverOf = (config: DevelopmentServerOptions['config'] = CONFIG): DevelopmentServer =>
  createDevelopmentServer({ config, clock: () => NOW })

interface Answer {
  readonly status: number
  readonly [member: string]: unknown
}

async function post(
  server: DevelopmentServer,
  path: string,
  form: string | Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await server.fetch(
    new Request(`${server.origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    }),
  )
  const text = await response.text()
  return { ...(text === '' ? {} : (JSON.parse(text) as object)), status: response.status }
}

const basic = (client_id: string): Record<string, string> => ({
  authorization: `Basic ${btoa(`${client_id}:${SECRET}`)}`,
})

describe.for(['/introspect', '/revoke'])('%s', (path) => {
  const grantTypes = ['authorization_code', 'client_credentials', JWT_BEARER, 'urn:atjwt:revocation', '']

  test.for(grantTypes)('a form with the grant type "%s" of its own is refused', async (grant_type) => {
    const answer = await post(serverOf(), path, { token: 'x', grant_type }, basic('service'))
    expect(answer).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  // A public client may redeem codes and revoke its tokens by its name alone.
  test.for(grantTypes)('nor does "%s" before a hundred empty parts authenticate a client', async (own) => {
    const server = serverOf()
    const token = await server.issue()
    const form = new URLSearchParams({ client_id: 'web', token, grant_type: own })
    expect(await post(server, path, `${form}${'&'.repeat(101)}`)).toMatchObject({
      status: 400,
      error: 'invalid_request',
    })
  })
})
