import { check, creating, fail, knownMembers, listOf } from '../internal/check.ts'
import { withDeadline } from '../internal/deadline.ts'
import { dismiss } from '../internal/promise.ts'
import type { OneOrMore } from '../issuer/trust.ts'
import { count, readRealm } from '../options.ts'
import { type Client, type ClientVerifier, type Registry, registryOf } from './clients.ts'
import {
  type ClientAuthenticationMethod,
  type ClientCredentials,
  claimedIssuer,
  findCredentials,
} from './credentials.ts'
import {
  type AssertionError,
  type AssertionErrorCode,
  type AssertionErrorResponse,
  Denial,
  type Purpose,
  toAssertionError,
} from './errors.ts'
import { type Form, readForm } from './form.ts'
import type { GrantResult, GrantVerifier } from './grants.ts'
import { failureKey, limit, type RateLimiter } from './limits.ts'

/** The grant type of RFC 7523 §2.1. */
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** Seconds the check of a secret may take. */
const SECRET_DEADLINE = 5
/** Characters of a `client_id` beside a secret, as of `iss`; a longer one names nobody who is known. */
const MAX_NAME_LENGTH = 512

/** What happened to a token request; nothing of an assertion, and no name which is not configured here. */
export interface TokenRequestEvent {
  readonly code: AssertionErrorCode | 'accepted'
  /** `undefined` when the request names none which is supported here. */
  readonly grant_type: string | undefined
  /** The client: authenticated when `code` is `accepted`; before that a registered one which was claimed. */
  readonly client_id: string | undefined
  /** The issuer of the grant: verified when `code` is `accepted`; before that a trusted one which was claimed. */
  readonly issuer: string | undefined
  /** How the client authenticated, or tried to. */
  readonly method: ClientAuthenticationMethod | 'assertion' | 'implicit' | undefined
  /** As it was given. */
  readonly address: string | undefined
  /** Milliseconds. */
  readonly ms: number
}

/** Options of {@link createTokenEndpoint}. All are checked at construction; an unknown name throws. */
export interface TokenEndpointOptions<Subject = string> {
  /**
   * Verifies `client_assertion`. Without it no client authenticates by assertions. Under `implicit` it must be what
   * `createAssertionVerifier()` made: its registry is asked.
   */
  clients?: ClientVerifier
  /** Verifies `assertion`. Without it the grant type `jwt-bearer` is not supported. */
  grants?: GrantVerifier<Subject>
  /**
   * Whether a JWT grant needs an authenticated client: `required` (the default); `optional`: the grant may stand
   * alone; `implicit`: the issuer of the grant is the client, and its signature is the authentication. Where it stands
   * in the registry of `clients` as well, its `grant_types` hold; it need not stand there. In every mode credentials
   * which are there must be right. Other grant types need one under `required`; `client_credentials` always.
   */
  clientAuthentication?: 'required' | 'optional' | 'implicit'
  /**
   * Grant types beside `jwt-bearer` which the application serves: their requests are read and the client judged. What
   * they prove is in `params`, judged by nobody.
   */
  grantTypes?: OneOrMore<string>
  /**
   * Whether a secret is that of the client, for `client_secret_basic` and `client_secret_post`: compare hashes of it,
   * in constant time. `true` alone counts. Throwing, or more than 5 s: 503. Without it both methods are refused.
   *
   * Find the client by `client_id` exactly: a store which folds case or drops blanks knows it under many spellings, each
   * of which `limits.failures` counts for itself.
   */
  secrets?: (
    client_id: string,
    client_secret: string,
    method: 'client_secret_basic' | 'client_secret_post',
  ) => boolean | Promise<boolean>
  /** The `realm` of the Basic challenge; by default the issuer identifier. */
  realm?: string
  limits?: {
    /** Octets of a request: 65,536, at most 1,048,576. Counted while the body is read. */
    maxBody?: number
    /** Counts requests by address, before anything else is done. */
    address?: RateLimiter
    /**
     * Counts refusals by client (or issuer) and address together, and refuses further tries. Requests at once are all
     * judged before they are counted: how much work that may be is for `address` to say.
     */
    failures?: RateLimiter
  }
  /** Sees every verdict; what it throws is swallowed. */
  onAudit?: (event: TokenRequestEvent) => void
}

/** An authenticated client. */
export interface AuthenticatedClient {
  readonly client_id: string
  /** `implicit`: the issuer of the grant, by its signature. */
  readonly method: ClientAuthenticationMethod | 'implicit'
  /** What the registry said, for the methods by assertion; for `implicit` where the issuer stands in it. */
  readonly client?: Client
}

