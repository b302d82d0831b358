import { check, checkFunctions, fail, seconds } from '../internal/check.ts'
import type { IssuerEvent } from '../issuer/events.ts'
import {
  allowInsecureRequests,
  clock,
  customFetch,
  readInsecure,
  readIssuerIdentifier,
  waitUntil,
} from '../options.ts'
import type { ReplayStore } from './replay.ts'

/**
 * The URL of the token endpoint, accepted as the sole audience of a client assertion beside the issuer identifier, for
 * clients which are older than the rule against it. Another server whose token endpoint a client believes in can then
 * have assertions made for this one.
 */
export const allowTokenEndpointAudience: unique symbol = Symbol('allowTokenEndpointAudience')

/** Options which both kinds of assertion verifier have. */
export interface AssertionVerifierOptions {
  /** The issuer identifier of this authorization server: what it is called in `aud`. */
  issuer: string
  /** Seconds for which `exp` is still accepted: 5, at most 300; `nbf` and `iat` may lie 60 s ahead, or this if more. */
  clockTolerance?: number
  /** Sees what happens to keys which are fetched; what it throws is swallowed. */
  onIssuerEvent?: (event: IssuerEvent) => void
  [customFetch]?: typeof fetch
  [allowInsecureRequests]?: true | readonly string[]
  [clock]?: () => number
  [waitUntil]?: (work: Promise<unknown>) => void
}

/** Their names, for the check of unknown ones. */
export const COMMON_NAMES: readonly (string | symbol)[] = [
  'purpose',
  'issuer',
  'clockTolerance',
  'onIssuerEvent',
  'maxLifetime',
  'replay',
  customFetch,
  allowInsecureRequests,
  clock,
  waitUntil,
]

/** The same, resolved. Times are seconds. */
export interface CommonOptions {
  readonly issuer: string
  readonly clockTolerance: number
  readonly aheadTolerance: number
  readonly onIssuerEvent: ((event: IssuerEvent) => void) | undefined
  readonly fetch: typeof fetch
  readonly ownsNetwork: boolean
  readonly insecure: true | ReadonlySet<string> | undefined
  readonly clock: () => number
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
}

/** Seconds by which the clocks of others are allowed to be ahead. */
const AHEAD = 60
/** Seconds for which an assertion may at most be accepted after it expired. */
export const MAX_CLOCK_TOLERANCE = 300

export function resolveCommon(options: AssertionVerifierOptions): CommonOptions {
  checkFunctions(options, ['onIssuerEvent', customFetch, clock, waitUntil])
  const insecure = readInsecure(options[allowInsecureRequests])
  const clockTolerance = seconds('clockTolerance', options.clockTolerance, 5, { max: MAX_CLOCK_TOLERANCE })
  const injected = options[customFetch]
  return {
    issuer: readIssuerIdentifier('issuer', options.issuer, insecure),
    clockTolerance,
    aheadTolerance: Math.max(AHEAD, clockTolerance),
    onIssuerEvent: options.onIssuerEvent,
    fetch: injected ?? ((input, init) => globalThis.fetch(input, init)),
    ownsNetwork: injected === undefined,
    insecure,
    clock: options[clock] ?? (() => Date.now() / 1000),
    waitUntil: options[waitUntil],
  }
}

/** A lifetime an assertion may have; RFC 7523 §3 leaves it to the server, and a day is none any more. */
export function readLifetime(option: string, value: unknown, standard: number): number {
  return seconds(option, value, standard, { min: 1, max: 86_400 })
}

export function readReplayStore(option: string, value: unknown): ReplayStore {
  if (typeof (value as Partial<ReplayStore> | null | undefined)?.claim !== 'function')
    fail(option, 'must be a replay store, such as memoryReplayStore()')
  return value as ReplayStore
}

/** An absolute URL, compared as text ever after. */
export function readEndpoint(option: string, value: unknown): string {
  const right = typeof value === 'string' && /^https?:\/\/[^\s#\\]+$/.test(value) && URL.canParse(value)
  check(right, option, 'must be the URL of the token endpoint')
  return value as string
}
