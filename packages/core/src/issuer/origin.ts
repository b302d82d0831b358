/** `true`: http on loopback hosts; a set: http at these origins. */
export type InsecureOrigins = true | ReadonlySet<string> | undefined

/** The URLs from which documents of one issuer may be fetched. */
export class OriginRule {
  readonly #insecure: InsecureOrigins
  readonly #origins: ReadonlySet<string> | undefined
  readonly #publicOnly: boolean

  /**
   * @param origins when given, nothing but these
   * @param publicOnly only public host names, for issuers which a resolver named
   */
  constructor(insecure: InsecureOrigins, origins: ReadonlySet<string> | undefined, publicOnly: boolean) {
    this.#insecure = insecure
    this.#origins = origins
    this.#publicOnly = publicOnly
  }

  allows(text: string): boolean {
    const url = readURL(text, this.#insecure)
    return (
      url !== undefined &&
      url.hash === '' &&
      this.#origins?.has(url.origin) !== false &&
      (!this.isGuarded(url) || PUBLIC_NAME.test(url.hostname))
    )
  }

  /** Whether its host must be public: that of an issuer which a resolver named, unless it is allowed by name. */
  isGuarded(url: URL): boolean {
    return this.#publicOnly && !allowsInsecure(this.#insecure, url)
  }
}

/** A URL which may be asked, as far as its scheme tells: https, or http where that is allowed; no user information. */
export function readURL(text: string, insecure: InsecureOrigins): URL | undefined {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') return undefined
  return url.protocol === 'https:' || (url.protocol === 'http:' && allowsInsecure(insecure, url))
    ? url
    : undefined
}

/** Whether the origin of `url` is named as insecure, or is a host which cannot leave this machine. */
export function allowsInsecure(insecure: InsecureOrigins, { hostname, origin }: URL): boolean {
  return insecure === true ? LOOPBACK_HOST.test(hostname) : insecure?.has(origin) === true
}

/** `URL` has made one spelling of each host already, and only addresses end in a number: 127.evil.example is a name. */
const LOOPBACK_HOST = /^(?:(?:.+\.)?localhost|127\.[\d.]+|\[::1\])$/

/**
 * A name below a top-level domain, which alone a stranger may name: an internal host or a metadata service is no
 * authorization server (RFC 8725 §3.10). An IP address ends in a number or a bracket, in every spelling `URL` reads. The
 * root may be written out: `localhost.` is where `localhost` is.
 */
const PUBLIC_NAME = /\.(?!localhost\.?$)[a-z][^.]*\.?$/
