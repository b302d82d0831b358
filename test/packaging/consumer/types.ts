// Compiles only when the declarations say what they say in the repository: types that degrade to `any` make each
// `@ts-expect-error` superfluous, which is an error.
import '@atjwt/express/augment'
import { type AnyAuthorizationError, createResourceServer, optional, protect, scope } from '@atjwt/express'
import { createTestIssuer } from '@atjwt/testing'
import type { Request } from 'express'

const api = createResourceServer({ issuer: 'https://as.example', audience: 'https://api.example' })

// @ts-expect-error -- the audience has no default
createResourceServer({ issuer: 'https://as.example' })
// @ts-expect-error -- scopes are strings
scope(1)
// @ts-expect-error -- optional stands at the top alone
optional(optional())
// @ts-expect-error -- a guard belongs to a resource server
protect(scope('orders:read'))

export async function subjectOf(request: Request): Promise<string | undefined> {
  // @ts-expect-error -- the request may be anonymous
  const direct: string = request.auth.claims.sub
  const result = await api.authorize({ headers: new Headers(), method: 'GET', url: 'https://api.example/' })
  // @ts-expect-error -- a refusal has no token
  const { auth } = result
  return result.ok ? result.auth.claims.sub : (request.auth?.claims.sub ?? direct ?? String(auth))
}

export function isOutage(error: AnyAuthorizationError): boolean {
  // @ts-expect-error -- no such code
  if (error.code === 'token_expried') return false
  return error.status === 503
}

await using issuer = await createTestIssuer()
// @ts-expect-error -- a token is a string
export const number: number = await issuer.issue()
