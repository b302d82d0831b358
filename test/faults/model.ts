import { clock, createResourceServer, customFetch, type ResourceServer } from '@atjwt/core'

import {
  AUDIENCE,
  bearing,
  forger,
  inventedToken,
  ISSUER,
  type IssuerKey,
  JWKS_URL,
  jwksResponse,
  LIFETIME,
  makeKey,
  makeToken,
  METADATA_URL,
  metadataResponse,
  settle,
  START,
} from './virtual-issuer.ts'

/**
 * A reference model of the key engine, small enough to be read: which keys are known, by which moment a refresh is
 * due, and which fetches may be made. It is told of every exchange, and judges every answer and every fetch.
 */

/** One step of a history. */
export type Step =
  | { readonly kind: 'request'; readonly token: number }
  | { readonly kind: 'forged'; readonly kid: number }
  | { readonly kind: 'invented' }
  | { readonly kind: 'wait'; readonly seconds: number }
  /** The clock is set back or forward. */
  | { readonly kind: 'jump'; readonly seconds: number }
  | { readonly kind: 'publish'; readonly keys: readonly number[] }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'deliver' }
  | { readonly kind: 'ready-aborted' }
  | { readonly kind: 'revoke'; readonly kid: number }
  | { readonly kind: 'purge' }

export type Fault = 'none' | 'network' | 'status' | 'html' | 'no keys' | 'truncated'

const TTL = 600
const MAX_STALE = 1800
const DEADLINE = 5

/** Six keys; the last two share the name of the first two and are others. */
const keys: readonly IssuerKey[] = [
  makeKey('a'),
  makeKey('b'),
  makeKey('c'),
  makeKey('d'),
  makeKey('a'),
  makeKey('b'),
]
const forgeries: readonly string[] = keys.map(({ kid }) => makeToken(kid, forger))
export const KEYS: number = keys.length

interface Pending {
  readonly url: string
  readonly at: number
  readonly respond: () => void
  readonly fail: () => void
}

interface Known {
  keys: Set<number>
  fetchedAt: number
  /** Found to be from the future, by a clock that was set back. */
  due?: boolean
}

/** A history of one resource server and its issuer. */
export class History {
  now: number = START
  #published = new Set([0, 1])
  #fault: Fault = 'none'
  readonly #pending: Pending[] = []
  #known: Known | undefined
  readonly #revoked = new Set<number>()
  readonly #api: ResourceServer
  #invented = 0
  /** Verdicts which were judged. */
  requests = 0
  /** Fetches of the JWKS and of the metadata, with their times. */
  readonly fetches: number[] = []
  /** Attempts which failed since the last good one. */
  #failures = 0
  #lastFailure = Number.NEGATIVE_INFINITY
  /** Requests with an unknown kid, or a bad signature, which may have paid for a fetch. */
  #budget = 2
  #refilledAt = START
  /** Whether the attempt under way was paid for. */
  #paid = false
  /** The step in which the last exchange ended which may be followed by another of the same attempt. */
  #placeAskedIn = -1
  #steps = 0
  /** Who waits for a verdict, with the verdicts which were right at any time since. */
  readonly #waiting = new Set<{ readonly who: number | 'forged' | 'invented'; readonly right: Set<string> }>()
  readonly #divergences: string[] = []

