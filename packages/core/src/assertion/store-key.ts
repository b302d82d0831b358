import { digest } from '#crypto'

import { chain } from '../internal/chain.ts'

/**
 * The name for these texts in a store: 44 characters, base64. Framed as JSON, so that no two lists of texts have one
 * name; hashed, because they are of any length and content, and a store is no place for claims.
 */
export function storeKey(...texts: readonly string[]): string | Promise<string> {
  return chain(digest(JSON.stringify(texts)), btoa)
}
