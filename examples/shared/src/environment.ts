import { allowInsecureRequests, type ResourceServerOptions } from '@atjwt/core'

/** How a server of the examples is configured. */
export interface Environment {
  /** The issuer to trust; without one the development issuer is started. */
  readonly issuer: string | undefined
  readonly audience: string
  readonly host: string
  readonly port: number
}

const DEVELOPMENT_AUDIENCE = 'https://api.example'

/** Reads ISSUER, AUDIENCE, HOST and PORT; an empty variable counts as none. */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const issuer = env['ISSUER'] || undefined
  const audience = env['AUDIENCE'] || (issuer === undefined ? DEVELOPMENT_AUDIENCE : undefined)
  // A guessed audience would be the name of somebody else's API.
  if (audience === undefined) throw new TypeError('AUDIENCE must be set when ISSUER is')
  return { issuer, audience, host: env['HOST'] || '127.0.0.1', port: readPort(env['PORT'] || '3000') }
}

export function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new TypeError('PORT must be a number from 0 to 65535')
  return port
}

/**
 * Options of a resource server which trusts one issuer. An issuer without TLS is for development: it is accepted on a
 * loopback host, and for its own origin alone.
 */
export function resourceServerOptions(issuer: string, audience: string): ResourceServerOptions {
  const url = URL.parse(issuer)
  if (url?.protocol !== 'http:') return { issuer, audience }
  if (!isLoopback(url.hostname))
    throw new TypeError('ISSUER must be an https URL, or http on a loopback host')
  return { issuer, audience, [allowInsecureRequests]: [url.origin] }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}
