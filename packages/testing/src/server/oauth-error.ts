/** An error of RFC 6749 §5.2 and of the RFCs which add to its list. */
export class OAuthProblem extends Error {
  readonly error: string
  readonly status: 400 | 401

  constructor(error: string, description: string, status: 400 | 401 = 400) {
    super(description)
    this.error = error
    this.status = status
  }

  toResponse(): Response {
    return Response.json(
      { error: this.error, error_description: this.message },
      { status: this.status, headers: NO_STORE },
    )
  }
}

/** RFC 6749 §5.1. */
export const NO_STORE: Readonly<Record<string, string>> = { 'cache-control': 'no-store', pragma: 'no-cache' }
