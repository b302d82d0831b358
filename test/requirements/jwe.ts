import { Buffer } from 'node:buffer'
import { createCipheriv, randomBytes } from 'node:crypto'

import { encode } from './signer.ts'

/**
 * A compact JWE by hand, content encrypted with A256GCM. The encrypted key is whatever is given: `dir` has none.
 *
 * @see [RFC 7516 §5.1](https://www.rfc-editor.org/rfc/rfc7516#section-5.1)
 */
export function encrypt(
  header: Record<string, unknown>,
  content: string | Uint8Array,
  wrap: (key: Uint8Array) => Uint8Array = () => Buffer.alloc(0),
): { readonly token: string; readonly key: Uint8Array } {
  const key = randomBytes(32)
  const iv = randomBytes(12)
  const protectedHeader = encode({ alg: 'dir', enc: 'A256GCM', ...header })
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(protectedHeader))
  const ciphertext = Buffer.concat([cipher.update(content), cipher.final()])
  const token = [
    protectedHeader,
    encode(wrap(key)),
    encode(iv),
    encode(ciphertext),
    encode(cipher.getAuthTag()),
  ]
  return { token: token.join('.'), key }
}