  constructor() {
    this.#api = createResourceServer({
      issuer: ISSUER,
      audience: AUDIENCE,
      maxTokenLifetime: LIFETIME,
      maxStale: MAX_STALE,
      cache: { max: 4 },
      [clock]: () => this.now,
      [customFetch]: (input, init) => this.#fetch(String(input), init?.signal ?? undefined),
    })
  }

  /** Plays one step; throws at the first at which reality and model part. */
  async run(step: Step): Promise<void> {
    this.#steps += 1
    await this.#play(step)
    this.#note()
    const [divergence] = this.#divergences
    if (divergence !== undefined) throw new Error(`${divergence}, at ${JSON.stringify(step)}`)
  }

  async #play(step: Step): Promise<void> {
    switch (step.kind) {
      case 'request':
        return this.#request((keys[step.token] as IssuerKey).token, step.token)
      case 'forged':
        return this.#request(forgeries[step.kid] as string, 'forged')
      case 'invented':
        this.#invented += 1
        return this.#request(inventedToken(`invented-${this.#invented}`), 'invented')
      case 'wait':
        return this.#wait(step.seconds)
      case 'jump':
        this.now += step.seconds
        // The time that comes again fills the bucket again.
        if (step.seconds < 0) this.#budget = 2
        return undefined
      case 'publish':
        this.#published = new Set(step.keys.filter((key) => !this.#revoked.has(key)))
        if (this.#published.size === 0) this.#published.add(3)
        return undefined
      case 'fault':
        this.#fault = step.fault
        return undefined
      case 'deliver':
        return this.#deliver()
      case 'ready-aborted': {
        this.#read()
        this.#readying = true
        const abort = new AbortController()
        const ready = this.#api.ready(abort.signal)
        abort.abort(new Error('gone'))
        await ready.then(
          () => this.#fail('ready() resolved for a caller who had gone'),
          (error: Error) => {
            if (error.message !== 'gone') this.#fail(`ready() rejected with ${error.message}`)
          },
        )
        // A rehearsal, in which time stands still, takes no time.
        return settle()
      }
      case 'revoke':
        return this.#revoke(step.kid)
      case 'purge':
        // What it ends is given back to the budget.
        if (this.#paid && this.#pending.length > 0) this.#budget = Math.min(2, this.#budget + 1)
        this.#api.purge()
        this.#known = undefined
        this.#failures = 0
        // Who waits asks anew.
        return settle()
    }
  }

  /** Ends the history: everything under way is answered, and nobody is left waiting. */
  async end(): Promise<void> {
    while (this.#pending.length > 0) {
      this.#steps += 1
      // oxlint-disable-next-line no-await-in-loop -- one answer may ask for the next
      await this.#deliver()
    }
    await settle()
    if (this.#waiting.size > 0) this.#fail('a request was left waiting')
    await this.#api.close()
    if (this.#divergences.length > 0) throw new Error(this.#divergences[0])
  }

  /** What a token must get, by the keys which are known now. */
  #expected(who: number | 'forged' | 'invented'): readonly string[] {
    const known = this.#known
    if (known === undefined || this.now >= known.fetchedAt + TTL + MAX_STALE) {
      return ['issuer_unreachable', 'issuer_metadata_unusable']
    }
    const isKnown = (kid: string): boolean =>
      [...known.keys].some((key) => (keys[key] as IssuerKey).kid === kid)
    if (who === 'forged') return ['signature_invalid', ...UNKNOWN]
    if (who === 'invented') return UNKNOWN
    if (known.keys.has(who)) return ['authorized']
    return isKnown((keys[who] as IssuerKey).kid) ? ['signature_invalid'] : UNKNOWN
  }

  /** Somebody looks at the set: from the future, it lives as long as if it had come now. */
  #read(): void {
    const known = this.#known
    if (known === undefined || known.fetchedAt - this.now <= DEADLINE) return
    known.fetchedAt = this.now
    known.due = true
  }

  async #request(token: string, who: number | 'forged' | 'invented'): Promise<void> {
    this.#read()
    const before = this.#expected(who)
    const fetchesBefore = this.fetches.length
    let verdict: string | undefined
    const waiter = { who, right: new Set(before) }
    this.#waiting.add(waiter)
    void this.#api.authorize(bearing(token)).then((result) => {
      verdict = result.ok ? 'authorized' : result.error.code
      this.requests += 1
      this.#read()
      this.#note()
      this.#waiting.delete(waiter)
      if (!waiter.right.has(verdict)) {
        this.#fail(`${who} got ${verdict}; right were ${[...waiter.right].join(', ')}`)
      }
      if (verdict === 'authorized' && (who === 'forged' || who === 'invented'))
        this.#fail('a forgery was accepted')
    })
    await settle()
    if (before.includes('authorized') && verdict !== 'authorized') {
      this.#fail(`a token of a known key ${verdict === undefined ? 'waits' : `got ${verdict}`}`)
    }
    // Who waits, waits for an exchange; nothing else makes a request wait.
    if (verdict === undefined && this.#pending.length === 0) this.#fail('a request waits for nothing')
    if (this.fetches.length - fetchesBefore > 1) this.#fail('one request started several exchanges')
  }

  /** What is right now is right for everyone who waits. */
  #note(): void {
    for (const { who, right } of this.#waiting) for (const verdict of this.#expected(who)) right.add(verdict)
  }

  async #wait(seconds: number): Promise<void> {
    let left = seconds
    while (left > 0) {
      const step = Math.min(left, DEADLINE)
      this.now += step
      left -= step
      // What takes longer than the deadline has failed; the engine's own timers run in real time, so it is done here.
      for (const pending of [...this.#pending]) {
        if (this.now - pending.at < DEADLINE) continue
        this.#remove(pending)
        pending.fail()
        // oxlint-disable-next-line no-await-in-loop -- in order
        await this.#settleAttempt()
      }
    }
    await settle()
  }

  async #deliver(): Promise<void> {
    const pending = this.#pending[0]
    if (pending === undefined) return
    this.#remove(pending)
    const awaited = pending.url === JWKS_URL && (this.#waiting.size > 0 || this.#readying)
    pending.respond()
    await this.#settleAttempt()
    if (!awaited) return
    this.#read()
    this.#readying = false
  }

  #remove(pending: Pending): void {
    this.#pending.splice(this.#pending.indexOf(pending), 1)
  }

  #revoke(kid: number): void {
    const name = (keys[kid] as IssuerKey).kid
    const known =
      this.#known === undefined ? [] : [...this.#known.keys].filter((key) => keys[key]?.kid === name)
    // A name which is not known would be distrusted for ever; histories would run out of names.
    if (known.length === 0 || this.#revoked.size > 1) return
    this.#api.revokeKey(ISSUER, name)
    for (const key of known) {
      this.#revoked.add(key)
      this.#known?.keys.delete(key)
    }
    // A set without keys is none.
    if (this.#known?.keys.size === 0) this.#known = undefined
  }

  #fetch(url: string, signal: AbortSignal | undefined): Promise<Response> {
    this.#judgeFetch(url)
    this.fetches.push(this.now)
    const at = this.now
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        this.#ended(url, false)
        reject(new TypeError('fetch failed'))
      }
      const respond = (): void => {
        const response = this.#answer(url)
        if (response === undefined) {
          fail()
          return
        }
        this.#ended(url, response.good, at)
        resolve(response.response)
      }
      const pending = { url, at, respond, fail }
      this.#pending.push(pending)
      // Nobody waits for it any more, and whatever it brings counts for nothing.
      signal?.addEventListener('abort', () => {
        if (this.#pending.includes(pending)) this.#remove(pending)
        reject(new DOMException('aborted', 'AbortError'))
      })
    })
  }

  #answer(url: string): { response: Response; good: boolean } | undefined {
    const published = [...this.#published].map((key) => keys[key] as IssuerKey)
    switch (this.#fault) {
      case 'network':
        return undefined
      case 'status':
        return { response: new Response('no', { status: 503 }), good: false }
      case 'html':
        return { response: new Response('<html>', { headers: { 'content-type': 'text/html' } }), good: false }
      case 'no keys':
        if (url === JWKS_URL) return { response: jwksResponse([]), good: false }
        break
      case 'truncated':
        return {
          response: new Response('{"iss', { headers: { 'content-type': 'application/json' } }),
          good: false,
        }
      case 'none':
        break
    }
    if (url === JWKS_URL) return { response: jwksResponse(published), good: true }
    if (url === METADATA_URL) return { response: metadataResponse(), good: true }
    return { response: new Response('no', { status: 404 }), good: false }
  }

  /** An exchange ended: what is known now? */
  #ended(url: string, good: boolean, at = this.now): void {
    this.#placeAskedIn = url === JWKS_URL ? -1 : this.#steps
    if (url === JWKS_URL) {
      if (good) {
        const published = [...this.#published].filter((key) => !this.#revoked.has(key))
        if (published.length > 0) {
          this.#note()
          this.#known = { keys: new Set(published), fetchedAt: Math.min(this.#startedAt ?? at, this.now) }
          this.#failures = 0
          this.#failing = false
          this.#note()
          return
        }
      }
    }
    if (!good) {
      this.#failing = true
      this.#failures += 1
      this.#lastFailure = this.now
    }
  }
  /** Whether an exchange of the attempt under way failed; it looks at the set when no other follows. */
  #failing = false

  /** Lets everything that an exchange caused take place. */
  async #settleAttempt(): Promise<void> {
    await settle()
    if (!this.#failing || this.#pending.length > 0) return
    this.#failing = false
    this.#read()
  }
  #startedAt: number | undefined
  /** Somebody waits for ready(), whose attempt goes on without those who called it. */
  #readying = false

  /** Whether an exchange may begin now: the engine must have a reason for it. */
  #judgeFetch(url: string): void {
    if (this.#pending.length > 0) this.#fail('two exchanges at once')
    const known = this.#known
    const usable = known !== undefined && this.now < known.fetchedAt + TTL + MAX_STALE
    // The exchanges of one attempt follow each other without a pause.
    if (this.#placeAskedIn === this.#steps) return
    this.#startedAt = this.now
    this.#paid = false
    this.#failing = false
    if (this.now < this.#refilledAt) this.#refilledAt = this.now
    const refilled = Math.floor((this.now - this.#refilledAt) / 30)
    if (refilled > 0) {
      this.#budget = Math.min(2, this.#budget + refilled)
      this.#refilledAt += refilled * 30
    }
    // While attempts fail, the schedule allows one a second at the very most.
    const since = this.now - this.#lastFailure
    if (this.#failures > 0 && since >= 0 && since < 1) this.#fail(`${url} asked again too early`)
    if (!usable || this.#failures > 0) return
    if (this.now >= known.fetchedAt + TTL * 0.8 || this.now < known.fetchedAt || known.due) return
    // Fresh and well: only an unknown name or a bad signature is a reason, within the budget.
    if (this.#budget === 2) this.#refilledAt = this.now
    this.#budget -= 1
    this.#paid = true
    if (this.#budget < -1) this.#fail(`${url} asked without a reason`)
  }

  #fail(what: string): void {
    this.#divergences.push(what)
  }
}

const UNKNOWN: readonly string[] = [
  'kid_unknown',
  'kid_unknown_throttled',
  // While the issuer fails, nobody can say that a key is not its.
  'issuer_unreachable',
  'issuer_metadata_unusable',
]
