import { Buffer } from 'node:buffer'
import {
  constants,
  createHash,
  createPublicKey,
  createVerify,
  hash,
  verify,
  KeyObject,
  type VerifyKeyObjectInput,
} from 'node:crypto'

import { decodedLength } from '../internal/base64url.ts'
import { withoutStack } from '../internal/stack.ts'
import { ALGORITHMS } from './algorithms.ts'
import type { CryptoImplementation } from './crypto.ts'

interface NodeKey {
  readonly hash: string | undefined
  /**
   * The key itself where that says everything. With an object of options around it Node 24 throws and catches two
   * errors per call before it looks inside, whose stacks cost as much as half of an RSA verification.
   */
  readonly input: KeyObject | VerifyKeyObjectInput
  /** Of an RSA key, below which every signature is (RFC 8017 §5.2.2): not every runtime looks. */
  readonly modulus: Buffer | undefined
  /** Octets of `r`, and of `s`, where the signature is both in a row (RFC 7518 §3.4). */
  readonly half: number | undefined
  /**
   * Whether a verification takes half a millisecond and more: on the thread of the event loop a few forgeries at once,
   * or one which names no key and is tried with several, would stop everybody.
   */
  readonly isSlow: boolean
}

/** Octets of a coordinate on P-256. */
const SHORT_HALF = 32
/** Letters of a modulus of 4096 bits. */
const LONG_MODULUS = 683

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

let mldsa: boolean | undefined
function supportsMLDSA(): boolean {
  if (mldsa === undefined) {
    try {
      const pub = Buffer.alloc(1312).toString('base64url')
      createPublicKey({ key: { kty: 'AKP', alg: 'ML-DSA-44', pub }, format: 'jwk' })
      mldsa = true
    } catch {
      mldsa = false
    }
  }
  return mldsa
}

export const implementation: CryptoImplementation['implementation'] = 'node'

export const supports: CryptoImplementation['supports'] = (alg) =>
  !alg.startsWith('ML-DSA') || supportsMLDSA()

export const importKey = ((jwk, alg) => {
  const algorithm = ALGORITHMS.get(alg)
  if (algorithm === undefined) return undefined
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    // RSASSA-PKCS1-v1_5 is what an RSA key does by default.
    let input: NodeKey['input'] = key
    if (alg.startsWith('PS')) {
      input = {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        // RFC 7518 §3.5: the salt is exactly as long as the digest.
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }
    }
    const half = algorithm.kty === 'EC' ? (algorithm.signatureLength as number) / 2 : undefined
    const isSlow = (half ?? 0) > SHORT_HALF || (jwk['n']?.length ?? 0) > LONG_MODULUS
    const modulus = jwk['n'] === undefined ? undefined : Buffer.from(jwk['n'], 'base64url')
    return { hash: algorithm.hash, input, modulus, half, isSlow } satisfies NodeKey
  } catch {
    return undefined
  }
}) satisfies CryptoImplementation['importKey'] as CryptoImplementation['importKey']

/** Octets; the longest token that may be allowed. What is longer, a member of a key for example, gets a place of its own. */
const MAX_SCRATCH = 65_536

/**
 * Octets for what is used up before anything else runs. Of a Buffer of its own for each token, the garbage of a flood of
 * long tokens would stop the process for milliseconds.
 */
class Scratch {
  #octets: Buffer = Buffer.allocUnsafeSlow(4096)

  of(octets: number): Buffer {
    if (octets > MAX_SCRATCH) return Buffer.allocUnsafeSlow(octets)
    if (this.#octets.length < octets) this.#octets = Buffer.allocUnsafeSlow(2 * octets)
    return this.#octets
  }
}

/** What a text stands for, until another is decoded in its place. */
class Decoding {
  readonly #scratch = new Scratch()
  #text: string | undefined
  octets: Buffer = Buffer.alloc(0)
  /** Octets which came out; what follows them is of others. */
  length = 0

  of(text: string): this {
    this.#text = undefined
    this.octets = this.#scratch.of(text.length)
    this.length = this.octets.write(text, 'base64url')
    this.#text = text
    return this
  }

  isOf(text: string): boolean {
    return text === this.#text
  }

