import {
  type AccessToken,
  type AccessTokenClaims,
  createResourceServer,
  customFetch,
  type TrustedIssuer,
} from '@atjwt/core'

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
 * @throws {AuthorizationError} when these claims are no access token
 */
export async function accessToken(
  claims: TestClaims = {},
  how: Pick<TrustedIssuer, 'authorities' | 'allow' | 'deviations'> = {},
): Promise<AccessToken> {
  lazy ??= createTestIssuer()
  const signer = await lazy
  const { iss, aud } = claims as Partial<AccessTokenClaims>
  await using api = createResourceServer({
    issuer: { issuer: iss ?? signer.issuer, jwks: signer.jwks, ...how },
    audience: aud ?? signer.audience,
    cache: false,
    [customFetch]: signer.fetch,
  })
  return await api.verify(await signer.issue(claims))
}
