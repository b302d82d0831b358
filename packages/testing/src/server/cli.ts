#!/usr/bin/env node
import { parseArgs } from 'node:util'

import type { DevelopmentConfig } from './config.ts'
import { createDevelopmentServer } from './development-server.ts'
import { randomToken } from './issue-tokens.ts'
import { followConfig } from './live-config.ts'

const HELP = `Usage: atjwt-issuer [--port 9000] [--config atjwt-issuer.json] [--origin http://localhost:9000]

An OAuth 2.0 authorization server for development, on 127.0.0.1. Without a configuration it has a
client and a user, which it prints. The configuration is read again whenever its file changes.`

try {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '9000' },
      config: { type: 'string' },
      origin: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) console.log(HELP)
  else await run(values)
} catch (error) {
  console.error(`Cannot start: ${(error as Error).message}`)
  process.exitCode = 1
}

async function run(values: {
  port: string
  config?: string | undefined
  origin?: string | undefined
}): Promise<void> {
  const port = Number(values.port)
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535) throw new Error('--port must be a port number')
  const live = values.config === undefined ? undefined : followConfig(values.config, console.log)
  const sample = live === undefined ? sampleConfig() : undefined
  const server = createDevelopmentServer({
    config: sample ?? ((): DevelopmentConfig => (live as NonNullable<typeof live>).current),
    ...(values.origin === undefined ? {} : { origin: values.origin }),
  })
  const url = await server.listen(port)
  console.log(`listening on ${url.origin}`)
  console.log(`issuer ${server.origin}, and ${server.origin}/any-tenant`)
  const [client] = sample?.clients ?? []
  if (client !== undefined) {
    console.log(
      `curl -s ${server.origin}/token -u '${client.client_id}:${client.client_secret}' -d grant_type=client_credentials -d scope=orders:read`,
    )
  }
  const stop = (): void => {
    live?.close()
    void server.close()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function sampleConfig(): DevelopmentConfig {
  return {
    clients: [
      { client_id: 'service', client_secret: randomToken() },
      { client_id: 'web', redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'] },
    ],
    users: [{ sub: 'alice', name: 'Alice', claims: { roles: ['admin'] } }],
  }
}
