// @ts-ignore -- provided by workerd, which alone runs this file
import { env } from 'cloudflare:workers'

import { createApp, type Setup } from './app.ts'

// In the global scope, where neither I/O nor timers nor random values are allowed: construction needs none of them.
export default createApp(JSON.parse((env as { SETUP: string }).SETUP) as Setup)
