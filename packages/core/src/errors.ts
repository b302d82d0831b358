import { asChallengeText, type HeaderList } from './response/challenge.ts'

interface ErrorRow {
  /** HTTP status of the refusal. */
  readonly status: 400 | 401 | 403 | 503
  /** The registered `error` value of the challenge, RFC 6750 §3.1; absent where the RFC wants none. */
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope'
  /** What the client is told; fixed, so that nothing a token says can reach a header, a body or a log. */
  readonly text: string
  /** Where the rule stands. */
  readonly spec: string
}

/**
 * Every reason for which a request is refused: status, registered wire `error`, text and section. Nothing else
 * decides a status. Codes are facts in snake_case and are never renamed.
 *
 * @see [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)
 */
export const ERRORS = {
  // The request.
  no_credentials: { status: 401, text: 'An access token is required', spec: 'RFC 6750 §3.1' },
  credentials_malformed: {
    status: 400,
    error: 'invalid_request',
    text: 'The Authorization header field is malformed',
    spec: 'RFC 6750 §2.1',
  },
  // The form of the token.
  token_too_large: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token is too large',
    spec: 'RFC 6750 §3.1',
  },
  token_opaque: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token is not a JWT',
    spec: 'RFC 9068 §4',
  },
  token_encrypted: {
    status: 401,
    error: 'invalid_token',
    text: 'Encrypted access tokens are not accepted here',
    spec: 'RFC 9068 §4',
  },
  token_malformed: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token is not a well-formed JWT',
    spec: 'RFC 7519 §7.2',
  },
  header_malformed: {
    status: 401,
    error: 'invalid_token',
    text: 'The header of the access token is malformed',
    spec: 'RFC 7515 §4',
  },
  claims_malformed: {
    status: 401,
    error: 'invalid_token',
    text: 'The claims of the access token are malformed',
    spec: 'RFC 7519 §7.2',
  },
  // The header.
  type_mismatch: {
    status: 401,
    error: 'invalid_token',
    text: 'The token is not an access token: its typ is not at+jwt',
    spec: 'RFC 9068 §4',
  },
  algorithm_not_allowed: {
    status: 401,
    error: 'invalid_token',
    text: 'The signature algorithm of the access token is not accepted here',
    spec: 'RFC 8725 §3.1',
  },
  critical_header_unknown: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token demands a header extension which is not understood here',
    spec: 'RFC 7515 §4.1.11',
  },
  // The issuer and its keys.
  issuer_not_trusted: {
    status: 401,
    error: 'invalid_token',
    text: 'The issuer of the access token is not trusted here',
    spec: 'RFC 9068 §4',
  },
  kid_unknown: {
    status: 401,
    error: 'invalid_token',
    text: 'The key of the access token is not among the keys of its issuer',
    spec: 'RFC 7515 §4.1.4',
  },
  kid_unknown_throttled: {
    status: 401,
    error: 'invalid_token',
    text: 'The key of the access token is not among the known keys of its issuer',
    spec: 'RFC 7515 §4.1.4',
  },
  key_unsuitable: {
    status: 401,
    error: 'invalid_token',
    text: 'The issuer has no key for the algorithm of the access token',
    spec: 'RFC 8725 §3.1',
  },
  key_retired: {
    status: 401,
    error: 'invalid_token',
    text: 'The key of the access token is no longer trusted',
    spec: 'RFC 9068 §4',
  },
  signature_invalid: {
    status: 401,
    error: 'invalid_token',
    text: 'The signature of the access token is not valid',
    spec: 'RFC 9068 §4',
  },
  // The claims.
  token_expired: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token expired',
    spec: 'RFC 7519 §4.1.4',
  },
  token_not_yet_valid: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token is not valid yet',
    spec: 'RFC 7519 §4.1.5',
  },
  token_lifetime_exceeded: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token is valid for longer than is accepted here',
    spec: 'RFC 9068 §4',
  },
  audience_mismatch: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token is meant for another audience',
    spec: 'RFC 9068 §4',
  },
  claim_missing: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token lacks a required claim',
    spec: 'RFC 9068 §2.2',
  },
  claim_invalid: {
    status: 401,
    error: 'invalid_token',
    text: 'A claim of the access token has the wrong type or value',
    spec: 'RFC 9068 §2.2',
  },
  not_an_access_token: {
    status: 401,
    error: 'invalid_token',
    text: 'The token carries claims of another kind of token',
    spec: 'RFC 8725 §3.12',
  },
  claims_schema_mismatch: {
    status: 401,
    error: 'invalid_token',
    text: 'The claims of the access token do not have the form which this API needs',
    spec: 'RFC 9068 §2.2',
  },
  token_revoked: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token was revoked',
    spec: 'RFC 6750 §3.1',
  },
  // The sender constraint.
  binding_not_supported: {
    status: 401,
    error: 'invalid_token',
    text: 'The access token is bound to a key whose possession cannot be checked here',
    spec: 'RFC 7800 §3.1',
  },
  // The policy.
  missing_scope: {
    status: 403,
    error: 'insufficient_scope',
    text: 'The access token lacks a scope which this resource needs',
    spec: 'RFC 6750 §3.1',
  },
  policy_denied: {
    status: 403,
    text: 'The access token does not grant access to this resource',
    spec: 'RFC 9068 §4',
  },
  // Not the client's fault.
  issuer_unreachable: {
    status: 503,
    text: 'The keys of the issuer cannot be had at the moment',
    spec: 'RFC 9110 §15.6.4',
  },
  issuer_metadata_unusable: {
    status: 503,
    text: 'The metadata or the keys of the issuer cannot be used',
    spec: 'RFC 8414 §3.3',
  },
  issuer_resolver_failed: {
    status: 503,
    text: 'The issuers of this API cannot be looked up at the moment',
    spec: 'RFC 9110 §15.6.4',
  },
  revocation_unavailable: {
    status: 503,
    text: 'Whether the access token was revoked cannot be found out at the moment',
    spec: 'RFC 9110 §15.6.4',
  },
} as const
for (const row of Object.values(ERRORS)) Object.freeze(row)
Object.freeze(ERRORS)

/** A reason for which a request is refused; a key of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS

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
  readonly code: Code
  /** The HTTP status of the refusal. */
  readonly status: (typeof ERRORS)[Code]['status']
  /** The name of the claim at fault, where there is one. */
  declare readonly claim?: string
  /** Seconds after which a retry makes sense; for status 503. */
  declare readonly retryAfter?: number
  readonly #answer: () => AnswerParts
  #made: AnswerParts | undefined

  /** @internal Errors are made by verification; the answer is built only when it is read. */
  constructor(code: Code, details: ErrorDetails, answer: (error: AuthorizationError<Code>) => AnswerParts) {
    const row: ErrorRow = ERRORS[code]
    super(details.claim === undefined ? row.text : `${row.text}: ${asChallengeText(details.claim)}`)
    this.code = code
    this.status = row.status
    if (details.claim !== undefined) this.claim = details.claim
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter
    if (details.cause !== undefined) {
      // Not enumerable, so that no serializer of errors follows it by accident.
      Object.defineProperty(this, 'cause', { value: details.cause, configurable: true, writable: true })
    }
    this.#answer = () => answer(this)
  }

  static {
    Object.defineProperty(this.prototype, 'name', {
      value: 'AuthorizationError',
      configurable: true,
      writable: true,
    })
    Object.defineProperty(this.prototype, brand, { value: true })
  }

  /** @internal The complete answer. */
  get answer(): AnswerParts {
    return (this.#made ??= this.#answer())
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
