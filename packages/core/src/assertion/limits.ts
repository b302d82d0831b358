import { withDeadline } from '../internal/deadline.ts'
import { Denial } from './errors.ts'
import { storeKey } from './store-key.ts'

/**
 * Counts, and rejects when there were too many: with `msBeforeNext`, the milliseconds to wait. The limiters of the
 * package rate-limiter-flexible are such, with their stores. Any other rejection, a throw and no answer within a second
 * mean that the limiter itself failed (503).
 */
export interface RateLimiter {
  /** @param points how much this time counts; 0 only asks whether there were too many */
  consume(key: string, points?: number): Promise<unknown>
}

/** Seconds a limiter may take. */
const LIMITER_DEADLINE = 1

/** Counts once; a denial when there were too many, or nobody can say. */
export async function limit(limiter: RateLimiter, key: string, points: number): Promise<Denial | undefined> {
  try {
    await withDeadline(LIMITER_DEADLINE, () => limiter.consume(key, points))
    return undefined
  } catch (cause) {
    const wait = waitOf(cause)
    if (typeof wait !== 'number' || Number.isNaN(wait)) return new Denial('rate_limiter_failed', { cause })
    return new Denial('rate_limited', { retryAfter: Math.min(Math.max(wait / 1000, 1), 86_400) })
  }
}

/** What was thrown may be anything, also what throws when it is read. */
function waitOf(cause: unknown): unknown {
  try {
    return (cause as { msBeforeNext?: unknown } | null | undefined)?.msBeforeNext
  } catch {
    return undefined
  }
}

/**
 * The key of failures: the party and the address together. By the party alone anybody could lock it out; by the
 * address alone one of many parties behind it could.
 */
export function failureKey(
  what: 'client' | 'grant',
  claimed: string,
  address: string,
): string | Promise<string> {
  return storeKey(what, claimed, address)
}
