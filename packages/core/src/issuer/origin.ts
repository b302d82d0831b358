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
  return (
    isLoopbackHost(hostname) ||
    (!hostname.includes('.') && !hostname.startsWith('[')) ||
    isPrivateAddress(unbracket(hostname))
  )
}

/**
 * Loopback, private, link-local and unspecified addresses, also mapped into IPv6: a metadata service or an internal
 * host is no authorization server that a stranger may name (RFC 8725 §3.10).
 */
export function isPrivateAddress(address: string): boolean {
  const v4 = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(address)
  if (v4 !== null) {
    const [a, b] = [Number(v4[1]), Number(v4[2])]
    return (
      a === 0 ||
      a === 10 ||
      a === 127 ||
      (a === 100 && b >= 64 && b < 128) ||
      (a === 169 && b === 254) ||
      (a === 172 && b >= 16 && b < 32) ||
      (a === 192 && b === 168) ||
      (a === 198 && (b === 18 || b === 19)) ||
      a >= 224
    )
  }
  if (!address.includes(':')) return false
  const groups = expandIPv6(address)
  if (groups === undefined) return true
  const [g0, g1, g2, g3, g4, g5, g6, g7] = groups as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const embedded = `${g6 >> 8}.${g6 & 255}.${g7 >> 8}.${g7 & 255}`
  if (g0 === 0 && g1 === 0 && g2 === 0 && g3 === 0 && g4 === 0) {
    // ::, ::1, IPv4-compatible and IPv4-mapped.
    return g5 === 0 || (g5 === 0xff_ff && isPrivateAddress(embedded))
  }
  if (g0 === 0x64 && g1 === 0xff_9b) return isPrivateAddress(embedded)
  return (g0 & 0xfe_00) === 0xfc_00 || (g0 & 0xff_c0) === 0xfe_80 || (g0 & 0xff_00) === 0xff_00
}

function expandIPv6(address: string): number[] | undefined {
  const plain = address.split('%', 1)[0] as string
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain)
  const text =
    tail === null
      ? plain
      : `${tail[1]}${((Number(tail[2]) << 8) | Number(tail[3])).toString(16)}:${((Number(tail[4]) << 8) | Number(tail[5])).toString(16)}`
  const [head, rest, more] = text.split('::') as [string, string?, string?]
  if (more !== undefined) return undefined
  const left = groupsOf(head)
  const right = rest === undefined ? [] : groupsOf(rest)
  const gap = rest === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array.from({ length: Math.max(gap, 0) }, () => 0), ...right]
  return groups.length === 8 && groups.every((group) => group >= 0 && group <= 0xff_ff) ? groups : undefined
}

function groupsOf(part: string): number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
}
