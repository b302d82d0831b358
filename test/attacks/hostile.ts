import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

import {
  type AnyPolicy,
  clock,
  createResourceServer,
  customFetch,
  type ResourceServer,
  type ResourceServerOptions,
  role,
  scope,
} from '@atjwt/core'

/** A case of the corpus as it stands in the file. */
export interface HostileCase {
  readonly id: string
  readonly class: string
  readonly severity: 'control' | 'forge' | 'bypass' | 'malleable' | 'strict' | 'dos' | 'observe'
  readonly title: string
  readonly kind: 'token' | 'authz' | 'request'
  /** Of kinds `token` and `authz`. */
  readonly token?: string
  /** Of kind `request`. */
  readonly request?: {
    readonly method: string
    readonly url: string
    readonly headers: readonly (readonly [name: string, value: string])[]
  }
  readonly jwks: 'main' | 'single'
  readonly require?: { readonly scope?: readonly string[]; readonly role?: readonly string[] }
  readonly must?: readonly string[]
  readonly expect: {
    readonly outcome: 'accept' | 'reject' | 'either'
    readonly status?: number | readonly number[] | null
    readonly error?: string | null | readonly (string | null)[]
  }
}

interface Corpus {
  readonly now: number
  readonly issuer: string
  readonly audience: string
  readonly algorithms: readonly string[]
  readonly clockToleranceSec: number
  readonly jwks: Readonly<Record<'main' | 'single', JWKS>>
  readonly keys: Readonly<Record<string, JWK>>
  readonly cases: readonly HostileCase[]
}
type JWK = Readonly<Record<string, string>>
interface JWKS {
  readonly keys: JWK[]
}

/** Tokens, requests and guards by which a resource server is attacked; keys and clock are the corpus's own. */
export const CORPUS: Corpus = JSON.parse(
  gunzipSync(readFileSync(new URL('corpus/hostile.json.gz', import.meta.url))).toString('utf8'),
)

/** Senders of proofs need a server which checks proofs: their cases are counted, not run. */
export const NEEDS_PROOFS: readonly HostileCase[] = CORPUS.cases.filter((one) => one.class === 'dpop')
export const CASES: readonly HostileCase[] = CORPUS.cases.filter((one) => one.class !== 'dpop')
export const TOKEN_CASES: readonly (HostileCase & { readonly token: string })[] = CASES.filter(
  (one): one is HostileCase & { token: string } => one.token !== undefined,
)
export const REQUEST_CASES: readonly (HostileCase & { readonly request: object })[] = CASES.filter(
  (one): one is HostileCase & { request: NonNullable<HostileCase['request']> } => one.request !== undefined,
)

/** `b64token` of RFC 6750 §2.1: what the Bearer scheme can carry. */
export function isB64token(token: string): boolean {
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(token)
}

/** What a case demands of the token beside validity. */
export function policyOf({ require }: HostileCase): AnyPolicy | undefined {
  if (require?.scope !== undefined) return scope(require.scope)
  return require?.role === undefined ? undefined : role(require.role)
}

/** How the resource server of a case is set up. */
export type SetupName = 'main' | 'single' | 'two issuers'
export function setupOf({ id, jwks }: HostileCase): SetupName {
  // A key of issuer B signs a token which names issuer A.
  return id === 'S-sig-key-006' ? 'two issuers' : jwks
}

const OTHER_ISSUER = 'https://other.example'

function otherKey(): JWK {
  const { kty, n, e } = CORPUS.keys['otherRs'] as JWK
  return { kty: kty as string, n: n as string, e: e as string, kid: 'other-1', alg: 'RS256', use: 'sig' }
}

const base = {
  audience: CORPUS.audience,
  algorithms: CORPUS.algorithms,
  clockTolerance: CORPUS.clockToleranceSec,
} as const

/** The server of a case with keys that are configured: it keeps nothing from case to case but what it verified. */
export function staticServer(setup: SetupName, options: Partial<ResourceServerOptions> = {}): ResourceServer {
  const main = { issuer: CORPUS.issuer, jwks: CORPUS.jwks[setup === 'two issuers' ? 'main' : setup] }
  const issuer =
    setup === 'two issuers' ? [main, { issuer: OTHER_ISSUER, jwks: { keys: [otherKey()] } }] : main
  return createResourceServer({ ...base, issuer, [clock]: () => CORPUS.now, ...options })
}

/** The server of a case as it stands in production: issuers are discovered. All outbound requests are recorded. */
export function discoveringServer(setup: SetupName): { api: ResourceServer; fetched: string[] } {
  const fetched: string[] = []
  const documents = new Map<string, unknown>()
  const publish = (issuer: string, jwks: JWKS): void => {
    documents.set(`${issuer}/.well-known/oauth-authorization-server`, { issuer, jwks_uri: `${issuer}/jwks` })
    documents.set(`${issuer}/jwks`, jwks)
  }
  publish(CORPUS.issuer, CORPUS.jwks[setup === 'two issuers' ? 'main' : setup])
  if (setup === 'two issuers') publish(OTHER_ISSUER, { keys: [otherKey()] })
  const api = createResourceServer({
    ...base,
    issuer: setup === 'two issuers' ? [CORPUS.issuer, OTHER_ISSUER] : CORPUS.issuer,
    [clock]: () => CORPUS.now,
    [customFetch]: async (input) => {
      const url = input instanceof Request ? input.url : String(input)
      fetched.push(url)
      const document = documents.get(url)
      return document === undefined ? new Response('not found', { status: 404 }) : Response.json(document)
    },
  })
  return { api, fetched }
}

/** The documents of the configured issuer: nothing else may ever be fetched for a case. */
export const CONFIGURED_URLS: readonly string[] = [
  `${CORPUS.issuer}/.well-known/oauth-authorization-server`,
  `${CORPUS.issuer}/jwks`,
]
