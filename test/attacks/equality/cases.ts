import { createSigner, ISSUER, AUDIENCE, NOW, type Signer } from '../properties/signer.ts'

/** A policy as data, so that another process can make the same one. */
export type PolicySpec =
  | readonly ['scope' | 'role' | 'group' | 'entitlement' | 'client' | 'issuer', ...string[]]
  | readonly ['all' | 'any' | 'not' | 'optional', ...PolicySpec[]]

/** What happens at a resource server, in order. */
export type Step =
  | { readonly do: 'present'; readonly token: string; readonly policy: PolicySpec | null }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'publish'; readonly keys: readonly Record<string, unknown>[] }
  | { readonly do: 'fail'; readonly failing: boolean }
  | { readonly do: 'revoke key'; readonly kid: string }
  | { readonly do: 'revoke token'; readonly jti: string }
  | { readonly do: 'purge' }

/** One resource server and what it lives through. Everything in it is JSON. */
export interface History {
  readonly keys: readonly Record<string, unknown>[]
  readonly options: {
    readonly clockTolerance?: number
    readonly algorithms?: readonly string[]
    readonly deviations?: Readonly<Record<string, unknown>>
    readonly allow?: Readonly<Record<string, readonly string[]>>
    readonly asksRevoked: boolean
    readonly mapsRoles: boolean
  }
  readonly steps: readonly Step[]
}

/** mulberry32: one seed, one list of cases. */
function generator(seed: number): () => number {
  let state = seed + 0x6d_2b_79_f5
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const PRESENTED_PER_HISTORY = 50
const TOKENS_PER_HISTORY = 14

/** Histories in which `count` tokens are presented altogether. */
export function makeHistories(count: number, seed: number): History[] {
  const random = generator(seed)
  const signers = (['ES256', 'EdDSA', 'RS256'] as const).flatMap((alg, n) => [
    createSigner(alg, `key-${n}`),
    createSigner(alg, `key-${n + 3}`),
  ])
  // RFC 7517 §4.5: nothing keeps two keys from having one kid.
  signers.push(createSigner('ES256', 'key-1'))
  const chance = new Chance(random)
  return Array.from({ length: Math.ceil(count / PRESENTED_PER_HISTORY) }, () => historyOf(signers, chance))
}

class Chance {
  readonly random: () => number
  constructor(random: () => number) {
    this.random = random
  }
  of(probability: number): boolean {
    return this.random() < probability
  }
  one<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T
  }
  some<T>(list: readonly T[], probability: number): T[] {
    return list.filter(() => this.of(probability))
  }
}

function historyOf(signers: readonly Signer[], chance: Chance): History {
  const published = (): Record<string, unknown>[] => chance.some(signers, 0.6).map(({ jwk }) => jwk)
  const tokens = Array.from({ length: TOKENS_PER_HISTORY }, () => tokenOf(chance.one(signers), chance))
  const policies = Array.from({ length: 4 }, () => policyOf(chance, 0))
  const steps: Step[] = []
  for (let presented = 0; presented < PRESENTED_PER_HISTORY;) {
    const n = chance.random()
    if (n < 0.86) {
      presented += 1
      steps.push({
        do: 'present',
        token: chance.one(tokens),
        policy: chance.of(0.2) ? null : chance.one(policies),
      })
    } else if (n < 0.93)
      steps.push({ do: 'wait', seconds: chance.one([0.5, 1, 4, 5, 31, 61, 299, 480, 601, 4000]) })
    else if (n < 0.95) steps.push({ do: 'publish', keys: published() })
    else if (n < 0.96) steps.push({ do: 'fail', failing: chance.of(0.5) })
    else if (n < 0.97) steps.push({ do: 'revoke key', kid: chance.one(signers).jwk['kid'] as string })
    else if (n < 0.985) steps.push({ do: 'revoke token', jti: `jti-${Math.floor(chance.random() * 20)}` })
    else steps.push({ do: 'purge' })
  }
  return {
    keys: signers.filter(() => chance.of(0.85)).map(({ jwk }) => jwk),
    options: {
      ...(chance.of(0.5) ? { clockTolerance: chance.one([0, 30, 300]) } : {}),
      ...(chance.of(0.15)
        ? { algorithms: chance.one([['ES256'], ['Ed25519', 'RS256'], ['ES256', 'EdDSA']]) }
        : {}),
      ...(chance.of(0.3)
        ? {
            deviations: chance.one([
              { typ: ['JWT', null] },
              { optionalClaims: ['iat', 'jti', 'sub', 'client_id'] },
              { client_id: 'azp', typ: ['JWT'] },
            ]),
          }
        : {}),
      ...(chance.of(0.2) ? { allow: { scopes: ['read'], roles: ['admin'] } } : {}),
      asksRevoked: chance.of(0.5),
      mapsRoles: chance.of(0.2),
    },
    steps,
  }
}

const VALUES = ['read', 'write', 'admin', 'staff', 'ключ', '😀']

