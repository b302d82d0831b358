/** What `fetch`, `app.request` and their like take beside the address. */
export interface RequestParts {
  headers?: unknown
}

/** `parts` with an `Authorization` field that bears the token; it replaces one that is there. */
export function bear(parts: Request | RequestParts, token: string): Request | RequestParts {
  const authorization = `Bearer ${token}`
  if (parts instanceof Request) {
    const headers = new Headers(parts.headers)
    headers.set('authorization', authorization)
    return new Request(parts, { headers })
  }
  const given = new Headers(parts.headers as Headers | undefined)
  return { ...parts, headers: { ...Object.fromEntries(given), authorization } }
}
