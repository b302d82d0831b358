import {
  type AccessToken,
  allowInsecureRequests,
  createResourceServer,
  customFetch,
  type TrustedIssuer,
} from '@atjwt/core'

import { isIssuerIdentifier, TEXT } from './options.ts'
import { createTestIssuer, type TestClaims, type TestIssuer } from './test-issuer.ts'

let lazy: Promise<TestIssuer> | undefined

/**
 * A token for `evaluate`, with these claims: for tests of a policy without any request.
 *
 * It is signed by a throw-away key and verified by a throw-away resource server, so authorities are read as they are
 * everywhere, overage and unreadable claims included. `demand` of your own resource server refuses it, as it refuses
 * every token which it did not verify itself.
 *
 * @param how the mapping and the allow-list of the issuer, where they differ from RFC 9068
 * @throws {AuthorizationError} when these claims are no access token; so is an `iss` which can be that of no issuer
 * @throws {TypeError} when the mapping or the allow-list is wrong
 */
export async function accessToken(
  claims: TestClaims = {},
  how: Pick<TrustedIssuer, 'authorities' | 'allow' | 'deviations'> = {},
): Promise<AccessToken> {
  lazy ??= createTestIssuer()
  const signer = await lazy
  // What no resource server could be configured with is judged by one which expects something else.
  const iss = isIssuerIdentifier(claims.iss) ? claims.iss : signer.issuer
  const aud = isAudience(claims.aud) ? claims.aud : signer.audience
  await using api = createResourceServer({
    issuer: { issuer: iss, jwks: signer.jwks, ...how },
    audience: aud,
    // A challenge is never sent, and an audience may have characters which its realm cannot.
    realm: signer.audience,
    cache: false,
    [customFetch]: signer.fetch,
    ...(iss.startsWith('http:') ? { [allowInsecureRequests]: [new URL(iss).origin] } : {}),
  })
  return await api.verify(await signer.issue(claims))
}

function isAudience(aud: unknown): aud is string | string[] {
  return Array.isArray(aud) ? aud.length > 0 && aud.every(TEXT.passes) : TEXT.passes(aud)
}
