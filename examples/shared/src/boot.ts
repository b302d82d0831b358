import type { Server } from 'node:http'
import type { ResourceServer, ResourceServerOptions } from '@atjwt/core'
import { createTestIssuer, type TestIssuer } from '@atjwt/testing'
import { curlLines, issueSampleTokens } from './curl.ts'
import { readEnvironment, resourceServerOptions } from './environment.ts'
import { listen, stop, untilSignalled } from './listen.ts'

/** A resource server and the HTTP server which it guards. */
export interface Service {
  readonly api: ResourceServer
  readonly server: Server
}

/**
 * Runs a server of the examples: configured by ISSUER, AUDIENCE, HOST and PORT, up until SIGTERM or SIGINT.
 * Without ISSUER it starts a development issuer of its own and shows calls with tokens that work.
 */
export async function boot(create: (options: ResourceServerOptions) => Service): Promise<void> {
  let issuer: TestIssuer | undefined
  try {
    const { audience, host, port, issuer: configured } = readEnvironment(process.env)
    if (configured === undefined) {
      issuer = await createTestIssuer({ audience })
      await issuer.listen()
    }
    const trusted = configured ?? (issuer as TestIssuer).issuer
    const { api, server } = create(resourceServerOptions(trusted, audience))
    const signalled = untilSignalled()
    const url = await listen(server, host, port)
    const lines = [`listening on ${url}`]
    if (issuer !== undefined) {
      lines.push(`development issuer on ${issuer.issuer}; its tokens are good for an hour:`, '')
      lines.push(...curlLines(url, await issueSampleTokens(issuer)))
    }
    console.log(lines.join('\n'))
    await signalled
    await stop(server)
    await api.close()
  } catch (error) {
    // What goes wrong here is configuration: the message says which, frames would hide it.
    console.error(`Cannot start: ${(error as Error).message}`)
    process.exitCode = 1
  } finally {
    await issuer?.close()
  }
}
