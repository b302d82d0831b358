/** What `fetch`, `app.request` and their like take beside the address. */
export interface RequestParts {
  headers?: unknown
}

/** `parts` with an `Authorization` field that bears the token; it replaces one that is there. */
export function bear(parts: Request | RequestParts, token: string): Request | RequestParts {
  const authorization = `Bearer ${token}`
  if (isRequest(parts)) {
    const headers = new Headers(parts.headers)
    headers.set('authorization', authorization)
    return new (classOf(parts))(parts, { headers })
  }
  const given = new Headers(parts.headers as Headers | undefined)
  return { ...parts, headers: { ...Object.fromEntries(given), authorization } }
}

/** By its shape: frameworks replace the global `Request`, of which earlier ones are then no instances. */
function isRequest(parts: Request | RequestParts): parts is Request {
  const { url, clone, headers } = parts as Partial<Request>
  return typeof url === 'string' && typeof clone === 'function' && typeof headers?.get === 'function'
}

/** Another class of requests takes its own only. */
function classOf(request: object): typeof Request {
  return request instanceof Request ? Request : (request.constructor as typeof Request)
}
