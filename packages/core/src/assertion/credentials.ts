import { decodeText } from '#crypto'

import { parseCompact } from '../jws/compact.ts'
import { Refusal } from '../errors.ts'
import { parseJSONObject } from '../internal/json.ts'
import { Denial } from './errors.ts'
import { decode, type Form } from './form.ts'

/** How a client authenticated, as RFC 7591 names the methods. */
export type ClientAuthenticationMethod =
  | 'private_key_jwt'
  | 'client_secret_jwt'
  | 'client_secret_basic'
  | 'client_secret_post'

/** The credentials of a client in a token request, read and believed by nobody yet. */
export type ClientCredentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'assertion'; readonly assertion: string }
  | {
      readonly kind: 'secret'
      readonly method: 'client_secret_basic' | 'client_secret_post'
      readonly client_id: string
      readonly secret: string
    }

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Finds the one method by which a client authenticates. Two at once are refused before either is tried, so that no
 * order decides which one counts (RFC 6749 §2.3).
 *
 * @see [RFC 6749 §2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3)
 */
export function findCredentials(form: Form, authorization: string | null): ClientCredentials | Denial {
  const secret = form.get('client_secret')
  const assertion = form.get('client_assertion')
  const type = form.get('client_assertion_type')
  const used = [authorization !== null, secret !== undefined, assertion !== undefined || type !== undefined]
  if (used.filter(Boolean).length > 1) return new Denial('several_authentication_methods')
  if (authorization !== null) return readBasic(form, authorization)
  if (secret !== undefined) {
    const client_id = form.get('client_id')
    if (client_id === undefined) return new Denial('parameter_missing', { name: 'client_id' })
    return { kind: 'secret', method: 'client_secret_post', client_id, secret }
  }
  if (type !== undefined && type !== ASSERTION_TYPE) return new Denial('authentication_method_unsupported')
  if (assertion !== undefined && type === undefined)
    return new Denial('parameter_missing', { name: 'client_assertion_type' })
  if (type !== undefined && assertion === undefined)
    return new Denial('parameter_missing', { name: 'client_assertion' })
  return assertion === undefined ? { kind: 'none' } : { kind: 'assertion', assertion }
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. */
function readBasic(form: Form, authorization: string): ClientCredentials | Denial {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  if (encoded === undefined) {
    // Two fields, which Fetch joins by a comma; no base64 has one. RFC 6749 §5.2: multiple credentials.
    if (/^Basic .*,|, *Basic /i.test(authorization)) return new Denial('several_authentication_methods')
    return new Denial(
      /^Basic(?: |$)/i.test(authorization) ? 'credentials_malformed' : 'authentication_method_unsupported',
    )
  }
  let pair: string
  try {
    pair = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0)),
    )
  } catch {
    return new Denial('credentials_malformed')
  }
  const colon = pair.indexOf(':')
  const client_id = colon === -1 ? undefined : decode(pair.slice(0, colon))
  const secret = colon === -1 ? undefined : decode(pair.slice(colon + 1))
  if (client_id === undefined || client_id === '' || secret === undefined || secret === '')
    return new Denial('credentials_malformed')
  const named = form.get('client_id')
  if (named !== undefined && named !== client_id) return new Denial('client_secret_wrong')
  return { kind: 'secret', method: 'client_secret_basic', client_id, secret }
}

/** Who an assertion says issued it; empty when it does not say so readably. For counting, never for deciding. */
export function claimedIssuer(assertion: string): string {
  if (assertion.length > 65_536) return ''
  const compact = parseCompact(assertion)
  const text = compact instanceof Refusal ? undefined : decodeText(compact.payload)
  const iss = text === undefined ? undefined : parseJSONObject(text)?.['iss']
  return typeof iss === 'string' ? iss : ''
}
