/** Header fields in order. A list, because two challenges are two fields; it is a `HeadersInit`. */
export type HeaderList = [name: string, value: string][]

/**
 * `scope-token` of RFC 6749 §3.3, the characters of a scope in a challenge (RFC 6750 §3).
 *
 * @see [RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)
 */
export const SCOPE_TOKEN: RegExp = /^[\x21\x23-\x5B\x5D-\x7E]+$/

/** One or several of them, `scope` of RFC 6749 §3.3. */
export const SCOPE_TOKENS: RegExp = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/

/**
 * `error_description` of RFC 6750 §3: `"` and `\` are banned there outright, even escaped, and a control character
 * would end the field. Whatever is outside the set becomes a space; the length is capped.
 */
export function asChallengeText(text: string): string {
  return text.slice(0, 200).replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/g, ' ')
}

/** What a field value may hold without a thought. */
export const PRINTABLE: RegExp = /^[\x20-\x7E]+$/

/** `quoted-string` of RFC 9110 §5.6.4, for `realm` (RFC 9110 §11.5), of what is {@link PRINTABLE}. */
export function quotedString(value: string): string {
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/**
 * `challenge` of RFC 9110 §11.3 for the Bearer scheme of RFC 6750 §3. There is always a realm: a naked `Bearer` is
 * not a challenge which RFC 6750 allows. Without an error there is nothing to describe (RFC 6750 §3.1). A name occurs at
 * most once, RFC 9110 §11.2.
 *
 * @param realm already a quoted-string
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export function bearerChallenge(
  realm: string,
  error: string | undefined,
  description: string,
  scope: readonly string[] = [],
): string {
  let challenge = `Bearer realm=${realm}`
  if (error !== undefined)
    challenge += `, error="${error}", error_description="${asChallengeText(description)}"`
  // Scope tokens were held to the ABNF when the policy was made, so they need no escape.
  if (scope.length > 0) challenge += `, scope="${scope.join(' ')}"`
  return challenge
}
