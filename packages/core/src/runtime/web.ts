import type { Runtime } from './runtime.ts'

export const waitUntil: Runtime['waitUntil'] = undefined

export const sharesPromises: boolean = true

export const freezes: Runtime['freezes'] = () => 'EdgeRuntime' in globalThis

export const servesLong: boolean = false

export const privateSlot: Runtime['privateSlot'] = () => new WeakMap()

export const inspection: Runtime['inspection'] = undefined

export const readNatively: Runtime['readNatively'] = undefined

export const publish: Runtime['publish'] = undefined

export const resolveHost: Runtime['resolveHost'] = undefined
