import { createApp, type Setup } from './app.ts'

declare const Bun: {
  serve(options: object): { port: number }
}

const { fetch } = createApp(JSON.parse(process.env['SETUP'] ?? '') as Setup)
console.log('listening on', Bun.serve({ fetch, hostname: '127.0.0.1', port: 0 }).port)
