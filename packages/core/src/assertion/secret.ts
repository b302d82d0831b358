import { octetsOf } from '../internal/base64url.ts'
import { check, creating, fail, knownMembers } from '../internal/check.ts'

/** Octets of the digest, which are the least octets of a key (RFC 7518 §3.2). */
const HMAC = {
  HS256: { hash: 'SHA-256', size: 32 },
  HS384: { hash: 'SHA-384', size: 48 },
  HS512: { hash: 'SHA-512', size: 64 },
} as const

/** The algorithms of `client_secret_jwt`. They are known by name everywhere, and computed only by a {@link ClientSecret}. */
export const SYMMETRIC: ReadonlySet<string> = new Set(Object.keys(HMAC))

/** Longer than this no digest gets stronger, and HMAC hashes it first. */
const MAX_OCTETS = 1024
/** A random secret of 32 hexadecimal digits has fewer distinct octets than this once in a million. */
const MIN_DISTINCT = 8

/** A secret shared with one client, made by {@link clientSecretJwt}. It shows itself to nobody. */
export interface ClientSecret {
  readonly alg: keyof typeof HMAC
  /** Whether this secret made the MAC of a compact JWS; the comparison takes the same time for any MAC. Never rejects. */
  verify(assertion: string): Promise<boolean>
}

class SharedSecret implements ClientSecret {
  readonly alg: keyof typeof HMAC
  readonly #octets: Uint8Array<ArrayBuffer>
  #key: Awaited<ReturnType<typeof crypto.subtle.importKey>> | undefined

  constructor(alg: keyof typeof HMAC, octets: Uint8Array<ArrayBuffer>) {
    this.alg = alg
    this.#octets = octets
    Object.freeze(this)
  }

  async verify(assertion: string): Promise<boolean> {
    const dot = assertion.lastIndexOf('.')
    try {
      this.#key ??= await crypto.subtle.importKey(
        'raw',
        this.#octets,
        { name: 'HMAC', hash: HMAC[this.alg].hash },
        false,
        ['verify'],
      )
      const mac = Uint8Array.from(
        atob(
          assertion
            .slice(dot + 1)
            .replaceAll('-', '+')
            .replaceAll('_', '/'),
        ),
        (character) => character.charCodeAt(0),
      )
      return await crypto.subtle.verify('HMAC', this.#key, mac, utf8.encode(assertion.slice(0, dot)))
    } catch {
      return false
    }
  }
}
const utf8 = new TextEncoder()

/** Options of {@link clientSecretJwt}. */
export interface ClientSecretOptions {
  /**
   * Random octets, or a random text whose UTF-8 octets are the key: at least 32 for HS256, 48 for HS384, 64 for HS512.
   * A password is none, however long.
   */
  secret: string | Uint8Array
  /** The one algorithm of this client: HS256, HS384 or HS512. */
  alg: keyof typeof HMAC
}

/**
 * The secret of a client which authenticates by `client_secret_jwt`: an HMAC instead of a signature. Prefer
 * `private_key_jwt`: a secret is known to two parties, and to whoever reads the registry of either.
 *
 * Refuses what shows to be a public key: PEM, JWK, an SSH key, DER and XML of the usual algorithms, also in UTF-16, and
 * in base64 or hexadecimal digits once or twice. Does not notice other spellings, nor the bare number of a key, such as
 * `x` or `n` of a JWK, which looks like random octets.
 *
 * @throws {TypeError} when the secret is shorter than the digest, has too few distinct octets, or is a public key
 * @see [OpenID Connect Core §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)
 * @see [RFC 7518 §3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)
 */
export function clientSecretJwt(options: ClientSecretOptions): ClientSecret {
  return creating('a client secret', () => {
    if (typeof options !== 'object' || options === null) fail('options', 'must be an object')
    knownMembers('options', options, ['secret', 'alg'])
    const { alg, secret } = options
    check(Object.hasOwn(HMAC, alg), 'alg', `must be ${Object.keys(HMAC).join(', ')}`)
    check(typeof secret === 'string' || secret instanceof Uint8Array, 'secret', 'must be a string or octets')
    const octets = typeof secret === 'string' ? utf8.encode(secret) : Uint8Array.from(secret)
    const { size } = HMAC[alg]
    check(
      octets.length >= size && octets.length <= MAX_OCTETS,
      'secret',
      `must have from ${size} to ${MAX_OCTETS} octets for ${alg}`,
    )
    check(new Set(octets).size >= MIN_DISTINCT, 'secret', 'must be random')
    check(!isKey(octets), 'secret', 'must not be a key of another kind')
    return new SharedSecret(alg, octets)
  })
}

/**
 * The armour of PEM and of RFC 4716; a line of OpenSSH, or what stands in one in base64; a member of a JWK, also in a text
 * which is no JSON; an element of RFC 3275, as .NET writes them. No random text has any of them.
 */
const KEY =
  /---- ?BEGIN|^(?:ssh|ecdsa-sha2|sk-ssh|sk-ecdsa)-\S+\s|(?:ssh|ecdsa-sha2|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+(?:\s+AAAA|\0)|["'\s{,]kty["']?\s*:|<(?:\w+:)?\w*KeyValue[\s>]/
/**
 * DER in hexadecimal digits: the object identifiers of RSA, of elliptic curves, of RFC 8410 and of the signatures of NIST,
 * which a SubjectPublicKeyInfo or a certificate has; or how an RSAPublicKey begins. 40 bits of it are fixed at the least.
 *
 * @see [RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)
 * @see [RFC 8017 A.1.1](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1)
 */
const DER =
  /06092a864886f70d0101|06072a8648ce3d0201|300506032b65(?:6e|6f|70|71)|06096086480165030403|3082.{4}0282.{4}00|3081..0281..00/
/** Octets; a SubjectPublicKeyInfo of Ed25519 has 44. What is shorter may be JSON by chance. */
const MIN_KEY = 32

/**
 * Whether this is a public key as keys are handed out: whoever has it could make MACs (RFC 8725 §2.1).
 *
 * @param layers of base64 or hexadecimal digits which may lie around it
 */
function isKey(octets: Uint8Array, layers = 2): boolean {
  const text = new TextDecoder().decode(octets).trim()
  // UTF-16 of such a text is the text with zeros between.
  if ([text, text.replaceAll('\0', '')].some((plain) => KEY.test(plain) || isJSON(plain))) return true
  if (DER.test(toHex(octets))) return true
  return (
    layers > 0 &&
    [fromBase64(text), fromHex(text)].some((inner) => inner.length >= MIN_KEY && isKey(inner, layers - 1))
  )
}

/** Whether all of it is a JSON object or array, once more in quotes or not; a random text only begins like one. */
function isJSON(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? isJSON(value) : typeof value === 'object'
  } catch {
    return false
  }
}

function toHex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('')
}

/** The octets of hexadecimal digits, whatever stands between them. */
function fromHex(text: string): Uint8Array {
  const pairs = text.replaceAll(/0x|[^\da-f]/gi, '').match(/../g) ?? []
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))
}

/** The octets of base64 or base64url, whatever stands between the letters: line breaks, also as code spells them, or quotes. */
function fromBase64(text: string): Uint8Array {
  const letters = text
    .replaceAll(/\\[nrt]|[^\w+/-]/g, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')
  // One letter too many stands for no octet.
  return octetsOf(atob(letters.length % 4 === 1 ? letters.slice(0, -1) : letters))
}

/** Whether `value` was made by {@link clientSecretJwt}: another object could accept anything. */
export function isClientSecret(value: unknown): value is ClientSecret {
  return value instanceof SharedSecret
}
