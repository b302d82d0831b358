import type { Runtime } from './runtime.ts'

export const waitUntil: Runtime['waitUntil'] = undefined

export const sharesPromises: boolean = true

export const freezes: Runtime['freezes'] = () => 'EdgeRuntime' in globalThis

export const servesLong: boolean = false

export const hasSubscribers: Runtime['hasSubscribers'] = () => false

export const publish: Runtime['publish'] = () => {}

export const resolveHost: Runtime['resolveHost'] = () => undefined
