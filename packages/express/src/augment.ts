/**
 * Types `req.auth` for the whole program. Opt-in, because other libraries augment the same name.
 *
 * @module
 */
import type { AccessToken } from '@atjwt/core'

declare global {
  namespace Express {
    interface Request {
      /** The verified access token; set by `protect`, `undefined` when anonymous or not guarded. */
      auth?: AccessToken
    }
  }
}
