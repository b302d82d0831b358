import { hash } from 'node:crypto'

import {
  type AccessToken,
  all,
  any,
  type AnyPolicy,
  AuthorizationError,
  client,
  clock,
  createResourceServer,
  customFetch,
  entitlement,
  group,
  issuer,
  not,
  optional,
  type Policy,
  type ResourceServer,
  role,
  scope,
  waitUntil,
} from '@atjwt/core'

import { policyOf, setupOf, staticServer, TOKEN_CASES, CORPUS } from '../hostile.ts'
import { AUDIENCE, encode, ISSUER, NOW, requestWith } from '../properties/signer.ts'
import type { History, PolicySpec } from './cases.ts'

/** What was decided, in a word, and the digest of everything that can be seen of it. */
export type Row = `${string} ${string}`

export interface Replayed {
  readonly rows: readonly Row[]
  /** How often a token was answered with an object that had been answered before. */
  readonly remembered: number
}

/** Lets a resource server live through a history, and notes every verdict. */
export async function replay(history: History, cache: boolean): Promise<Replayed> {
  let now = NOW
  let keys = history.keys
  let failing = false
  const revoked = new Set<string>()
  const background: Promise<unknown>[] = []
  const { asksRevoked, mapsRoles, deviations, allow, ...options } = history.options
  const api = createResourceServer({
    issuer: {
      issuer: ISSUER,
      ...(deviations === undefined ? {} : { deviations }),
      ...(allow === undefined ? {} : { allow }),
      ...(mapsRoles ? { authorities: { roles: mapRoles } } : {}),
    },
    audience: AUDIENCE,
    ...options,
    ...(cache ? {} : { cache: false as const }),
    ...(asksRevoked ? { revoked: (token: AccessToken) => revoked.has(token.claims.jti) } : {}),
    [clock]: () => now,
    [customFetch]: async (input) => {
      if (failing) throw new TypeError('fetch failed')
      const { pathname } = new URL(input instanceof Request ? input.url : input)
      if (pathname === '/jwks') return Response.json({ keys })
      return Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` })
    },
    [waitUntil]: (work) => background.push(work),
  })
  // What was begun in the background ends before anything else happens, in every runtime.
  const idle = (): Promise<unknown> => Promise.allSettled(background.splice(0))
  const rows: Row[] = []
  const seen = new Set<object>()
  let remembered = 0
  const probe = implausible(options.algorithms?.[0] ?? 'ES256')
  const random = Math.random
  // The refresh ahead is jittered; which jitter is no question here, so both get the same.
  Math.random = () => 0.5
  try {
    for (const step of history.steps) {
      switch (step.do) {
        case 'present': {
          // A refresh that is due begins with any token, and ends at its own time: not while a verdict is awaited.
          await api.verify(probe).catch(() => undefined)
          await idle()
          const { row, token } = await present(
            api,
            step.token,
            step.policy === null ? undefined : read(step.policy),
            idle,
          )
          rows.push(row)
          if (token !== undefined && seen.has(token)) remembered += 1
          if (token !== undefined) seen.add(token)
          break
        }
        case 'wait':
          now += step.seconds
          break
        case 'publish':
          keys = step.keys
          break
        case 'fail':
          failing = step.failing
          break
        case 'revoke key':
          api.revokeKey(ISSUER, step.kid)
          break
        case 'revoke token':
          revoked.add(step.jti)
          break
        case 'purge':
          api.purge()
      }
      await idle()
    }
  } finally {
    Math.random = random
    await api.close()
  }
  return { rows, remembered }
}

/** A token which starts what is due for the keys of its issuer, and nothing for its own sake. */
function implausible(alg: string): string {
  const header = encode(JSON.stringify({ alg, typ: 'at+jwt', kid: 'key-0' }))
  return `${header}.${encode(JSON.stringify({ iss: ISSUER, exp: 0 }))}.AAAA`
}

function mapRoles(claims: Readonly<Record<string, unknown>>): string[] | undefined {
  const { sub } = claims
  return sub === 'user-1' ? ['admin'] : sub === 'user-2' ? undefined : []
}

function read(spec: PolicySpec): AnyPolicy {
  const [op, ...rest] = spec
  const names = rest as [string, ...string[]]
  const inner = (): [Policy, Policy] => rest.map((one) => read(one as PolicySpec)) as [Policy, Policy]
  const make: Readonly<Record<typeof op, () => AnyPolicy>> = {
    scope: () => scope(...names),
    role: () => role(...names),
    group: () => group(...names),
    entitlement: () => entitlement(...names),
    client: () => client(...names),
    issuer: () => issuer(...names),
    all: () => all(...inner()),
    any: () => any(...inner()),
    not: () => not(inner()[0]),
    optional: () => optional(inner()[0]),
  }
  return make[op]()
}

/** Every field of the verdicts on one token. */
async function present(
  api: ResourceServer,
  text: string,
  policy: AnyPolicy | undefined,
  idle: () => Promise<unknown> = async () => undefined,
): Promise<{ readonly row: Row; readonly token: AccessToken | undefined }> {
  let token: AccessToken | undefined
  let word: string
  const seen: unknown[] = []
  try {
    token = await api.verify(text)
    word = 'accepted'
    seen.push(fieldsOf(token))
  } catch (error) {
    if (!(error instanceof AuthorizationError)) throw error
    word = error.code
    seen.push(error.code, error.claim, error.status, error.headers, error.answer, error.message)
  }
  await idle()
  const request = requestWith(text)
  const result = await (policy === undefined ? api.authorize(request) : api.authorize(request, policy))
  if (result.ok) seen.push(result.headers, result.auth === undefined ? null : fieldsOf(result.auth))
  else seen.push(result.error.code, result.error.claim ?? null, result.response)
  return { row: `${result.ok ? word : result.error.code} ${hash('sha256', JSON.stringify(seen))}`, token }
}

function fieldsOf(token: AccessToken): unknown[] {
  const { claims, header, issuer: iss, subject, clientId } = token
  const sets = [token.scopes, token.roles, token.groups, token.entitlements, token.binding].map((set) => [
    ...set,
  ])
  return [Object.entries(claims), header, iss, subject ?? null, clientId ?? null, sets]
}

/** The whole corpus, at the moments at which its ordinary token is good and is not any more; twice. */
export async function replayCorpus(cache: boolean): Promise<Replayed> {
  let now = CORPUS.now
  const servers = new Map<string, ResourceServer>()
  const rows: Row[] = []
  const seen = new Set<object>()
  let remembered = 0
  for (const [at, one] of [0, 0, 299, 305, 306].flatMap((offset) =>
    TOKEN_CASES.map((each) => [offset, each] as const),
  )) {
    now = CORPUS.now + at
    const setup = setupOf(one)
    let api = servers.get(setup)
    if (api === undefined) {
      api = staticServer(setup, { [clock]: () => now, ...(cache ? {} : { cache: false }) })
      servers.set(setup, api)
    }
    const { row, token } = await present(api, one.token, policyOf(one))
    rows.push(`${one.id}@${at}:${row}`)
    if (token !== undefined && seen.has(token)) remembered += 1
    if (token !== undefined) seen.add(token)
  }
  return { rows, remembered }
}
