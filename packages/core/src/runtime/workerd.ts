// @ts-ignore -- provided by the runtime, which alone resolves this file
import { waitUntil as extend } from 'cloudflare:workers'

import type { Runtime } from './runtime.ts'

export const waitUntil: Runtime['waitUntil'] = extend as (work: Promise<unknown>) => void

/** I/O belongs to the request which started it: a promise over it, awaited by another request, never settles there. */
export const sharesPromises: boolean = false

export const freezes: Runtime['freezes'] = () => false

export { inspection, privateSlot, publish, readNatively, resolveHost, servesLong } from './web.ts'
