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
  const [left = [], right] = canonical
    .slice(1, -1)
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))))
  if (right === undefined) return left
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}