/** The verdict on a token request. */
export type TokenRequestResult<Subject = string> =
  | {
      readonly ok: true
      readonly grant_type: string
      /** Absent only where authentication is optional. */
      readonly client?: AuthenticatedClient
      /** The verified assertion, for `jwt-bearer`. */
      readonly grant?: Extract<GrantResult<Subject>, { ok: true }>
      /**
       * The other parameters. What authenticated the client is not among them, nor a JWT grant. What another grant type
       * proves is (`assertion` of RFC 7522, a code, a refresh token): judge it, and do not log it.
       */
      readonly params: URLSearchParams
    }
  | { readonly ok: false; readonly error: AssertionError; readonly response: AssertionErrorResponse }

/** The part of a token endpoint which stands before the application: request, client, assertion. */
export interface TokenEndpoint<Subject = string> {
  /**
   * Judges a token request, in order of cost: limits, form, methods, client, grant. The answer of a refusal is complete.
   * Rejects only on misuse: a body which was read already, or no address where requests are counted by it.
   *
   * Issues no token, and does not say which scope may be granted.
   *
   * @param context `address`: of the client, as your proxies are configured to say it
   */
  verify(request: Request, context?: { readonly address?: string }): Promise<TokenRequestResult<Subject>>
}

/**
 * Creates the judging half of a token endpoint, for client authentication and grants by JWT (RFC 7523) in one request.
 * Checks every option, does no I/O.
 *
 * @throws {TypeError} on a misconfiguration; the message names the option
 * @see [RFC 6749 §3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)
 * @see [RFC 7521 §4](https://www.rfc-editor.org/rfc/rfc7521#section-4)
 */
export function createTokenEndpoint<Subject = string>(
  options: TokenEndpointOptions<Subject>,
): TokenEndpoint<Subject> {
  return creating(
    'a token endpoint',
    () =>
      new Endpoint(
        resolve(options as unknown as TokenEndpointOptions<unknown>),
      ) as unknown as TokenEndpoint<Subject>,
  )
}

const NAMES = [
  'clients',
  'grants',
  'clientAuthentication',
  'grantTypes',
  'secrets',
  'realm',
  'limits',
  'onAudit',
] as const satisfies readonly (keyof TokenEndpointOptions)[]

interface Resolved {
  readonly clients: ClientVerifier | undefined
  readonly registry: Registry | undefined
  readonly grants: GrantVerifier<unknown> | undefined
  readonly mode: 'required' | 'optional' | 'implicit'
  readonly grantTypes: ReadonlySet<string>
  readonly secrets: TokenEndpointOptions['secrets']
  readonly realm: string
  readonly maxBody: number
  readonly address: RateLimiter | undefined
  readonly failures: RateLimiter | undefined
  readonly onAudit: TokenEndpointOptions['onAudit']
}

function resolve(options: TokenEndpointOptions<unknown>): Resolved {
  if (typeof options !== 'object' || options === null) fail('options', 'must be an object')
  knownMembers('options', options, NAMES)
  const {
    clients,
    grants,
    clientAuthentication = 'required',
    grantTypes,
    secrets,
    limits = {},
    onAudit,
  } = options
  check(
    clients === undefined || clients?.purpose === 'client-authentication',
    'clients',
    'must be an assertion verifier for client authentication',
  )
  check(
    grants === undefined || grants?.purpose === 'authorization-grant',
    'grants',
    'must be an assertion verifier for authorization grants',
  )
  if (clients === undefined && grants === undefined) fail('clients', 'or grants must be given')
  check(
    clients === undefined || grants === undefined || clients.issuer === grants.issuer,
    'grants',
    'must have the same issuer as clients',
  )
  check(
    ['required', 'optional', 'implicit'].includes(clientAuthentication),
    'clientAuthentication',
    `must be 'required', 'optional' or 'implicit'`,
  )
  const registry = clients && registryOf(clients)
  check(
    clientAuthentication !== 'implicit' || clients === undefined || registry !== undefined,
    'clients',
    `must be made by createAssertionVerifier() where clientAuthentication is 'implicit': its registry is asked`,
  )
  check(secrets === undefined || typeof secrets === 'function', 'secrets', 'must be a function')
  check(
    clientAuthentication !== 'required' || clients !== undefined || secrets !== undefined,
    'clientAuthentication',
    `must not be 'required' without clients or secrets: nobody could authenticate`,
  )
  check(onAudit === undefined || typeof onAudit === 'function', 'onAudit', 'must be a function')
  check(typeof limits === 'object' && limits !== null, 'limits', 'must be an object')
  knownMembers('limits', limits, ['maxBody', 'address', 'failures'])
  for (const name of ['address', 'failures'] as const) {
    const limiter: Partial<RateLimiter> | undefined = limits[name]
    check(
      limiter === undefined || typeof limiter?.consume === 'function',
      `limits.${name}`,
      'must have a method consume()',
    )
  }
  const others = grantTypes === undefined ? [] : listOf('grantTypes', grantTypes)
  check(!others.includes(JWT_BEARER), 'grantTypes', `must not name ${JWT_BEARER}, which comes with grants`)
  const issuer = (clients ?? grants)?.issuer as string
  return {
    clients,
    registry,
    grants,
    mode: clientAuthentication,
    grantTypes: new Set(grants === undefined ? others : [...others, JWT_BEARER]),
    secrets,
    realm: readRealm(options.realm, new Set([issuer])),
    maxBody: count('limits.maxBody', limits.maxBody, 65_536, { min: 1024, max: 1_048_576 }),
    address: limits.address,
    failures: limits.failures,
    onAudit,
  }
}

