import type { KeyFailure } from './events.ts'

/** The URLs from which documents of one issuer may be fetched. */
export class OriginRule {
  readonly #insecure: true | ReadonlySet<string> | undefined
  readonly #origins: ReadonlySet<string> | undefined
  readonly #publicOnly: boolean

  /**
   * @param insecure `true`: http on loopback hosts; a set: http at these origins
   * @param origins when given, nothing but these
   * @param publicOnly refuse private addresses, for issuers which a resolver named
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
    const insecure = this.#isNamedInsecure(url)
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && insecure)) return false
    if (this.#origins !== undefined && !this.#origins.has(url.origin)) return false
    return !this.#publicOnly || insecure || !isPrivateHost(url.hostname)
  }

  /** Looks the host up where the runtime can, for issuers which a resolver named. */
  async refusesAddress(
    text: string,
    resolve: (host: string) => Promise<readonly string[]> | undefined,
  ): Promise<KeyFailure | undefined> {
    const url = new URL(text)
    if (!this.#publicOnly || this.#isNamedInsecure(url)) return undefined
    try {
      const addresses = await resolve(unbracket(url.hostname))
      return addresses?.some(isPrivateAddress) === true ? 'origin_refused' : undefined
    } catch {
      return 'network'
    }
  }

  #isNamedInsecure(url: URL): boolean {
    if (this.#insecure === undefined) return false
    return this.#insecure === true ? isLoopbackHost(url.hostname) : this.#insecure.has(url.origin)
  }
}

function unbracket(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

/** Hosts which cannot leave this machine. `URL` has made one spelling of each already. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    // Whole: 127.evil.example is a name like any other.
    /^127(?:\.\d+){3}$/.test(hostname)
  )
}

function isPrivateHost(hostname: string): boolean {
  // The root may be written out: `localhost.` is where `localhost` is.
  const name = hostname.replace(/\.$/, '')
  return (
    isLoopbackHost(name) ||
    (!name.includes('.') && !name.startsWith('[')) ||
    isPrivateAddress(unbracket(name))
  )
}

/**
 * Loopback, private, link-local and unspecified addresses, also where an IPv6 address stands for an IPv4 one: a
 * metadata service or an internal host is no authorization server that a stranger may name (RFC 8725 §3.10).
 */
export function isPrivateAddress(address: string): boolean {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.\d+$/.exec(address)
  if (v4 !== null) return isPrivateIPv4(Number(v4[1]), Number(v4[2]), Number(v4[3]))
  return address.includes(':') && isPrivateIPv6(address)
}

/** @see [Special-purpose IPv4 addresses](https://www.iana.org/assignments/iana-ipv4-special-registry) */
function isPrivateIPv4(a: number, b: number, c: number): boolean {
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && (b === 168 || (b === 0 && c === 0))) ||
    (a === 198 && (b === 18 || b === 19)) ||
    a >= 224
  )
}

/**
 * What is no global unicast address is private, malformed ones included.
 *
 * @see [Special-purpose IPv6 addresses](https://www.iana.org/assignments/iana-ipv6-special-registry)
 */
function isPrivateIPv6(address: string): boolean {
  const groups = groupsOf(address)
  if (groups === undefined) return true
  const [g0, g1] = groups as [number, number]
  const start = groups.slice(0, 6).join()
  // IPv4-mapped, NAT64, and 6to4, which has it in front.
  if (start === '0,0,0,0,0,65535' || start === '100,65435,0,0,0,0') return isPrivateAt(groups, 6)
  if (g0 === 0x20_02) return isPrivateAt(groups, 1)
  // Teredo hides the address, 2001::/32.
  return g0 >> 13 !== 1 || (g0 === 0x20_01 && g1 === 0)
}

/** The IPv4 address in two groups of an IPv6 one. */
function isPrivateAt(groups: readonly number[], at: number): boolean {
  const [high, low] = groups.slice(at) as [number, number]
  return isPrivateIPv4(high >> 8, high & 255, low >> 8)
}

/** The eight groups of an IPv6 address, of which `URL` has made its only spelling. */
function groupsOf(address: string): number[] | undefined {
  const canonical = URL.parse(`http://[${address}]`)?.hostname
  if (canonical === undefined) return undefined
  const [left = [], right] = unbracket(canonical)
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))))
  if (right === undefined) return left
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}
