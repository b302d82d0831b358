import { clientSecretJwt, createAssertionVerifier } from '@atjwt/core/assertion'
import type { JSONWebKeySet } from 'jose'

/** A client of the development server; the members are those of RFC 7591. */
export interface DevelopmentClient {
  readonly client_id: string
  /** For `client_secret_basic`, `client_secret_post` and `client_secret_jwt`; for the last, 32 random octets or more. */
  readonly client_secret?: string
  /** Public keys, for `private_key_jwt`. */
  readonly jwks?: JSONWebKeySet
  /** `private_key_jwt` with `jwks`, `client_secret_basic` with a secret, else `none` by default. */
  readonly token_endpoint_auth_method?:
    | 'none'
    | 'client_secret_basic'
    | 'client_secret_post'
    | 'client_secret_jwt'
    | 'private_key_jwt'
  /** All by default; without a way to authenticate the code and refresh grants only. */
  readonly grant_types?: readonly string[]
  /** Compared as text; for `http://127.0.0.1` and `http://localhost` the port is free (RFC 8252 §7.3). */
  readonly redirect_uris?: readonly string[]
  /** What the client may ask for, separated by spaces; anything by default. */
  readonly scope?: string
  /** Added to the client's own access tokens, such as `roles`. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** Somebody who can log in, and be the subject of a grant. */
export interface DevelopmentUser {
  readonly sub: string
  readonly name?: string
  /** Asked for at login; without one a click is enough. */
  readonly password?: string
  /** Added to access tokens for this user, such as `roles` and `groups`. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** An issuer whose JWTs are accepted as grants (RFC 7523 §2.1). */
export interface DevelopmentAssertionIssuer {
  readonly issuer: string
  readonly jwks: JSONWebKeySet
  readonly type?: 'jwt' | 'id-jag'
}

/** What the file of `atjwt-issuer` says. */
export interface DevelopmentConfig {
  /** The `aud` of a token for which no resource was asked; `https://api.example`. */
  readonly audience?: string
  /** Resources which may be asked for (RFC 8707); any by default. */
  readonly resources?: readonly string[]
  /** Seconds: 300. At most 31 days: by default a resource server takes no token which is good for longer. */
  readonly tokenLifetime?: number
  /** Whether a JWT grant needs an authenticated client; `required`. Read at the first request only. */
  readonly clientAuthentication?: 'required' | 'optional' | 'implicit'
  readonly clients?: readonly DevelopmentClient[]
  readonly users?: readonly DevelopmentUser[]
  readonly trusted?: readonly DevelopmentAssertionIssuer[]
}

/** The `maxTokenLifetime` which a resource server has by default. */
const MAX_LIFETIME = 31 * 86_400

type Kind = 'string' | 'number of seconds, 31 days at most' | 'object' | 'list of strings' | readonly string[]

const CLIENT: Readonly<Record<keyof DevelopmentClient, Kind>> = {
  client_id: 'string',
  client_secret: 'string',
  jwks: 'object',
  token_endpoint_auth_method: [
    'none',
    'client_secret_basic',
    'client_secret_post',
    'client_secret_jwt',
    'private_key_jwt',
  ],
  grant_types: 'list of strings',
  redirect_uris: 'list of strings',
  scope: 'string',
  claims: 'object',
}
const USER: Readonly<Record<keyof DevelopmentUser, Kind>> = {
  sub: 'string',
  name: 'string',
  password: 'string',
  claims: 'object',
}
const TRUSTED: Readonly<Record<keyof DevelopmentAssertionIssuer, Kind>> = {
  issuer: 'string',
  jwks: 'object',
  type: ['jwt', 'id-jag'],
}
const CONFIG: Readonly<Record<Exclude<keyof DevelopmentConfig, 'clients' | 'users' | 'trusted'>, Kind>> = {
  audience: 'string',
  resources: 'list of strings',
  tokenLifetime: 'number of seconds, 31 days at most',
  clientAuthentication: ['required', 'optional', 'implicit'],
}

/**
 * Checks a configuration: a name nobody reads is a typing mistake, and it is better found here than in a 401.
 *
 * @throws {TypeError} the message names the member
 */
export function readConfig(value: unknown): DevelopmentConfig {
  if (!isRecord(value)) throw new TypeError('The configuration must be an object')
  const { clients = [], users = [], trusted = [], ...rest } = value
  checkMembers('', rest, CONFIG)
  checkList('clients', clients, CLIENT, 'client_id')
  checkList('users', users, USER, 'sub')
  checkList('trusted', trusted, TRUSTED, 'issuer')
  for (const [at, entry] of (trusted as readonly Record<string, unknown>[]).entries()) {
    if (entry['jwks'] === undefined) throw new TypeError(`trusted[${at}].jwks must be given`)
    checkJWKS(`trusted[${at}].jwks`, entry['jwks'])
  }
  for (const [at, client] of (clients as readonly DevelopmentClient[]).entries())
    checkClient(`clients[${at}]`, client)
  return structuredClone(value) as DevelopmentConfig
}

/** The answer of a `config` function is wrong. The message names what is, and quotes nothing: it goes to a log. */
export class ConfigProblem extends TypeError {}

/** The configuration as it is now: what a function answers is checked each time. */
export function configOf(config: DevelopmentConfig | (() => DevelopmentConfig)): () => DevelopmentConfig {
  if (typeof config === 'function') return () => answerOf(config)
  const fixed = readConfig(config)
  return () => fixed
}

/** @throws {ConfigProblem} */
function answerOf(config: () => unknown): DevelopmentConfig {
  let answer: unknown
  try {
    answer = config()
  } catch (cause) {
    // Not its message: that of JSON.parse quotes the text, secrets and all.
    const name = cause instanceof Error ? cause.name : typeof cause
    throw new ConfigProblem(`config threw a ${name}`, { cause })
  }
  if (answer instanceof Promise) throw new ConfigProblem('config answered with a promise')
  try {
    return readConfig(answer)
  } catch (cause) {
    const problem = cause instanceof TypeError ? cause.message : 'it has what cannot be copied'
    throw new ConfigProblem(`config gave a wrong answer: ${problem}`, { cause })
  }
}

function checkClient(name: string, client: DevelopmentClient): void {
  const method = authenticationMethodOf(client)
  if (method === 'private_key_jwt' && client.jwks === undefined)
    throw new TypeError(`${name}.jwks must be given for private_key_jwt`)
  // Under other methods they are keys for something else (RFC 7591 §2).
  if (method === 'private_key_jwt') checkJWKS(`${name}.jwks`, client.jwks)
  if (method.startsWith('client_secret') && (client.client_secret ?? '') === '')
    throw new TypeError(`${name}.client_secret must be given for ${method}`)
  if (method === 'client_secret_jwt') checkSecret(`${name}.client_secret`, client.client_secret as string)
  for (const uri of client.redirect_uris ?? []) {
    if (!URL.canParse(uri) || uri.includes('#'))
      throw new TypeError(`${name}.redirect_uris must be absolute URIs without a fragment`)
  }
}

/** Refuses what core would refuse when an assertion comes: then only a log would say why. */
function checkJWKS(name: string, jwks: unknown): void {
  try {
    createAssertionVerifier({
      purpose: 'authorization-grant',
      issuer: 'https://issuer.invalid',
      trusted: { issuer: 'https://trusted.invalid', jwks: jwks as JSONWebKeySet, requireJti: false },
    })
  } catch (cause) {
    throw new TypeError(`${name} must be a JWK Set with a usable public key`, { cause })
  }
}

function checkSecret(name: string, secret: string): void {
  try {
    clientSecretJwt({ secret, alg: 'HS256' })
  } catch (cause) {
    const { message } = cause as TypeError
    throw new TypeError(`${name} is none for client_secret_jwt: ${message}`, { cause })
  }
}

/** How this client authenticates. */
export function authenticationMethodOf(
  client: DevelopmentClient,
): NonNullable<DevelopmentClient['token_endpoint_auth_method']> {
  if (client.token_endpoint_auth_method !== undefined) return client.token_endpoint_auth_method
  if (client.jwks !== undefined) return 'private_key_jwt'
  return client.client_secret === undefined ? 'none' : 'client_secret_basic'
}

function checkList(
  name: string,
  value: unknown,
  kinds: Readonly<Record<string, Kind>>,
  identifier: string,
): void {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be a list`)
  const seen = new Set<unknown>()
  for (const [at, entry] of value.entries()) {
    if (!isRecord(entry)) throw new TypeError(`${name}[${at}] must be an object`)
    checkMembers(`${name}[${at}].`, entry, kinds)
    const id = entry[identifier]
    if (typeof id !== 'string' || id === '')
      throw new TypeError(`${name}[${at}].${identifier} must be a string which is not empty`)
    if (seen.has(id)) throw new TypeError(`${name}[${at}].${identifier} stands there twice`)
    seen.add(id)
  }
}

function checkMembers(
  prefix: string,
  value: Readonly<Record<string, unknown>>,
  kinds: Readonly<Record<string, Kind>>,
): void {
  for (const [name, member] of Object.entries(value)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) throw new TypeError(`${prefix}${name.slice(0, 40)} is unknown`)
    if (!isOf(kind, member))
      throw new TypeError(
        `${prefix}${name} must be ${typeof kind === 'string' ? `a ${kind}` : `one of ${kind.join(', ')}`}`,
      )
  }
}

function isOf(kind: Kind, value: unknown): boolean {
  if (typeof kind !== 'string') return kind.includes(value as string)
  if (kind === 'object') return isRecord(value)
  if (kind === 'number of seconds, 31 days at most')
    return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_LIFETIME
  if (kind === 'string') return typeof value === 'string'
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
