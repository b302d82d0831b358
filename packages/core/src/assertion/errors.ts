import type { ErrorCode, Refusal } from '../errors.ts'
import type { HeaderList } from '../response/challenge.ts'

/** What an assertion is presented for: the two uses of RFC 7523. */
export type Purpose = 'client-authentication' | 'authorization-grant'

/** The `error` values of RFC 6749 §5.2, and the one of §4.1.2.1 for what is nobody's fault. */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'temporarily_unavailable'

/** A reason for which an assertion or a token request is refused; a key of {@link ASSERTION_ERRORS}. */
export type AssertionErrorCode =
  | 'assertion_too_large'
  | 'assertion_malformed'
  | 'assertion_encrypted'
  | 'header_malformed'
  | 'claims_malformed'
  | 'critical_header_unknown'
  | 'type_mismatch'
  | 'not_an_assertion'
  | 'algorithm_not_allowed'
  | 'claim_missing'
  | 'claim_invalid'
  | 'subject_mismatch'
  | 'audience_mismatch'
  | 'assertion_expired'
  | 'assertion_not_yet_valid'
  | 'assertion_replayed'
  | 'client_unknown'
  | 'client_mismatch'
  | 'client_misconfigured'
  | 'issuer_not_trusted'
  | 'issuer_misconfigured'
  | 'lifetime_exceeded'
  | 'jti_required'
  | 'key_unsuitable'
  | 'key_retired'
  | 'kid_unknown'
  | 'kid_unknown_throttled'
  | 'signature_invalid'
  | 'subject_unknown'
  | 'binding_not_supported'
  | 'binding_unproven'
  | 'issuer_unreachable'
  | 'resolver_failed'
  | 'subject_lookup_failed'
  | 'confirmation_failed'
  | 'replay_store_failed'
  | 'method_not_allowed'
  | 'content_type_not_accepted'
  | 'body_too_large'
  | 'body_malformed'
  | 'parameter_missing'
  | 'parameter_repeated'
  | 'parameter_in_query'
  | 'several_authentication_methods'
  | 'grant_type_unsupported'
  | 'grant_type_not_registered'
  | 'client_authentication_required'
  | 'authentication_method_unsupported'
  | 'credentials_malformed'
  | 'client_secret_wrong'
  | 'secrets_failed'
  | 'rate_limited'
  | 'rate_limiter_failed'

/** What a code of {@link ASSERTION_ERRORS} comes to. */
export interface AssertionErrorRow {
  /** HTTP status; that of a bad assertion is said by its purpose: 401 for a client, 400 for a grant. */
  readonly status: 400 | 401 | 405 | 413 | 429 | 503 | 'by purpose'
  readonly error: OAuthError | 'by purpose'
  /** What the client is told; fixed, so that nothing an assertion says can reach an answer or a log. */
  readonly text: string
  readonly spec: string
}

/**
 * One text for everything that depends on who issued an assertion: whether an issuer or a client is known here, how it
 * is set up and which keys it has is nothing that a stranger learns from an answer.
 */
const NOT_ACCEPTED = 'The assertion is not accepted'
const UNAVAILABLE = 'The request cannot be judged at the moment'

const assertion = (text: string, spec: string): AssertionErrorRow => ({
  status: 'by purpose',
  error: 'by purpose',
  text,
  spec,
})
const request = (text: string, spec: string): AssertionErrorRow => ({
  status: 400,
  error: 'invalid_request',
  text,
  spec,
})
const unavailable = (): AssertionErrorRow => ({
  status: 503,
  error: 'temporarily_unavailable',
  text: UNAVAILABLE,
  spec: 'RFC 9110 §15.6.4',
})

/**
 * Every reason for which an assertion or a token request is refused: status, `error` of the answer, text and section.
 * Codes are facts in snake_case and are never renamed; the texts are what strangers see, the codes are for the operator.
 *
 * @see [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 * @see [RFC 7523 §3.1, §3.2](https://www.rfc-editor.org/rfc/rfc7523#section-3.1)
 */