/** What becomes known of a request while it is judged, for the audit. */
interface Track {
  readonly address: string | undefined
  readonly started: number
  grant_type?: string
  client_id?: string
  issuer?: string
  method?: TokenRequestEvent['method']
  /** Whether the client used the `Authorization` header field. */
  header?: boolean
  purpose: Purpose
}

class Endpoint implements TokenEndpoint<unknown> {
  readonly #options: Resolved

  constructor(options: Resolved) {
    this.#options = options
    Object.freeze(this)
  }

  async verify(
    request: Request,
    context: { readonly address?: string } = {},
  ): Promise<TokenRequestResult<unknown>> {
    const { address } = context
    if (request.bodyUsed) throw new TypeError('Cannot verify the token request: its body was read before')
    const { address: perAddress, failures } = this.#options
    if (address === undefined && (perAddress !== undefined || failures !== undefined))
      throw new TypeError('Cannot verify the token request: limits need the address of the client')
    const track: Track = { address, started: performance.now(), purpose: 'client-authentication' }
    const verdict = await this.#judge(request, track)
    if (!(verdict instanceof Refused)) {
      this.#audit('accepted', track)
      return Object.freeze(verdict)
    }
    const { error } = verdict
    if (error.client_id !== undefined) track.client_id = error.client_id
    if (error.issuer !== undefined) track.issuer = error.issuer
    this.#audit(error.code, track)
    return Object.freeze({ ok: false, error, response: error.response })
  }

