import type { Runtime } from '../runtime/runtime.ts'
import type { KeyFailure } from './events.ts'

/** The URLs from which documents of one issuer may be fetched. */
export class OriginRule {
  readonly #insecure: true | ReadonlySet<string> | undefined
  readonly #origins: ReadonlySet<string> | undefined
  readonly #publicOnly: boolean

  /**
   * @param insecure `true`: http on loopback hosts; a set: http at these origins
   * @param origins when given, nothing but these
   * @param publicOnly only public host names, for issuers which a resolver named
   */
  constructor(
    insecure: true | ReadonlySet<string> | undefined,
    origins: ReadonlySet<string> | undefined,
    publicOnly: boolean,
  ) {
    this.#insecure = insecure
    this.#origins = origins
    this.#publicOnly = publicOnly
  }

  allows(text: string): boolean {
    const url = URL.parse(text)
    if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false
    if (this.#origins !== undefined && !this.#origins.has(url.origin)) return false
    if (allowsInsecure(this.#insecure, url)) return /^https?:$/.test(url.protocol)
    return url.protocol === 'https:' && (!this.#publicOnly || PUBLIC_NAME.test(url.hostname))
  }

  /** Looks the host of an allowed URL up where the runtime can, for issuers which a resolver named. */
  async refusesAddress(text: string, resolve: Runtime['resolveHost']): Promise<KeyFailure | undefined> {
    const url = new URL(text)
    return this.#publicOnly && !allowsInsecure(this.#insecure, url) ? resolve(url.hostname) : undefined
  }
}

/** Whether the origin of `url` may be asked by http: one that is named, or a host which cannot leave this machine. */
export function allowsInsecure(
  insecure: true | ReadonlySet<string> | undefined,
  { hostname, origin }: URL,
): boolean {
  return insecure === true ? LOOPBACK_HOST.test(hostname) : insecure?.has(origin) === true
}

/** `URL` has made one spelling of each host already. Whole: 127.evil.example is a name like any other. */
const LOOPBACK_HOST = /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/

/**
 * A name below a top-level domain, which alone a stranger may name: an internal host or a metadata service is no
 * authorization server (RFC 8725 §3.10). An IP address ends in a number or a bracket, in every spelling `URL` reads. The
 * root may be written out: `localhost.` is where `localhost` is.
 */
const PUBLIC_NAME = /\.(?!localhost\.?$)[a-z][^.]*\.?$/