  forget(): void {
    this.#text = undefined
  }
}

const letters = new Scratch()
/** Two, so that payload and signature are not decoded again after it was seen that they can be. */
let latest = new Decoding()
let other = new Decoding()

const settled = Promise.resolve()
let isForgotten = true

/** The texts would keep a token alive, whatever becomes of it. */
function forget(): void {
  latest.forget()
  other.forget()
  isForgotten = true
}

function decode(text: string): Decoding {
  // When the synchronous part of a verification has ended, in which a text is asked for again.
  if (isForgotten) void settled.then(forget)
  isForgotten = false
  const next = other
  other = latest
  latest = next
  return next.of(text)
}

function decoded(text: string): Decoding {
  return latest.isOf(text) ? latest : other.isOf(text) ? other : decode(text)
}

export const verifySignature: CryptoImplementation['verifySignature'] = (_alg, key, token, signature) => {
  const { hash: digestName, input, modulus, half, isSlow } = key as NodeKey
  try {
    const dot = token.length - signature.length - 1
    const place = letters.of(dot)
    const signed = place.subarray(0, place.write(token, 0, dot, 'latin1'))
    const { octets: all, length } = decoded(signature)
    const octets = all.subarray(0, length)
    if (modulus !== undefined && isAtLeast(octets, modulus)) return false
    const given = half === undefined ? octets : toDER(octets, half)
    if (isSlow) return verifyAside(digestName, signed, input, given)
    return input instanceof KeyObject
      ? isSigned(digestName, signed, input, given)
      : withoutStack(() => isSigned(digestName, signed, input, given))
  } catch {
    return false
  }
}

/** Of two numbers of the same length; the first octet most often says it. */
function isAtLeast(octets: Buffer, least: Buffer): boolean {
  return (octets[0] as number) >= (least[0] as number) && octets.compare(least) >= 0
}

/** The one-shot function looks its algorithm up in OpenSSL anew each time, which takes half a microsecond more. */
function isSigned(
  digestName: NodeKey['hash'],
  signed: Buffer,
  input: NodeKey['input'],
  signature: Buffer,
): boolean {
  return digestName === undefined
    ? verify(digestName, signed, input, signature)
    : createVerify(digestName).update(signed).verify(input, signature)
}

/** In a thread of the pool, where the runtime has one (Deno computes at once); it gets copies of what stands in the scratch. */
function verifyAside(
  digestName: NodeKey['hash'],
  signed: Buffer,
  input: NodeKey['input'],
  signature: Buffer,
): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      verify(digestName, signed, input, signature, (error, isGood) => {
        resolve(error === null && isGood)
      })
    } catch {
      resolve(false)
    }
  })
}

/** An ECDSA signature as OpenSSL reads it, `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3), from `r` and `s` in a row. */
function toDER(octets: Buffer, half: number): Buffer {
  if (octets.length !== 2 * half) throw new RangeError('not two halves')
  const rStart = firstOctet(octets, 0, half)
  const sStart = firstOctet(octets, half, 2 * half)
  // An INTEGER has a sign: a first octet of 0x80 and more needs a zero before it.
  const rPad = (octets[rStart] as number) >> 7
  const sPad = (octets[sStart] as number) >> 7
  const rLength = half - rStart + rPad
  const sLength = 2 * half - sStart + sPad
  const content = rLength + sLength + 4
  const head = content > 0x7f ? 3 : 2
  const der = Buffer.alloc(head + content)
  der[0] = 0x30
  if (head === 3) der[1] = 0x81
  der[head - 1] = content
  der[head] = 0x02
  der[head + 1] = rLength
  octets.copy(der, head + 2 + rPad, rStart, half)
  der[head + 2 + rLength] = 0x02
  der[head + 3 + rLength] = sLength
  octets.copy(der, head + 4 + rLength + sPad, sStart, 2 * half)
  return der
}

/** Where the number begins: at its last octet at the latest. */
function firstOctet(octets: Buffer, from: number, to: number): number {
  let at = from
  while (at < to - 1 && octets[at] === 0) at += 1
  return at
}

export const digest: CryptoImplementation['digest'] =
  // One-shot hashing came to Node in 21.7, and later to the runtimes which follow it.
  typeof hash === 'function'
    ? (token) => hash('sha256', token, 'binary')
    : (token) => createHash('sha256').update(token).digest('binary')

/** Letters of more than one octet. */
const WIDE = /[\u0100-\uffff]/

/** The two letters of the other alphabet, and letters of which the decoder might see one half. */
export const misleads: CryptoImplementation['misleads'] = (text) =>
  text.includes('+') || text.includes('/') || WIDE.test(text)

/**
 * The runtime's decoder forgives: it leaves out what it does not know, and then fewer octets come out than a text of
 * this length stands for. That takes a fourth of the time of looking at each letter. What it does not leave out,
 * {@link misleads} finds.
 */
export const isInBase64url: CryptoImplementation['isInBase64url'] = (text) =>
  text.length % 4 !== 1 && decode(text).length === decodedLength(text)

export const decodeText: CryptoImplementation['decodeText'] = (base64url) => {
  const { octets, length } = decoded(base64url)
  const text = octets.toString('utf8', 0, length)
  // Where the text has none of what stands for malformed octets, there were none.
  if (!text.includes('\uFFFD')) return text
  try {
    return utf8.decode(octets.subarray(0, length))
  } catch {
    return undefined
  }
}
