import { createApp, type Setup } from './app.ts'

declare const Deno: {
  env: { get(name: string): string | undefined }
  serve(options: object, fetch: (request: Request) => Response | Promise<Response>): void
}

const { fetch } = createApp(JSON.parse(Deno.env.get('SETUP') ?? '') as Setup)
const onListen = ({ port }: { port: number }): void => console.log('listening on', port)
Deno.serve({ hostname: '127.0.0.1', port: 0, onListen }, (request) => fetch(request))
