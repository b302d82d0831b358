import { creating, fail } from '../internal/check.ts'
import { type ClientVerifier, type ClientVerifierOptions, createClientVerifier } from './clients.ts'
import { createGrantVerifier, type GrantVerifier, type GrantVerifierOptions } from './grants.ts'

/**
 * Creates a verifier of the assertions of RFC 7523, for one of its two purposes: a client which authenticates, or a
 * grant. An assertion for one purpose is never accepted for the other. Checks every option, does no I/O.
 *
 * @throws {TypeError} on a misconfiguration; the message names the option
 * @see [RFC 7523](https://www.rfc-editor.org/rfc/rfc7523)
 * @see [draft-ietf-oauth-rfc7523bis](https://datatracker.ietf.org/doc/draft-ietf-oauth-rfc7523bis/)
 */
export function createAssertionVerifier(options: ClientVerifierOptions): ClientVerifier
export function createAssertionVerifier<Subject = string>(
  options: GrantVerifierOptions<Subject>,
): GrantVerifier<Subject>
export function createAssertionVerifier(
  options: ClientVerifierOptions | GrantVerifierOptions<unknown>,
): ClientVerifier | GrantVerifier<unknown> {
  return creating('an assertion verifier', () => {
    if (typeof options !== 'object' || options === null) fail('options', 'must be an object')
    switch (options.purpose) {
      case 'client-authentication':
        return createClientVerifier(options)
      case 'authorization-grant':
        return createGrantVerifier(options)
      default:
        return fail('purpose', `must be 'client-authentication' or 'authorization-grant'`)
    }
  })
}
