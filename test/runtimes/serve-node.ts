import { serve } from '@hono/node-server'

import { createApp, type Setup } from './app.ts'

const { fetch } = createApp(JSON.parse(process.env['SETUP'] ?? '') as Setup)
serve({ fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log('listening on', port))
