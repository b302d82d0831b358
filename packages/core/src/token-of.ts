import { parseCredentials } from './credentials/parse.ts'
import type { ResourceRequest } from './request.ts'

/**
 * The token string of an authorized request, for example for a token exchange (RFC 8693). It is read from the request
 * and stored nowhere; `undefined` when there is none. It verifies nothing: call it behind a guard.
 *
 * A token is never to be sent to another resource as it is: it was issued for this one.
 *
 * @see [RFC 8693](https://www.rfc-editor.org/rfc/rfc8693)
 */
export function tokenOf(request: ResourceRequest): string | undefined {
  const credentials = parseCredentials(request.headers.get('authorization'))
  return credentials.kind === 'bearer' ? credentials.token : undefined
}