export const ASSERTION_ERRORS: Readonly<Record<AssertionErrorCode, AssertionErrorRow>> = {
  // The form of the assertion.
  assertion_too_large: assertion('The assertion is too large', 'RFC 7523 §3'),
  assertion_malformed: assertion('The assertion is not a well-formed signed JWT', 'RFC 7523 §3'),
  assertion_encrypted: assertion('Encrypted assertions are not accepted here', 'RFC 7523 §3'),
  header_malformed: assertion('The header of the assertion is malformed', 'RFC 7515 §4'),
  claims_malformed: assertion('The claims of the assertion are malformed', 'RFC 7519 §7.2'),
  critical_header_unknown: assertion(
    'The assertion demands a header extension which is not understood here',
    'RFC 7515 §4.1.11',
  ),
  // What the assertion is.
  type_mismatch: assertion('The JWT is of another type than is accepted here', 'RFC 8725 §3.11'),
  not_an_assertion: assertion('The JWT is of another kind than is accepted here', 'RFC 8725 §3.12'),
  algorithm_not_allowed: assertion('The signature algorithm is not accepted here', 'RFC 8725 §3.1'),
  // Claims which are judged alike for everybody.
  claim_missing: assertion('The assertion lacks a required claim', 'RFC 7523 §3'),
  claim_invalid: assertion('A claim of the assertion has the wrong type or value', 'RFC 7523 §3'),
  subject_mismatch: assertion('iss and sub must both be the client_id', 'RFC 7523 §3'),
  audience_mismatch: assertion('The assertion is meant for another audience', 'RFC 7523 §3'),
  assertion_expired: assertion('The assertion expired', 'RFC 7523 §3'),
  assertion_not_yet_valid: assertion('The assertion is not valid yet', 'RFC 7523 §3'),
  assertion_replayed: assertion('The assertion was used before', 'RFC 7523 §3'),
  // Who issued it.
  client_unknown: assertion(NOT_ACCEPTED, 'RFC 7523 §3'),
  client_mismatch: assertion(NOT_ACCEPTED, 'RFC 7521 §4.2'),
  client_misconfigured: assertion(NOT_ACCEPTED, 'RFC 7523 §3'),
  issuer_not_trusted: assertion(NOT_ACCEPTED, 'RFC 7523 §3'),
  issuer_misconfigured: assertion(NOT_ACCEPTED, 'RFC 7523 §3'),
  lifetime_exceeded: assertion(NOT_ACCEPTED, 'RFC 7523 §3'),
  jti_required: assertion(NOT_ACCEPTED, 'RFC 7523 §3'),
  key_unsuitable: assertion(NOT_ACCEPTED, 'RFC 8725 §3.1'),
  key_retired: assertion(NOT_ACCEPTED, 'RFC 7523 §3'),
  kid_unknown: assertion(NOT_ACCEPTED, 'RFC 7515 §4.1.4'),
  kid_unknown_throttled: assertion(NOT_ACCEPTED, 'RFC 7515 §4.1.4'),
  signature_invalid: assertion(NOT_ACCEPTED, 'RFC 7523 §3'),
  subject_unknown: assertion(NOT_ACCEPTED, 'OAuth Identity Chaining §2.4.2'),
  binding_not_supported: assertion(NOT_ACCEPTED, 'RFC 7800 §3.1'),
  binding_unproven: assertion(NOT_ACCEPTED, 'RFC 7800 §3.1'),
  // Nobody's fault, and never a reason to accept.
  issuer_unreachable: unavailable(),
  resolver_failed: unavailable(),
  subject_lookup_failed: unavailable(),
  confirmation_failed: unavailable(),
  replay_store_failed: unavailable(),
  // The request to the token endpoint.
  method_not_allowed: {
    status: 405,
    error: 'invalid_request',
    text: 'The token endpoint is asked by POST',
    spec: 'RFC 6749 §3.2',
  },
  content_type_not_accepted: request(
    'The request must be application/x-www-form-urlencoded, in UTF-8 and not compressed',
    'RFC 6749 §4.1.3',
  ),
  body_too_large: {
    status: 413,
    error: 'invalid_request',
    text: 'The request is too large',
    spec: 'RFC 9110 §15.5.14',
  },
  body_malformed: request('The form of the request is malformed', 'RFC 6749 Appendix B'),
  parameter_missing: request('The request lacks a required parameter', 'RFC 6749 §5.2'),
  parameter_repeated: request('A parameter occurs more than once', 'RFC 6749 §3.2'),
  parameter_in_query: request('Parameters of the request must not stand in the URI', 'RFC 6749 §2.3.1'),
  several_authentication_methods: request(
    'The client uses more than one method to authenticate',
    'RFC 6749 §2.3',
  ),
  grant_type_unsupported: {
    status: 400,
    error: 'unsupported_grant_type',
    text: 'The grant type is not supported here',
    spec: 'RFC 6749 §5.2',
  },
  grant_type_not_registered: {
    status: 400,
    error: 'unauthorized_client',
    text: 'The client may not use this grant type',
    spec: 'RFC 6749 §5.2',
  },
  // The client, where it is no assertion that fails.
  client_authentication_required: {
    status: 401,
    error: 'invalid_client',
    text: 'The client must authenticate',
    spec: 'RFC 6749 §5.2',
  },
  authentication_method_unsupported: {
    status: 401,
    error: 'invalid_client',
    text: 'The client uses an authentication method which is not supported here',
    spec: 'RFC 6749 §5.2',
  },
  credentials_malformed: {
    status: 401,
    error: 'invalid_client',
    text: 'The credentials of the client are malformed',
    spec: 'RFC 6749 §2.3.1',
  },
  client_secret_wrong: {
    status: 401,
    error: 'invalid_client',
    text: 'The client could not be authenticated',
    spec: 'RFC 6749 §5.2',
  },
  secrets_failed: unavailable(),
  // Limits.
  rate_limited: {
    status: 429,
    error: 'temporarily_unavailable',
    text: 'There were too many requests',
    spec: 'RFC 6585 §4',
  },
  rate_limiter_failed: unavailable(),
}
for (const row of Object.values(ASSERTION_ERRORS)) Object.freeze(row)
Object.freeze(ASSERTION_ERRORS)

