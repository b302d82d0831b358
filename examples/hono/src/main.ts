import type { Server } from 'node:http'
import { boot } from '@atjwt-examples/shared'
import { createResourceServer } from '@atjwt/hono'
import { createAdaptorServer } from '@hono/node-server'
import { createApp } from './app.ts'

await boot((options) => {
  const api = createResourceServer(options)
  return { api, server: createAdaptorServer(createApp(api)) as Server }
})
