import { verifySignature } from '#crypto'

import type { KeyHandle } from '../crypto/crypto.ts'
import { decodedLength } from '../internal/base64url.ts'
import { chain } from '../internal/chain.ts'
import type { VerificationKey } from '../issuer/jwk.ts'

/**
 * The key which signed a compact JWS, among candidates that serve its algorithm; `undefined` when none did. They are
 * tried in order, and what is synchronous stays so.
 *
 * @see [RFC 7515 §5.2](https://www.rfc-editor.org/rfc/rfc7515#section-5.2)
 */
export function signerOf(
  token: string,
  signature: string,
  alg: string,
  candidates: readonly VerificationKey[],
): VerificationKey | undefined | Promise<VerificationKey | undefined> {
  const length = decodedLength(signature)
  for (let i = 0; i < candidates.length; i += 1) {
    const key = candidates[i] as VerificationKey
    // A signature of another size cannot be this key's; nothing is computed with it.
    if (key.signatureLength(alg) !== length) continue
    const signed = chain(key.handle(alg), isSignedBy, token, signature, alg)
    if (signed === true) return key
    if (typeof signed === 'object') {
      return signed.then((yes) => (yes ? key : signerOf(token, signature, alg, candidates.slice(i + 1))))
    }
  }
  return undefined
}

function isSignedBy(
  handle: KeyHandle | undefined,
  token: string,
  signature: string,
  alg: string,
): boolean | Promise<boolean> {
  return handle !== undefined && verifySignature(alg, handle, token, signature)
}
