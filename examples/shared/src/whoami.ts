import type { AccessToken } from '@atjwt/core'

/** What a token says of its bearer; the lists are sorted. */
export function whoami(auth: AccessToken): Record<string, unknown> {
  return {
    iss: auth.issuer,
    sub: auth.subject,
    client_id: auth.clientId,
    scopes: [...auth.scopes].toSorted(),
    groups: [...auth.groups].toSorted(),
    roles: [...auth.roles].toSorted(),
    entitlements: [...auth.entitlements].toSorted(),
    binding: [...auth.binding].toSorted(),
  }
}
