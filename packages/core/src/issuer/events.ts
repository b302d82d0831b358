import { publish } from '#runtime'

import { dismiss } from '../internal/promise.ts'
import type { FetchFailure } from './fetch.ts'
import type { MetadataFailure } from './discover.ts'
import type { UnusableKey } from './jwk.ts'

/** Why the keys of an issuer could not be had or used. */
export type KeyFailure = FetchFailure | MetadataFailure | 'origin_refused' | 'no_usable_key'

/**
 * What happens to the keys of an issuer. Times are seconds since the epoch. Nothing in it comes from a token; a `kid`
 * is one which the issuer published.
 */
export type IssuerEvent =
  | { readonly type: 'fetch_started'; readonly issuer: string; readonly document: 'metadata' | 'jwks' }
  | { readonly type: 'fetch_succeeded'; readonly issuer: string; readonly document: 'metadata' | 'jwks' }
  | {
      readonly type: 'fetch_failed'
      readonly issuer: string
      readonly document: 'metadata' | 'jwks'
      readonly reason: KeyFailure
    }
  | {
      readonly type: 'retry_scheduled'
      readonly issuer: string
      readonly at: number
      readonly failures: number
    }
  | {
      readonly type: 'served_stale'
      readonly issuer: string
      readonly freshUntil: number
      readonly staleUntil: number
    }
  | { readonly type: 'key_added'; readonly issuer: string; readonly kid: string | undefined }
  | { readonly type: 'key_retired'; readonly issuer: string; readonly kid: string | undefined }
  | { readonly type: 'key_unusable'; readonly issuer: string; readonly reason: UnusableKey }
  | { readonly type: 'kid_throttled'; readonly issuer: string }
  | {
      readonly type: 'jwks_origin_changed'
      readonly issuer: string
      readonly from: string
      readonly to: string
    }

/** The `diagnostics_channel` on which every {@link IssuerEvent} appears, where the runtime has such channels. */
export const ISSUER_CHANNEL = 'atjwt:issuer'

/** Gives an event to whoever listens. */
export function tell(event: IssuerEvent, listener: ((event: IssuerEvent) => void) | undefined): void {
  Object.freeze(event)
  publish?.(ISSUER_CHANNEL, event)
  try {
    // A listener that fails must not cost a request its verdict, nor the process its life.
    dismiss(listener?.(event))
  } catch {}
}
