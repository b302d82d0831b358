import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'

import { jsonOf, makeKey, signCompact, type SigningKey } from '../jws.ts'
import { ExpiringStore } from './store.ts'

/** Entries of one kind which a tenant remembers. */
const MAX_REMEMBERED = 10_000

/** What a code or a refresh token stands for. */
export interface Authorization {
  readonly client_id: string
  readonly sub: string
  readonly scope: readonly string[]
  readonly resource: readonly string[]
  readonly authorization_details: readonly unknown[] | undefined
  readonly auth_time: number
  readonly nonce?: string | undefined
  /** Everything that came of one login; revoked together. */
  readonly family: string
}

/** An authorization before it is redeemed. */
export interface Code extends Authorization {
  readonly redirect_uri: string
  readonly code_challenge: string
}

/** Claims of an access token which this server issued, verified. */
export interface OwnToken {
  readonly [claim: string]: unknown
  readonly sub: string
  readonly client_id: string
  readonly exp: number
  readonly jti: string
}

/** One issuer: its identifier, its keys, and what it remembers. */
export class Tenant {
  readonly issuer: string
  readonly key: SigningKey
  readonly codes: ExpiringStore<Code>
  readonly usedCodes: ExpiringStore<string>
  readonly refreshTokens: ExpiringStore<Authorization>
  readonly usedRefreshTokens: ExpiringStore<string>
  /** Families and `jti` which are revoked. */
  readonly revoked: ExpiringStore<true>
  readonly #now: () => number

  constructor(issuer: string, key: SigningKey, now: () => number) {
    this.issuer = issuer
    this.key = key
    this.#now = now
    this.codes = new ExpiringStore(MAX_REMEMBERED, now)
    this.usedCodes = new ExpiringStore(MAX_REMEMBERED, now)
    this.refreshTokens = new ExpiringStore(MAX_REMEMBERED, now)
    this.usedRefreshTokens = new ExpiringStore(MAX_REMEMBERED, now)
    this.revoked = new ExpiringStore(MAX_REMEMBERED, now)
  }

  static async create(issuer: string, alg: string, now: () => number): Promise<Tenant> {
    return new Tenant(issuer, await makeKey(alg), now)
  }

  get jwks(): JSONWebKeySet {
    return { keys: [this.key.publicJwk] }
  }

  /** Members which are `undefined` are left out. */
  sign(
    typ: string,
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const members = { alg: this.key.alg, typ, kid: this.key.kid, ...header }
    return signCompact(this.key, jsonOf(members), jsonOf(claims))
  }

  /** The claims of an access token of this issuer, if it is one, still valid and not revoked. */
  async readAccessToken(token: string): Promise<OwnToken | undefined> {
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(this.jwks), {
        issuer: this.issuer,
        typ: 'at+jwt',
        currentDate: new Date(this.#now() * 1000),
      })
      const claims = payload as unknown as OwnToken
      const { jti, sid } = claims
      const revoked = [jti, sid].some((id) => typeof id === 'string' && this.revoked.get(id) !== undefined)
      return revoked ? undefined : claims
    } catch {
      return undefined
    }
  }
}

/** The issuers below one origin, made when they are first asked for; the one that was not asked for longest goes. */
export class Tenants {
  readonly #alg: string
  readonly #max: number
  readonly #now: () => number
  readonly #tenants = new Map<string, Promise<Tenant>>()
  /** The origin under which the server is reached. */
  origin: string

  constructor(options: { origin: string; alg: string; max: number; now: () => number }) {
    this.origin = options.origin
    this.#alg = options.alg
    this.#max = options.max
    this.#now = options.now
  }

  /** @param name the path of the issuer identifier, without its slash; empty for the origin itself */
  get(name: string): Promise<Tenant> {
    const issuer = name === '' ? this.origin : `${this.origin}/${name}`
    const tenant = this.#tenants.get(issuer) ?? Tenant.create(issuer, this.#alg, this.#now)
    this.#tenants.delete(issuer)
    this.#tenants.set(issuer, tenant)
    if (this.#tenants.size > this.#max) {
      const oldest = [...this.#tenants.keys()].find((key) => key !== this.origin)
      if (oldest !== undefined) this.#tenants.delete(oldest)
    }
    return tenant
  }

  /** The tenant with this identifier, if it was asked for already: an identifier in a token makes none. */
  async find(issuer: string): Promise<Tenant | undefined> {
    return this.#tenants.get(issuer)
  }
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/
const ENDPOINTS = ['jwks', 'token', 'authorize', 'introspect', 'revoke']

/** Which tenant a path belongs to, and which of its routes it is. */
export function locate(pathname: string): { readonly tenant: string; readonly path: string } {
  const wellKnown =
    /^\/\.well-known\/(?:oauth-authorization-server|openid-configuration)(?:\/([^/]+))?$/.exec(pathname)
  if (wellKnown !== null) return of(wellKnown[1] ?? '', '/metadata')
  const [, first = '', rest] = /^\/([^/]*)(\/.*)?$/.exec(pathname) ?? []
  if (ENDPOINTS.includes(first) && rest === undefined) return { tenant: '', path: pathname }
  if (first === '') return { tenant: '', path: rest === undefined ? '/' : '/nowhere' }
  if (rest === '/.well-known/openid-configuration') return of(first, '/metadata')
  if (rest === undefined || rest === '/') return of(first, '/')
  return of(first, ENDPOINTS.includes(rest.slice(1)) ? rest : '/nowhere')
}

function of(tenant: string, path: string): { tenant: string; path: string } {
  const known = tenant === '' || (NAME.test(tenant) && !ENDPOINTS.includes(tenant))
  return known ? { tenant, path } : { tenant: '', path: '/nowhere' }
}
