import { asChallengeText, type HeaderList } from './response/challenge.ts'

/**
 * What a refusal needs: its HTTP status; what the client is told, fixed, so that nothing a token says can reach a
 * header, a body or a log; the registered `error` of the challenge (RFC 6750 §3.1), where the RFC wants one.
 */
export const REFUSALS = {
  // The request.
  no_credentials: [401, 'An access token is required'],
  credentials_malformed: [400, 'The Authorization header field is malformed', 'invalid_request'],
  // The form of the token.
  token_too_large: [401, 'The access token is too large', 'invalid_token'],
  token_opaque: [401, 'The access token is not a JWT', 'invalid_token'],
  token_encrypted: [401, 'Encrypted access tokens are not accepted here', 'invalid_token'],
  token_malformed: [401, 'The access token is not a well-formed JWT', 'invalid_token'],
  header_malformed: [401, 'The header of the access token is malformed', 'invalid_token'],
  claims_malformed: [401, 'The claims of the access token are malformed', 'invalid_token'],
  // The header.
  type_mismatch: [401, 'The token is not an access token: its typ is not at+jwt', 'invalid_token'],
  algorithm_not_allowed: [
    401,
    'The signature algorithm of the access token is not accepted here',
    'invalid_token',
  ],
  critical_header_unknown: [
    401,
    'The access token demands a header extension which is not understood here',
    'invalid_token',
  ],
  // The issuer and its keys.
  issuer_not_trusted: [401, 'The issuer of the access token is not trusted here', 'invalid_token'],
  kid_unknown: [401, 'The key of the access token is not among the keys of its issuer', 'invalid_token'],
  kid_unknown_throttled: [
    401,
    'The key of the access token is not among the known keys of its issuer',
    'invalid_token',
  ],
  key_unsuitable: [401, 'The issuer has no key for the algorithm of the access token', 'invalid_token'],
  key_retired: [401, 'The key of the access token is no longer trusted', 'invalid_token'],
  signature_invalid: [401, 'The signature of the access token is not valid', 'invalid_token'],
  // The claims.
  token_expired: [401, 'The access token expired', 'invalid_token'],
  token_not_yet_valid: [401, 'The access token is not valid yet', 'invalid_token'],
  token_lifetime_exceeded: [
    401,
    'The access token is valid for longer than is accepted here',
    'invalid_token',
  ],
  audience_mismatch: [401, 'The access token is meant for another audience', 'invalid_token'],
  claim_missing: [401, 'The access token lacks a required claim', 'invalid_token'],
  claim_invalid: [401, 'A claim of the access token has the wrong type or value', 'invalid_token'],
  not_an_access_token: [401, 'The token carries claims of another kind of token', 'invalid_token'],
  claims_schema_mismatch: [
    401,
    'The claims of the access token do not have the form which this API needs',
    'invalid_token',
  ],
  token_revoked: [401, 'The access token was revoked', 'invalid_token'],
  // The sender constraint.
  binding_not_supported: [
    401,
    'The access token is bound to a key whose possession cannot be checked here',
    'invalid_token',
  ],
  // The policy.
  missing_scope: [403, 'The access token lacks a scope which this resource needs', 'insufficient_scope'],
  policy_denied: [403, 'The access token does not grant access to this resource'],
  // Not the client's fault.
  issuer_unreachable: [503, 'The keys of the issuer cannot be had at the moment'],
  issuer_metadata_unusable: [503, 'The metadata or the keys of the issuer cannot be used'],
  issuer_resolver_failed: [503, 'The issuers of this API cannot be looked up at the moment'],
  revocation_unavailable: [503, 'Whether the access token was revoked cannot be found out at the moment'],
} as const

/** A reason for which a request is refused; a key of {@link ERRORS}. */
export type ErrorCode = keyof typeof REFUSALS

