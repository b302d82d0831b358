import { createServer } from 'node:http'
import { boot } from '@atjwt-examples/shared'
import { createResourceServer } from '@atjwt/koa'
import { createApp } from './app.ts'

await boot((options) => {
  const api = createResourceServer(options)
  return { api, server: createServer(createApp(api).callback()) }
})
