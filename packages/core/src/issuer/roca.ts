/**
 * Primes for which the moduli of CVE-2017-15361 ("ROCA") lie in the subgroup that 65537 generates: the faulty library
 * made every prime factor of a key as a power of 65537 modulo the product of these. A modulus that lies in all of the
 * subgroups is practically never there by chance.
 */
const PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157] as const

/** Whether an RSA modulus carries the fingerprint of CVE-2017-15361: its factors can be found in practice. */
export function isROCA(modulus: Uint8Array): boolean {
  return PRIMES.every((prime) => {
    let rest = 0
    for (const octet of modulus) rest = (rest * 256 + octet) % prime
    // The powers of 65537 come round to 1. Another modulus is none for one of the first few primes already.
    let power = 1
    do power = (power * 65_537) % prime
    while (power !== rest && power !== 1)
    return power === rest
  })
}
