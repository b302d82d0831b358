import {
  allowInsecureRequests,
  clock,
  createResourceServer,
  customFetch,
  ERRORS,
  type ErrorCode,
} from '@atjwt/core'

import type { Tenants } from './tenant.ts'

/** What a resource server with default options would say of a token. */
export type Judgement =
  | { readonly accepted: true }
  | {
      readonly accepted: false
      readonly code: ErrorCode
      readonly status: number
      readonly text: string
      readonly spec: string
    }

/** Asks a real resource server which trusts the issuers of this process. */
export async function judgeToken(
  token: string,
  audience: string,
  tenants: Tenants,
  now: () => number,
): Promise<Judgement> {
  // Malformed by RFC 6750 §2.1, and most of it no header field can carry, so that there is no request to be judged.
  if (/[^\x21-\x7E]/.test(token)) return refusal('credentials_malformed')
  await using api = createResourceServer({
    issuer: async (iss) => {
      const tenant = await tenants.find(iss)
      return tenant === undefined ? undefined : { issuer: iss, jwks: tenant.jwks }
    },
    audience,
    realm: 'development',
    cache: false,
    [allowInsecureRequests]: true,
    [clock]: now,
    [customFetch]: () => Promise.reject(new TypeError('nothing is fetched')),
  })
  const request = new Request('http://127.0.0.1/', { headers: { authorization: `Bearer ${token}` } })
  const result = await api.authorize(request)
  if (result.ok) return { accepted: true }
  return refusal(result.error.code, result.error.message)
}

function refusal(code: ErrorCode, text: string = ERRORS[code].text): Judgement {
  const { status, spec } = ERRORS[code]
  return { accepted: false, code, status, text, spec }
}

/** Header and claims as they stand, believed by nobody; `undefined` for what is no JWT. */
export function decodeToken(
  token: string,
): { readonly header: unknown; readonly claims: unknown } | undefined {
  try {
    const [header, claims] = token.split('.', 2).map((part) => {
      const octets = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (c) =>
        c.charCodeAt(0),
      )
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets)) as unknown
    })
    return claims === undefined ? undefined : { header, claims }
  } catch {
    return undefined
  }
}
