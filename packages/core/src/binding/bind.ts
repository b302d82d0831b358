import { Refusal } from '../errors.ts'

/**
 * Holds a token to its sender constraint. A token with `cnf` is bound to a key; taking it as a plain bearer token
 * would throw that protection away, so without a check for it the token is refused, whatever `cnf` looks like.
 *
 * @see [RFC 7800 §3.1](https://www.rfc-editor.org/rfc/rfc7800#section-3.1)
 * @see [RFC 9449 §7.2](https://www.rfc-editor.org/rfc/rfc9449#section-7.2)
 */
export function bind({ cnf }: { readonly cnf: unknown }): Refusal | undefined {
  return cnf === undefined ? undefined : new Refusal('binding_not_supported')
}