/** The HTTP statuses of refusals at a token endpoint. */
export type AssertionErrorStatus = 400 | 401 | 405 | 413 | 429 | 503

/** A refusal as an HTTP answer. On the web: `new Response(r.body, r)`. */
export interface AssertionErrorResponse {
  readonly status: AssertionErrorStatus
  readonly headers: HeaderList
  readonly body: string
}

/**
 * A refused assertion or token request: a value, not thrown. It holds nothing of the assertion: `client_id` and
 * `issuer` are there only when they are configured here, and are for the operator, not for the answer.
 *
 * @see [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 */
export interface AssertionError {
  /** The reason, for the operator. */
  readonly code: AssertionErrorCode
  /** The `error` of the answer. */
  readonly error: OAuthError
  readonly status: AssertionErrorStatus
  /** The `error_description` of the answer; fixed per code. */
  readonly message: string
  /** The complete answer. */
  readonly response: AssertionErrorResponse
  /** The claim or parameter at fault: always a name of a rule, never one that a client chose. */
  readonly name?: string
  /** The client which was claimed, when it is registered. Not authenticated. */
  readonly client_id?: string
  /** The issuer which was claimed, when it is trusted. Not verified. */
  readonly issuer?: string
  /** Seconds after which a retry makes sense; for statuses 429 and 503. */
  readonly retryAfter?: number
  /** What a hook of the application threw; not enumerable. */
  readonly cause?: unknown
}

