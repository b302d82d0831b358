/** What the `Authorization` field of a request says. */
export type Credentials =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed' }

const ABSENT: Credentials = { kind: 'absent' }
const MALFORMED: Credentials = { kind: 'malformed' }

/** `auth-scheme` (a `token` of RFC 9110 §5.6.2), then one or more spaces, then the rest. */
const CREDENTIALS = /^([!#$%&'*+.^`|~\w-]+)(?: +(.*))?$/s
/**
 * `quoted-string` of RFC 9110 §5.6.4, in which a parameter may hold anything. One without an end is found too: looked for
 * from each of its escaped quotation marks anew, a field full of them would cost their square.
 */
const QUOTED = /"(?:[^"\\]|\\.?)*("?)/gs
/** Our scheme behind a comma, where it is no parameter's name: that stands before `=` (RFC 9110 §11.2). */
const FURTHER_BEARER = /,[ \t]*bearer(?![!#$%&'*+.^`|~\w-]|[ \t]*=)/i
/** `b64token` of RFC 6750 §2.1: the padding stands only at the end. */
const B64TOKEN = /^[\w\-.~+/]+=*$/

/**
 * Reads the `Authorization` header field, the only way of sending a token that is read at all: query, form and
 * cookie are not looked at, also not beside a header.
 *
 * Another scheme is no authentication information for us (absent); what is no credentials by the grammar of
 * RFC 9110 §11.4, or Bearer without exactly one `b64token`, is malformed, and so is another scheme with Bearer behind it:
 * fetch runtimes join two fields by a comma, and a token which was sent must be judged.
 *
 * @see [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)
 * @see [RFC 9110 §11.4](https://www.rfc-editor.org/rfc/rfc9110#section-11.4)
 */
export function parseCredentials(field: string | null): Credentials {
  const credentials = splitCredentials(field)
  return credentials.kind === 'bearer' && !isB64Token(credentials.token) ? MALFORMED : credentials
}

/** {@link parseCredentials} but for the grammar of the token: one that was verified before need not be read again. */
export function splitCredentials(field: string | null): Credentials {
  if (field === null) return ABSENT
  // The common spelling, without a match object for the whole field.
  if (field.startsWith('Bearer ')) return bearer(field.slice(7))
  const match = CREDENTIALS.exec(field)
  if (match === null) return MALFORMED
  if ((match[1] as string).toLowerCase() !== 'bearer')
    return FURTHER_BEARER.test(withoutQuoted(field)) ? MALFORMED : ABSENT
  return bearer(match[2] ?? '')
}

/** `b64token` of RFC 6750 §2.1. */
export function isB64Token(token: string): boolean {
  return B64TOKEN.test(token)
}

function withoutQuoted(field: string): string {
  return field.replaceAll(QUOTED, (quoted, end: string) => (end === '' ? quoted : '""'))
}

function bearer(rest: string): Credentials {
  let start = 0
  while (rest.charCodeAt(start) === 0x20) start += 1
  return { kind: 'bearer', token: rest.slice(start) }
}
