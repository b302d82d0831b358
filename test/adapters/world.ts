import { setImmediate } from 'node:timers/promises'

import {
  clock,
  createResourceServer,
  customFetch,
  type ResourceServer,
  type ResourceServerOptions,
} from '@atjwt/core'
import { createTestIssuer, type TestIssuer } from '@atjwt/testing'

import type { RawAnswer } from '../helpers/raw-http.ts'

/** Seconds since the epoch, for everything in these tests. */
export const NOW = 1_800_000_000

export interface World {
  readonly issuer: TestIssuer
  readonly api: ResourceServer
}

/** An issuer, and a resource server which trusts it; `options` as the application would set them. */
export async function createWorld(options: Partial<ResourceServerOptions> = {}): Promise<World> {
  const issuer = await createTestIssuer({ clock: () => NOW })
  const api = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [customFetch]: issuer.fetch,
    [clock]: () => NOW,
    ...options,
  })
  return { issuer, api }
}

/** Fields which are ours; a framework adds its own (`Date`, `Connection`, `X-Powered-By`). */
const OURS = ['WWW-Authenticate', 'Cache-Control', 'Retry-After', 'Vary', 'Content-Type']

/** What of an answer has to be the same everywhere. Challenges are one list, however many fields they stand in. */
export function ours(answer: RawAnswer | undefined): { status: number; headers: object; body: string } {
  if (answer === undefined) throw new Error('no answer')
  const headers: Record<string, string> = {}
  for (const name of OURS) {
    const value = field(answer, name)
    if (value !== undefined) headers[name] = value
  }
  return { status: answer.status, headers, body: answer.body }
}

/** All fields of one name, as one list. */
export function field(answer: RawAnswer | undefined, name: string): string | undefined {
  const values = fields(answer, name)
  return values.length === 0 ? undefined : values.join(', ')
}

export function fields(answer: RawAnswer | undefined, name: string): readonly string[] {
  return (answer?.headers ?? [])
    .filter(([other]) => other.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value)
}

/** Header fields of a request with this token. */
export function bearer(token: string): [name: string, value: string][] {
  return [['Authorization', `Bearer ${token}`]]
}

/**
 * Collects rejections which nobody handled, until `stop`, which lets the microtasks and one turn of the event loop
 * pass first: Node reports them after that.
 */
export function watchRejections(): { stop(): Promise<readonly unknown[]> } {
  const reasons: unknown[] = []
  const collect = (reason: unknown): void => {
    reasons.push(reason)
  }
  process.on('unhandledRejection', collect)
  return {
    async stop() {
      await setImmediate()
      await setImmediate()
      process.off('unhandledRejection', collect)
      return reasons
    },
  }
}

/** Something to wait for, settled by hand. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}