/** What beside its code makes a refusal. */
export interface DenialDetails {
  readonly name?: string | undefined
  readonly client_id?: string | undefined
  readonly issuer?: string | undefined
  readonly retryAfter?: number | undefined
  readonly cause?: unknown
}

/** A refusal on its way out of the verification. */
export class Denial {
  readonly code: AssertionErrorCode
  readonly details: DenialDetails
  constructor(code: AssertionErrorCode, details: DenialDetails = {}) {
    this.code = code
    this.details = details
  }
}

const FROM_CORE: { readonly [Code in ErrorCode]?: AssertionErrorCode } = {
  token_malformed: 'assertion_malformed',
  token_opaque: 'assertion_malformed',
  token_encrypted: 'assertion_encrypted',
  header_malformed: 'header_malformed',
  critical_header_unknown: 'critical_header_unknown',
  algorithm_not_allowed: 'algorithm_not_allowed',
  type_mismatch: 'type_mismatch',
  kid_unknown: 'kid_unknown',
  kid_unknown_throttled: 'kid_unknown_throttled',
  key_unsuitable: 'key_unsuitable',
  issuer_unreachable: 'issuer_unreachable',
}

/** The refusals which the readers and key sources of access tokens make, as refusals of an assertion. */
export function denialOf(refusal: Refusal, purpose: Purpose, known: DenialDetails = {}): Denial {
  const { code, details } = refusal
  // A JWK Set that cannot be used is somebody's configuration; waiting does not mend it.
  const own =
    code === 'issuer_metadata_unusable'
      ? purpose === 'client-authentication'
        ? 'client_misconfigured'
        : 'issuer_misconfigured'
      : (FROM_CORE[code] ?? 'assertion_malformed')
  return new Denial(own, { ...known, retryAfter: details.retryAfter })
}

/** What an answer depends on beside its refusal. */
export interface AnswerStyle {
  readonly purpose: Purpose
  /** A quoted-string; there when the client used the `Authorization` header field (RFC 6749 §5.2). */
  readonly basicRealm?: string | undefined
}

/** The refusal with its answer; frozen. */
export function toAssertionError(denial: Denial, { purpose, basicRealm }: AnswerStyle): AssertionError {
  const { code, details } = denial
  const row = ASSERTION_ERRORS[code]
  const forClient = purpose === 'client-authentication'
  const status = row.status === 'by purpose' ? (forClient ? 401 : 400) : row.status
  const error = row.error === 'by purpose' ? (forClient ? 'invalid_client' : 'invalid_grant') : row.error
  const retryAfter =
    status === 429 || status === 503 ? Math.max(1, Math.ceil(details.retryAfter ?? 1)) : undefined
  const headers: HeaderList = []
  // RFC 6749 §5.2 wants the scheme which the client used; whoever authenticates in the body has none.
  if (status === 401 && basicRealm !== undefined)
    headers.push(['WWW-Authenticate', `Basic realm=${basicRealm}`])
  if (status === 405) headers.push(['Allow', 'POST'])
  if (retryAfter !== undefined) headers.push(['Retry-After', String(retryAfter)])
  headers.push(['Content-Type', 'application/json'], ['Cache-Control', 'no-store'], ['Pragma', 'no-cache'])
  const message = details.name === undefined ? row.text : `${row.text}: ${details.name}`
  const made: AssertionError = {
    code,
    error,
    status,
    message,
    response: Object.freeze({
      status,
      headers: Object.freeze(headers) as HeaderList,
      body: JSON.stringify({ error, error_description: message }),
    }),
    ...(details.name === undefined ? {} : { name: details.name }),
    ...(details.client_id === undefined ? {} : { client_id: details.client_id }),
    ...(details.issuer === undefined ? {} : { issuer: details.issuer }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  }
  if (details.cause !== undefined) Object.defineProperty(made, 'cause', { value: details.cause })
  return Object.freeze(made)
}
