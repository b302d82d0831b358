import { createServer, type Server } from 'node:http'
import { createApp as createExpressApp } from '@atjwt-examples/express'
import { createApp as createHonoApp } from '@atjwt-examples/hono'
import { createApp as createKoaApp } from '@atjwt-examples/koa'
import {
  curlLines,
  issueSampleTokens,
  listen,
  readPort,
  resourceServerOptions,
  stop,
  untilSignalled,
} from '@atjwt-examples/shared'
import { createResourceServer, type ResourceServer } from '@atjwt/core'
import { createAdaptorServer } from '@hono/node-server'
import { prepareCalls } from './calls.ts'
import { AUDIENCE, createIssuer, type Issuer } from './issuer.ts'
import { exitCodeOf, makeCall } from './outcome.ts'
import { renderTable } from './table.ts'
import { makeTokenRequests, renderTokenRequests } from './token-requests.ts'

const SERVERS: Readonly<Record<string, (api: ResourceServer) => Server>> = {
  express: (api) => createServer(createExpressApp(api)),
  koa: (api) => createServer(createKoaApp(api).callback()),
  hono: (api) => createAdaptorServer(createHonoApp(api)) as Server,
}

/** Asks each server each question, shows what came of it, and stays up unless told otherwise. */
async function demonstrate(issuer: Issuer, { once, port }: { once: boolean; port: number }): Promise<void> {
  const signalled = untilSignalled()
  await issuer.server.listen()
  await using api = createResourceServer(resourceServerOptions(issuer.server.origin, AUDIENCE))
  const servers = Object.values(SERVERS).map((create) => create(api))
  const urls = await Promise.all(
    // Given a port, the servers take it and the next ones; else whatever is free.
    servers.map((server, index) => listen(server, '127.0.0.1', port === 0 ? 0 : port + index)),
  )
  const frameworks = Object.keys(SERVERS).map((name, index) => ({ name, url: urls[index] as string }))

  const calls = await prepareCalls(issuer.server)
  const outcomes = await Promise.all(
    frameworks.flatMap(({ name, url }) => calls.map((call) => makeCall(name, url, call))),
  )
  const requests = await makeTokenRequests(issuer, `${urls[0]}/orders`)
  const { stdout } = process
  console.log(renderTable(outcomes, { width: stdout.columns ?? 120, colours: stdout.hasColors?.() ?? false }))
  console.log(`\n${outcomes.filter(({ asExpected }) => asExpected).length} of ${outcomes.length} as expected`)
  console.log(`\n${renderTokenRequests(requests, stdout.columns ?? 120)}`)
  console.log(
    `\n${requests.filter(({ asExpected }) => asExpected).length} of ${requests.length} token requests as expected`,
  )

  if (once) process.exitCode = exitCodeOf([...outcomes, ...requests])
  else {
    const [first] = urls as [string]
    console.log(
      [
        '',
        'The servers are up; Ctrl-C ends them. Calls with tokens which are good for an hour:',
        '',
        ...frameworks.map(({ name, url }) => `listening on ${url} (${name})`),
        '',
        ...curlLines(first, await issueSampleTokens(issuer.server)),
      ].join('\n'),
    )
    await signalled
  }
  await Promise.all(servers.map(stop))
}

try {
  await using issuer = await createIssuer()
  await demonstrate(issuer, {
    once: process.argv.includes('--once'),
    port: readPort(process.env['PORT'] || '0'),
  })
} catch (error) {
  console.error(`Cannot start: ${(error as Error).message}`)
  process.exit(1)
}