function tokenOf(signer: Signer, chance: Chance): string {
  const token = signer.sign(headerOf(signer, chance), claimsOf(chance))
  if (chance.of(0.88)) return token
  const [header, payload, signature] = token.split('.') as [string, string, string]
  return chance.one([
    () => `${header}.${payload}.${mutated(signature, chance)}`,
    () => `${header}.${mutated(payload, chance)}.${signature}`,
    () => `${mutated(header, chance)}.${payload}.${signature}`,
    () => `${header}.${payload}.${signature.slice(0, -2)}`,
    () => `${header}.${payload}.${signature}=`,
    () => `${header}.${payload}`,
    () => `${header}.${payload}.${signature}.x.y`,
    () => `${header}..${signature}`,
    () => 'opaque-token',
    () =>
      signer.sign(
        headerOf(signer, chance),
        chance.one(['[]', 'null', '{"a":1,"a":2}', '{"exp":1e400}', '\uFEFF{}', '{']),
      ),
  ])()
}

function mutated(text: string, chance: Chance): string {
  const at = Math.floor(chance.random() * text.length)
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
}

function headerOf(signer: Signer, chance: Chance): string {
  const header: Record<string, unknown> = { alg: signer.alg, typ: 'at+jwt', kid: signer.jwk['kid'] }
  if (chance.of(0.2)) {
    const [name, value] = chance.one<readonly [string, unknown]>([
      ['typ', 'JWT'],
      ['typ', 'application/AT+JWT'],
      ['typ', undefined],
      ['typ', 'logout+jwt'],
      ['kid', undefined],
      ['kid', 'nobody'],
      ['kid', 'key-1'],
      ['kid', 7],
      ['alg', 'none'],
      ['alg', 'HS256'],
      ['alg', 'ES256'],
      ['alg', 'Ed25519'],
      ['crit', ['b64']],
      ['b64', true],
      ['jwk', signer.jwk],
      ['x', 'é😀'],
    ])
    header[name] = value
  }
  return chance.of(0.1) ? JSON.stringify(header, undefined, 1) : JSON.stringify(header)
}

function claimsOf(chance: Chance): string {
  const list = (): unknown =>
    chance.of(0.6)
      ? chance.some(VALUES, 0.4)
      : chance.one<unknown>([
          undefined,
          [],
          'admin',
          [{ value: 'admin', display: 'x' }, { value: 'staff' }],
          ['admin', 7],
          [{ display: 'admin' }],
          {},
          null,
        ])
  const claims: Record<string, unknown> = {
    iss: ISSUER,
    sub: chance.one(['user-1', 'user-2', 'é', '😀']),
    aud: chance.one<unknown>([AUDIENCE, [AUDIENCE], ['x', AUDIENCE]]),
    client_id: chance.one(['client-1', 'client-2']),
    iat: NOW,
    exp: NOW + chance.one([-10, -5, 0, 5, 60, 300, 300, 300, 3600, 86_400]),
    jti: `jti-${Math.floor(chance.random() * 20)}`,
    scope: chance.one<unknown>([
      'read',
      'read write',
      'write admin',
      '',
      undefined,
      ' read  write ',
      'réad read',
    ]),
    roles: list(),
    groups: list(),
    entitlements: list(),
  }
  if (chance.of(0.25)) {
    const [name, value] = chance.one<readonly [string, unknown]>([
      ['iss', 'https://other.example'],
      ['iss', undefined],
      ['iss', 7],
      ['sub', undefined],
      ['sub', ''],
      ['aud', 'https://other.example'],
      ['aud', [AUDIENCE, 7]],
      ['aud', []],
      ['client_id', undefined],
      ['azp', 'client-3'],
      ['iat', undefined],
      ['iat', NOW + 61],
      ['iat', `${NOW}`],
      ['exp', undefined],
      ['exp', `${NOW + 300}`],
      ['exp', NOW + 0.5],
      ['exp', NOW + 40 * 86_400],
      ['nbf', NOW + 60],
      ['nbf', NOW + 61],
      ['nbf', null],
      ['jti', undefined],
      ['jti', 7],
      ['cnf', { jkt: 'x' }],
      ['cnf', null],
      ['nonce', 'n'],
      ['_claim_names', { groups: 'src' }],
      ['_claim_names', 'groups'],
      ['toString', 'x'],
      ['deep', { list: [{ a: [null, true, 1.5, 'é'] }] }],
      ['escaped', '\n"\\'],
    ])
    claims[name] = value
  }
  // JSON.stringify cannot write this name.
  const text = JSON.stringify(claims)
  return chance.of(0.05) ? `${text.slice(0, -1)},"__proto__":{"roles":["admin"]}}` : text
}

function policyOf(chance: Chance, depth: number): PolicySpec {
  if (depth < 3 && chance.of(0.5)) {
    const op = chance.one(['all', 'any', 'not'] as const)
    const inner = (): PolicySpec => policyOf(chance, depth + 1)
    const policy: PolicySpec = op === 'not' ? [op, inner()] : [op, inner(), inner()]
    return depth === 0 && chance.of(0.1) ? ['optional', policy] : policy
  }
  const op = chance.one(['scope', 'role', 'group', 'entitlement', 'client', 'issuer'] as const)
  if (op === 'issuer') return [op, ISSUER]
  if (op === 'client') return [op, chance.one(['client-1', 'client-3'])]
  const names = chance.one([['read'], ['write'], ['admin'], ['read', 'write']])
  return [op, ...names]
}