/** Apart from {@link REFUSALS}, because only readers of {@link ERRORS} need them: other bundles do without. */
const SECTIONS = {
  no_credentials: 'RFC 6750 §3.1',
  credentials_malformed: 'RFC 6750 §2.1',
  token_too_large: 'RFC 6750 §3.1',
  token_opaque: 'RFC 9068 §4',
  token_encrypted: 'RFC 9068 §4',
  token_malformed: 'RFC 7519 §7.2',
  header_malformed: 'RFC 7515 §4',
  claims_malformed: 'RFC 7519 §7.2',
  type_mismatch: 'RFC 9068 §4',
  algorithm_not_allowed: 'RFC 8725 §3.1',
  critical_header_unknown: 'RFC 7515 §4.1.11',
  issuer_not_trusted: 'RFC 9068 §4',
  kid_unknown: 'RFC 7515 §4.1.4',
  kid_unknown_throttled: 'RFC 7515 §4.1.4',
  key_unsuitable: 'RFC 8725 §3.1',
  key_retired: 'RFC 9068 §4',
  signature_invalid: 'RFC 9068 §4',
  token_expired: 'RFC 7519 §4.1.4',
  token_not_yet_valid: 'RFC 7519 §4.1.5',
  token_lifetime_exceeded: 'RFC 9068 §4',
  audience_mismatch: 'RFC 9068 §4',
  claim_missing: 'RFC 9068 §2.2',
  claim_invalid: 'RFC 9068 §2.2',
  not_an_access_token: 'RFC 8725 §3.12',
  claims_schema_mismatch: 'RFC 9068 §2.2',
  token_revoked: 'RFC 6750 §3.1',
  binding_not_supported: 'RFC 7800 §3.1',
  missing_scope: 'RFC 6750 §3.1',
  policy_denied: 'RFC 9068 §4',
  issuer_unreachable: 'RFC 9110 §15.6.4',
  issuer_metadata_unusable: 'RFC 8414 §3.3',
  issuer_resolver_failed: 'RFC 9110 §15.6.4',
  revocation_unavailable: 'RFC 9110 §15.6.4',
} as const

type ErrorRow<Code extends ErrorCode> = {
  /** HTTP status of the refusal. */
  readonly status: (typeof REFUSALS)[Code][0]
  /** What the client is told. */
  readonly text: (typeof REFUSALS)[Code][1]
  /** Where the rule stands. */
  readonly spec: (typeof SECTIONS)[Code]
} & ((typeof REFUSALS)[Code] extends readonly [unknown, unknown, infer WireError]
  ? {
      /** The registered `error` value of the challenge, RFC 6750 §3.1; absent where the RFC wants none. */
      readonly error: WireError
    }
  : {})

/**
 * Every reason for which a request is refused: status, registered wire `error`, text and section. Nothing else
 * decides a status. Codes are facts in snake_case and are never renamed.
 *
 * @see [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)
 */
export const ERRORS: { readonly [Code in ErrorCode]: ErrorRow<Code> } = /* @__PURE__ */ tableOfErrors()

function tableOfErrors(): typeof ERRORS {
  const rows = Object.entries(REFUSALS).map(([code, [status, text, error]]) => {
    const spec = SECTIONS[code as ErrorCode]
    return [code, Object.freeze(error === undefined ? { status, text, spec } : { status, error, text, spec })]
  })
  return Object.freeze(Object.fromEntries(rows)) as typeof ERRORS
}

/** What a refusal needs beside its code to be answered over HTTP. */
export interface AnswerParts {
  /** Complete header fields of the answer. */
  readonly headers: HeaderList
  /** The body, RFC 9457. */
  readonly body: string
}

/** Details which some codes carry. None of them is token data: a claim is named, never quoted. */
export interface ErrorDetails {
  /** The name of the claim at fault; always a name of a rule, never one that a token chose. */
  readonly claim?: string | undefined
  /** Seconds after which a retry makes sense, for the codes with status 503. */
  readonly retryAfter?: number | undefined
  /** All scopes which the resource needs, for `missing_scope`. */
  readonly scope?: readonly string[] | undefined
  /** The failure of another party (a resolver, a hook); never of token data. */
  readonly cause?: unknown
}