  async #judge(
    request: Request,
    track: Track,
  ): Promise<Extract<TokenRequestResult<unknown>, { ok: true }> | Refused> {
    const { address: perAddress, maxBody, grantTypes, mode } = this.#options
    if (perAddress !== undefined) {
      const limited = await limit(perAddress, track.address as string, 1)
      if (limited !== undefined) return this.#refuse(limited, track)
    }
    const form = await readForm(request, maxBody)
    if (form instanceof Denial) return this.#refuse(form, track)
    const grant_type = form.get('grant_type')
    if (grant_type === undefined)
      return this.#refuse(new Denial('parameter_missing', { name: 'grant_type' }), track)
    const isGrant = grant_type === JWT_BEARER
    const assertion = form.get('assertion')
    const authorization = request.headers.get('authorization')
    track.header = authorization !== null
    const credentials = findCredentials(form, authorization)
    if (credentials instanceof Denial) return this.#refuse(credentials, track)
    if (!grantTypes.has(grant_type)) return this.#refuse(new Denial('grant_type_unsupported'), track)
    track.grant_type = grant_type
    if (isGrant && assertion === undefined)
      return this.#refuse(new Denial('parameter_missing', { name: 'assertion' }), track)

    const client = await this.#authenticate(credentials, form, track)
    if (client instanceof Refused) return client
    if (client === undefined && (mode === 'required' || grant_type === 'client_credentials'))
      return this.#refuse(new Denial('client_authentication_required'), track)
    if (client !== undefined && !mayUse(client, grant_type))
      return this.#refuse(new Denial('grant_type_not_registered'), track)
    const params = form.rest({ assertion: isGrant ? 'judged' : 'unread' })
    if (!isGrant) return { ok: true, grant_type, ...(client === undefined ? {} : { client }), params }

    track.purpose = 'authorization-grant'
    const grant = await this.#grant(assertion as string, client, form, request, track)
    if (grant instanceof Refused) return grant
    track.issuer = grant.issuer
    if (client !== undefined) return { ok: true, grant_type, client, grant, params }
    if (mode !== 'implicit') return { ok: true, grant_type, grant, params }
    const issuer = await this.#implicit(grant.issuer, track)
    if (issuer instanceof Refused) return issuer
    return { ok: true, grant_type, client: issuer, grant, params }
  }

  /** `undefined` when there are no credentials. Credentials which are there must be right (RFC 7521 §4.1, RFC 7523 §3.1). */
  async #authenticate(
    credentials: ClientCredentials,
    form: Form,
    track: Track,
  ): Promise<AuthenticatedClient | undefined | Refused> {
    const { clients, secrets } = this.#options
    if (credentials.kind === 'none') return undefined
    track.method = credentials.kind === 'assertion' ? 'assertion' : credentials.method
    const claimed =
      credentials.kind === 'secret'
        ? credentials.client_id
        : this.#options.failures === undefined
          ? ''
          : claimedIssuer(credentials.assertion)
    return this.#counting('client', claimed, track, async () => {
      if (credentials.kind === 'secret') {
        if (secrets === undefined) return this.#refuse(new Denial('authentication_method_unsupported'), track)
        const { client_id, secret, method } = credentials
        if (client_id.length > MAX_NAME_LENGTH) return this.#refuse(new Denial('client_secret_wrong'), track)
        let right: unknown
        try {
          right = await withDeadline(SECRET_DEADLINE, () => secrets(client_id, secret, method))
        } catch (cause) {
          return this.#refuse(new Denial('secrets_failed', { cause }), track)
        }
        if (right !== true) return this.#refuse(new Denial('client_secret_wrong'), track)
        track.client_id = client_id
        return Object.freeze({ client_id, method })
      }
      if (clients === undefined) return this.#refuse(new Denial('authentication_method_unsupported'), track)
      const result = await clients.verify(credentials.assertion, { client_id: form.get('client_id') })
      if (!result.ok) return new Refused(result.error)
      const { client_id, method, client } = result
      track.client_id = client_id
      track.method = method
      return Object.freeze({ client_id, method, client })
    })
  }

  async #grant(
    assertion: string,
    client: AuthenticatedClient | undefined,
    form: Form,
    request: Request,
    track: Track,
  ): Promise<Extract<GrantResult<unknown>, { ok: true }> | Refused> {
    const { failures, mode } = this.#options
    const grants = this.#options.grants as GrantVerifier<unknown>
    const implicit = mode === 'implicit'
    const claimed = failures === undefined && !implicit ? '' : claimedIssuer(assertion)
    return this.#counting('grant', claimed, track, async () => {
      // The issuer of the grant is the client: it cannot be another than the one which authenticated, nor than the
      // parameter names (RFC 7521 §4.2), which an application may read.
      const named = client?.client_id ?? form.get('client_id')
      if (implicit && named !== undefined && claimed !== named)
        return this.#refuse(new Denial('client_mismatch'), track)
      const result = await grants.verify(assertion, { client_id: client?.client_id, request })
      return result.ok ? result : new Refused(result.error)
    })
  }

  /** The issuer of a verified grant as the client: what is registered under its name holds for it here as well. */
  async #implicit(client_id: string, track: Track): Promise<AuthenticatedClient | Refused> {
    track.client_id = client_id
    track.method = 'implicit'
    const client = await this.#options.registry?.(client_id)
    if (client instanceof Denial) return this.#refuse(client, track)
    const method = 'implicit' as const
    const issuer = Object.freeze(client === undefined ? { client_id, method } : { client_id, method, client })
    return mayUse(issuer, JWT_BEARER) ? issuer : this.#refuse(new Denial('grant_type_not_registered'), track)
  }

  /** Refuses who failed too often, and counts a failure which is the party's own. */
  async #counting<T>(
    what: 'client' | 'grant',
    claimed: string,
    track: Track,
    work: () => Promise<T | Refused>,
  ): Promise<T | Refused> {
    const { failures } = this.#options
    if (failures === undefined) return work()
    const key = await failureKey(what, claimed, track.address as string)
    const locked = await limit(failures, key, 0)
    if (locked !== undefined) return this.#refuse(locked, track)
    const verdict = await work()
    const failed = verdict instanceof Refused
    if (failed && verdict.error.status === 503) return verdict
    // A success asks again: of guesses sent at once each was let in before another was counted.
    const limited = await limit(failures, key, failed ? 1 : 0)
    return limited === undefined ? verdict : this.#refuse(limited, track)
  }

  #refuse(denial: Denial, track: Track): Refused {
    const basicRealm = track.header === true ? this.#options.realm : undefined
    return new Refused(toAssertionError(denial, { purpose: track.purpose, basicRealm }))
  }

  #audit(code: TokenRequestEvent['code'], track: Track): void {
    const { onAudit } = this.#options
    if (onAudit === undefined) return
    const { grant_type, client_id, issuer, method, address, started } = track
    try {
      const observed: unknown = onAudit(
        Object.freeze({
          code,
          grant_type,
          client_id,
          issuer,
          method,
          address,
          ms: performance.now() - started,
        }),
      )
      // An observer which fails must not cost a request its verdict, nor the process its life.
      dismiss(observed)
    } catch {}
  }
}

function mayUse({ client }: AuthenticatedClient, grant_type: string): boolean {
  return client?.grant_types?.includes(grant_type) ?? true
}

/** A refusal on its way out of the endpoint, told from every value. */
class Refused {
  readonly error: AssertionError
  constructor(error: AssertionError) {
    this.error = error
  }
}
