import { createResourceServer } from '@atjwt/core'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as z from 'zod'

// Nothing here runs: these are the types which the tests beside ask about.

/** Claims typed by zod. */
export const typed = createResourceServer({
  issuer: 'https://as.example',
  audience: 'https://api.example',
  claims: z.object({ tenant: z.uuid() }),
})

/** Claims typed by a Standard Schema of the application's own. */
export const byHand = createResourceServer({
  issuer: 'https://as.example',
  audience: 'https://api.example',
  claims: {} as StandardSchemaV1<unknown, { tenant: string; level?: number }>,
})

/** Claims which nobody typed. */
export const plain = createResourceServer({ issuer: 'https://as.example', audience: 'https://api.example' })
