import { type Channel, channel } from 'node:diagnostics_channel'

import { isPrivateAddress } from './private-address.ts'
import type { Runtime } from './runtime.ts'

export const waitUntil: Runtime['waitUntil'] = undefined

export const sharesPromises: boolean = true

export const freezes: Runtime['freezes'] = () =>
  inEnvironment('AWS_LAMBDA_FUNCTION_NAME') || inEnvironment('VERCEL')

function inEnvironment(name: string): boolean {
  try {
    return process.env[name] !== undefined
  } catch {
    // Deno throws without the permission to read the environment; the platforms which freeze are not Deno.
    return false
  }
}

const channels = new Map<string, Channel>()

function named(name: string): Channel {
  let found = channels.get(name)
  if (found === undefined) {
    found = channel(name)
    channels.set(name, found)
  }
  return found
}

export const inspection: Runtime['inspection'] = Symbol.for('nodejs.util.inspect.custom')

export { privateSlot } from './private-slot.ts'

export { readNatively } from '../internal/native-json.ts'

export const servesLong: boolean = true

export const publish: Runtime['publish'] = (name, message) => {
  named(name).publish(message)
}

export const resolveHost: Runtime['resolveHost'] = async (host) => {
  try {
    const { lookup } = await import('node:dns/promises')
    const addresses = await lookup(host, { all: true })
    return addresses.some(({ address }) => isPrivateAddress(address)) ? 'origin_refused' : undefined
  } catch {
    return 'network'
  }
}
