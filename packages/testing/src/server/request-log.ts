/** A request as the front page shows it: nothing of a token, an assertion or a secret. */
export interface RequestEntry {
  readonly time: string
  readonly method: string
  readonly path: string
  readonly status: number
  /** The grant type and the verdict, where there is one. */
  readonly what: string
}

/** The last requests to one issuer. */
export class RequestLog {
  readonly #max: number
  #entries: readonly (RequestEntry & { readonly tenant: string })[] = []

  constructor(max: number) {
    this.#max = max
  }

  add(tenant: string, entry: RequestEntry): void {
    this.#entries = [{ tenant, ...entry }, ...this.#entries].slice(0, this.#max)
  }

  of(tenant: string): readonly RequestEntry[] {
    return this.#entries.filter((entry) => entry.tenant === tenant)
  }
}
