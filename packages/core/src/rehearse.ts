import { Verification } from './access-token/access-token.ts'
import { TokenCache } from './access-token/cache.ts'
import { ACCESS_TOKEN_TYPE, readHeader } from './access-token/header.ts'
import { acceptFrom, type Verified } from './access-token/verify.ts'
import type { AuthorizationContext } from './authorize.ts'
import { Refusal } from './errors.ts'
import { encodeBase64url } from './internal/base64url.ts'
import { parseJSONObject } from './internal/json.ts'
import { isPromise } from './internal/promise.ts'
import type { VerificationKey } from './issuer/jwk.ts'
import type { Trust } from './issuer/trust.ts'
import { parseCompact } from './jws/compact.ts'
import { group, role, scope } from './policy/atoms.ts'
import { all, any } from './policy/combine.ts'
import type { Policy } from './policy/policy.ts'

/** Engines compile an expression when it is used again, and functions in steps after a few calls. */
const TIMES = 15

/** The two ways, over a stage with nothing in it to be touched or called. */
interface Ways {
  /** Leads a token along the way which is everybody's, up to its refusal. */
  refuse(token: string, policy: Policy, stage: AuthorizationContext): Promise<void>
  /** Leads on what was verified. */
  grant(verification: Verification, policy: Policy, stage: AuthorizationContext): Promise<void>
}

/**
 * Leads a made-up token of each algorithm along the way of real ones, so that the first of those finds keys imported
 * and code compiled. The token is expired and its signature is none, so it goes the way up to that refusal; then what
 * it says goes the rest of the way. All of it belongs to no resource server and is forgotten here; nothing of the
 * application is called, and nothing is fetched because of it but keys whose refresh is due.
 *
 * @param issuers those which are configured
 * @param now seconds since the epoch, at which time stands still for the rehearsal
 */
export async function rehearse(
  context: AuthorizationContext,
  issuers: readonly string[],
  now: number,
  ways: Ways,
): Promise<void> {
  const rehearsed = new Set<string>()
  // By those who make everybody's, for the same reason as in `madeUp`.
  const policy = all(scope('nothing'), any(role('nobody'), group('nobodies')))
  for (const issuer of issuers) {
    const trust = context.issuers.pick(issuer, undefined)
    if (trust instanceof Refusal || isPromise(trust)) continue
    for (const alg of trust.algorithms) {
      if (rehearsed.has(alg)) continue
      for (let i = 0; i < TIMES; i += 1) {
        // Each time anew: keys may go while others take their turns.
        const key = keyOf(trust, alg, now)
        if (key === undefined) break
        rehearsed.add(alg)
        const stage = stageOf(context, trust, alg, now)
        const { token, claims } = madeUp(key, alg, trust, now)
        // oxlint-disable-next-line no-await-in-loop -- in turns
        await ways.refuse(token, policy, stage)
        // oxlint-disable-next-line no-await-in-loop -- in turns
        const verified = await accept(token, claims, key, trust, stage)
        // oxlint-disable-next-line no-await-in-loop -- in turns
        if (verified instanceof Verification) await ways.grant(verified, policy, stage)
      }
    }
  }
}

/** A key which serves `alg`, where one is known. */
function keyOf({ keys }: Trust, alg: string, now: number): VerificationKey | undefined {
  if (!keys.usable(now)) return undefined
  // No token is behind this, so it must cause no fetch.
  const found = keys.find(undefined, alg, now, () => new Refusal('signature_invalid'))
  return found instanceof Refusal || isPromise(found) ? undefined : found[0]
}

/** What a resource server reads, without anything which a rehearsal could call, ask or change. */
function stageOf(
  context: AuthorizationContext,
  trust: Trust,
  alg: string,
  now: number,
): AuthorizationContext {
  const { issuers, cache } = context
  const mute = withoutMapping(trust)
  return {
    ...context,
    clock: () => now,
    verifier: {},
    issuers: {
      admits: (header) => issuers.admits(header),
      // Verification goes from here to the keys in one go: while some can be used, it waits for none.
      pick(iss) {
        if (keyOf(trust, alg, now) === undefined) return new Refusal('issuer_not_trusted')
        const picked = issuers.pick(iss, undefined)
        return picked === trust ? mute : picked
      },
    },
    schema: undefined,
    revoked: undefined,
    cache: cache === undefined ? undefined : new TokenCache({ max: 1, maxSize: 1_000_000 }),
  }
}

interface MadeUp {
  readonly token: string
  readonly claims: Readonly<Record<string, unknown>>
}

function madeUp(key: VerificationKey, alg: string, trust: Trust, now: number): MadeUp {
  // In the order of the RFC's example, and the header as most issuers write it: to engines the order is a part of what
  // an object is, and of one which they know they read a member faster.
  const claims = {
    iss: trust.issuer,
    sub: 'nobody',
    aud: trust.audience.values().next().value,
    // A date long past, or none at all, by any clock.
    exp: now - 1_000_000_000,
    iat: now,
    [trust.deviations.jti]: 'none',
    [trust.deviations.client_id]: 'nobody',
    scope: 'nothing',
    groups: ['nobodies'],
  }
  const header = encode({ alg, typ: ACCESS_TOKEN_TYPE, kid: key.kid })
  // In the range of every algorithm, so that it is computed with.
  const signature = `${'B'.repeat(Math.ceil((key.signatureLength(alg) * 4) / 3) - 1)}A`
  const token = `${header}.${encode(claims)}.${signature}`
  return { token, claims }
}

/** The part of verification behind a good signature. */
async function accept(
  token: string,
  claims: MadeUp['claims'],
  key: VerificationKey,
  trust: Trust,
  stage: AuthorizationContext,
): Promise<Verified> {
  const now = stage.clock()
  const compact = parseCompact(token)
  if (compact instanceof Refusal) return compact
  const header = readHeader(compact.header)
  if (header instanceof Refusal) return header
  const valid = parseJSONObject(JSON.stringify({ ...claims, exp: now + 60 }))
  if (valid === undefined) return new Refusal('claims_malformed')
  return acceptFrom(key, withoutMapping(trust), { token, compact, header, claims: valid }, stage, now)
}

/** A mapping of authorities is code of the application. */
function withoutMapping(trust: Trust): Trust {
  return trust.authorities === undefined ? trust : { ...trust, authorities: undefined }
}

function encode(value: object): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(value)))
}