const brand: unique symbol = Symbol.for('@atjwt/core AuthorizationError')

/**
 * A refused request: what `verify` and `demand` throw, and `authorize` returns.
 *
 * `status` and `headers` are what the default error handlers of Express and Koa read, `getResponse()` is what Hono's
 * reads; so a thrown error is answered rightly everywhere. It never holds the token, a claim's value or a key, and
 * has no stack frames: they would cost more than the verdict.
 *
 * @see [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)
 */
export class AuthorizationError<Code extends ErrorCode = ErrorCode> extends Error {
  /** The reason. */
  declare readonly code: Code
  /** The HTTP status of the refusal. */
  declare readonly status: (typeof REFUSALS)[Code][0]
  /** The name of the claim at fault, where there is one. */
  declare readonly claim?: string
  /** Seconds after which a retry makes sense; for status 503. */
  declare readonly retryAfter?: number
  readonly #answer: (error: AnyAuthorizationError) => AnswerParts
  #made: AnswerParts | undefined

  /** @internal Errors are made by verification; the answer is built only when it is read. */
  constructor(code: Code, details: ErrorDetails, answer: (error: AnyAuthorizationError) => AnswerParts) {
    const [status, text] = REFUSALS[code]
    const { claim, retryAfter } = details
    // An own `cause` is not enumerable, so that no serializer of errors follows it by accident.
    super(claim === undefined ? text : `${text}: ${asChallengeText(claim)}`, details)
    this.code = code
    this.status = status
    if (claim !== undefined) this.claim = claim
    if (retryAfter !== undefined) this.retryAfter = retryAfter
    this.#answer = answer
  }

  static {
    Object.defineProperties(this.prototype, {
      name: { value: 'AuthorizationError', configurable: true, writable: true },
      [brand]: { value: true },
    })
  }

  /** @internal The complete answer. */
  get answer(): AnswerParts {
    return (this.#made ??= this.#answer(this as unknown as AnyAuthorizationError))
  }

  /** The header fields of the answer; two challenges are joined by a comma, as RFC 9110 §11.6.1 allows. */
  get headers(): Readonly<Record<string, string>> {
    const headers: Record<string, string> = {}
    for (const [name, value] of this.answer.headers) {
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
    }
    return headers
  }

  /** Koa's CORS middleware assigns the fields of an error that passes it, to save its own from the error handler. */
  set headers(headers: Readonly<Record<string, string>>) {
    Object.defineProperty(this, 'headers', { value: headers, configurable: true, writable: true })
  }

  /** The complete answer as a WHATWG `Response`. */
  getResponse(): Response {
    const { headers, body } = this.answer
    return new Response(body, { status: this.status, headers })
  }

  /** Whether `value` is an `AuthorizationError`, also one of another copy of this package. */
  static is(value: unknown): value is AnyAuthorizationError {
    return typeof value === 'object' && value !== null && brand in value
  }
}

/** The union over all codes, for an exhaustive `switch (error.code)`. */
export type AnyAuthorizationError = { [Code in ErrorCode]: AuthorizationError<Code> }[ErrorCode]

/**
 * A verdict on its way out of the verification: thrown below `authorize`, turned into an {@link AuthorizationError}
 * by the resource server, which alone knows realm and challenge. No stack frames: a flood of bad tokens must not be
 * dearer than good ones.
 */
export class Refusal {
  readonly code: ErrorCode
  readonly details: ErrorDetails
  constructor(code: ErrorCode, details: ErrorDetails = noDetails) {
    this.code = code
    this.details = details
  }
}
const noDetails: ErrorDetails = Object.freeze({})
