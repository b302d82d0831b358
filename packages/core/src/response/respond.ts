import {
  type AnswerParts,
  type AnyAuthorizationError,
  AuthorizationError,
  type Refusal,
  REFUSALS,
} from '../errors.ts'
import { dismiss } from '../internal/promise.ts'
import { withoutStack } from '../internal/stack.ts'
import type { ResourceRequest } from '../request.ts'
import { bearerChallenge, type HeaderList, PRINTABLE } from './challenge.ts'

/** A refusal as an HTTP answer. On the web: `new Response(r.body, r)`. */
export interface ErrorResponse {
  readonly status: 400 | 401 | 403 | 503
  readonly headers: HeaderList
  readonly body: string
}

/** What a resource server adds to its refusals. */
export interface RefusalStyle {
  /** A quoted-string. */
  readonly realm: string
  readonly refusal:
    | ((
        error: AnyAuthorizationError,
        request: ResourceRequest,
      ) => { contentType: string; body: string } | undefined)
    | undefined
}

const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  503: 'Service Unavailable',
} as const

/**
 * Makes the error of a refusal. Its answer is built when it is read; `request` is given to the application's `refusal`
 * hook, which is not asked for tokens that came without a request.
 *
 * @param varies whether the resource answers also without credentials, so that a cache must tell the two apart
 */
export function toError(
  refusal: Refusal,
  style: RefusalStyle,
  request: ResourceRequest | undefined,
  varies: boolean,
): AnyAuthorizationError {
  let asks = request
  return withoutStack(
    () =>
      new AuthorizationError(refusal.code, refusal.details, (error) => {
        const asked = asks
        // The hook may read the error that it is given, which has the standard answer until it has another.
        asks = undefined
        return answer(error, refusal, style, asked, varies)
      }) as AnyAuthorizationError,
  )
}

/** @param request what the hook is asked about, if it is asked */
function answer(
  error: AnyAuthorizationError,
  { details }: Refusal,
  style: RefusalStyle,
  request: ResourceRequest | undefined,
  varies: boolean,
): AnswerParts {
  const { status, code, message } = error
  const headers: HeaderList = [
    status === 503
      ? ['Retry-After', String(details.retryAfter ?? 1)]
      : ['WWW-Authenticate', bearerChallenge(style.realm, REFUSALS[code][2], message, details.scope)],
    // A refusal is about one request at one moment.
    ['Cache-Control', 'no-store'],
  ]
  if (varies) headers.push(['Vary', 'Authorization'])
  const own = request === undefined ? undefined : ownBody(style.refusal?.(error, request))
  const { contentType, body } = own ?? {
    // RFC 9457. The code is the stable part; the detail is the text of the code, never of the token.
    contentType: 'application/problem+json',
    body: JSON.stringify({ title: TITLES[status], status, detail: message, code }),
  }
  headers.push(['Content-Type', contentType])
  return { headers, body }
}

/**
 * What the application returned is looked at before a framework gets it: the type goes into a header field, which it
 * must not end, and a body that is no string would make another answer of the refusal (Koa turns `null` into 204).
 */
function ownBody(own: unknown): { contentType: string; body: string } | undefined {
  if (own === undefined) return undefined
  dismiss(own)
  const { contentType, body } = (own ?? {}) as { contentType?: unknown; body?: unknown }
  if (typeof contentType !== 'string' || !PRINTABLE.test(contentType) || typeof body !== 'string') {
    throw new TypeError(
      'Cannot use refusal: it must return at once a contentType of printable ASCII and a body',
    )
  }
  return { contentType, body }
}
