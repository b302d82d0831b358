import { supports } from '#crypto'

import { signerOf } from '../jws/signature.ts'
import { ALGORITHMS } from '../crypto/algorithms.ts'
import { Refusal } from '../errors.ts'
import { decodedLength, encodeBase64url } from '../internal/base64url.ts'
import { readJWK, VerificationKey } from '../issuer/jwk.ts'
import { REFILL } from '../issuer/bucket.ts'
import { Denial, type DenialDetails, denialOf, type Purpose } from './errors.ts'
import type { PartySource } from './party.ts'
import type { Presented } from './read.ts'
import { type ClientSecret, clientSecretJwt, isClientSecret, SYMMETRIC } from './secret.ts'

/** What verifies the assertions of one party: the two are never mixed. */
export type Verification = PartySource | ClientSecret

/**
 * Verifies the signature, or the MAC. Whatever ends it early costs one verification all the same, so that the time of
 * a refusal does not tell whose assertions would have been looked at.
 *
 * Where a party has several keys for an assertion without `kid`, or under one `kid`, up to 4 are tried: what that takes
 * tells such a party from a stranger, as do an RSA key of another exponent than 65537, and the import of a key which
 * nobody used before.
 */
export async function verifySignature(
  presented: Presented,
  by: Verification,
  purpose: Purpose,
  known: DenialDetails,
  now: number,
): Promise<Denial | undefined> {
  const { assertion, compact, header } = presented
  if (isClientSecret(by)) {
    return (await by.verify(assertion)) ? undefined : new Denial('signature_invalid', known)
  }
  /** Seconds since the keys were fetched: a forgery must not cost a party whose keys are not known two fetches. */
  const age = (): number => now - (by.status(now).fetchedAt ?? Number.NEGATIVE_INFINITY)
  // The claims were judged before, so whatever arrives here may ask for keys; once, if they came for it.
  const found = await by.find(header.kid, header.alg, now, () =>
    age() > 0 ? undefined : new Refusal('kid_unknown'),
  )
  if (found instanceof Refusal) {
    await pretend(presented)
    return denialOf(found, purpose, known)
  }
  const able: VerificationKey[] = []
  for (const key of found) {
    // oxlint-disable-next-line no-await-in-loop -- each was imported before, but for its first signature
    if (await isWork(key, header.alg, compact.signature)) able.push(key)
  }
  if (able.length === 0) {
    await pretend(presented)
    return new Denial('signature_invalid', known)
  }
  const signer = await signerOf(assertion, compact.signature, header.alg, able)
  if (signer === undefined) {
    if (age() >= REFILL) by.suspect(now)
    return new Denial('signature_invalid', known)
  }
  by.proven = true
  return signer.retired ? new Denial('key_retired', known) : undefined
}

/**
 * Whether a runtime has to compute something before it can say no: with a key which it imports, for a signature of the
 * size of that key, whose number is below an RSA modulus (RFC 8017 §5.2.2).
 */
async function isWork(key: VerificationKey, alg: string, signature: string): Promise<boolean> {
  if (key.signatureLength(alg) !== decodedLength(signature)) return false
  if ((await key.handle(alg)) === undefined) return false
  return ALGORITHMS.get(alg)?.kty !== 'RSA' || isBelow(signature, modulusOf(key))
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Of two numbers of as many octets in canonical base64url: the first letter in which they differ decides. */
function isBelow(number: string, limit: string): boolean {
  let at = 0
  while (at < number.length && number[at] === limit[at]) at += 1
  return LETTERS.indexOf(number.charAt(at)) < LETTERS.indexOf(limit.charAt(at))
}

const moduli = new WeakMap<VerificationKey, string>()

function modulusOf(key: VerificationKey): string {
  const modulus = moduli.get(key) ?? (key.toJWK()['n'] as string)
  moduli.set(key, modulus)
  return modulus
}

/**
 * Does the work of a verification for an assertion which is refused whatever comes of it: with a key of this process
 * that nobody has the other half of, or with a secret that nobody has.
 */
export async function pretend({ assertion, compact, header }: Presented): Promise<void> {
  const { alg } = header
  if (SYMMETRIC.has(alg)) {
    await unknownSecret(alg as ClientSecret['alg']).verify(assertion)
    return
  }
  const key = await decoy(alg, decodedLength(compact.signature))
  if (key !== undefined) await signerOf(assertion, compact.signature, alg, [key])
}

const secrets = new Map<string, ClientSecret>()

function unknownSecret(alg: ClientSecret['alg']): ClientSecret {
  const made =
    secrets.get(alg) ?? clientSecretJwt({ secret: crypto.getRandomValues(new Uint8Array(64)), alg })
  secrets.set(alg, made)
  return made
}

/** Octets of the moduli which a key may have. */
const MODULUS = { min: 256, max: 1024 } as const
/**
 * By algorithm; of RSA by length. None is dropped, because one that has to be made anew shows in the time: all the
 * lengths together take a few megabytes.
 */
const decoys = new Map<string, VerificationKey>()

async function decoy(alg: string, signatureLength: number): Promise<VerificationKey | undefined> {
  const algorithm = ALGORITHMS.get(alg)
  if (algorithm === undefined || !supports(alg)) return undefined
  const isRSA = algorithm.kty === 'RSA'
  // The lengths which keys of parties can have: a signature of another one costs nothing under theirs either.
  const possible = isRSA
    ? signatureLength >= MODULUS.min && signatureLength <= MODULUS.max
    : signatureLength === algorithm.signatureLength
  if (!possible) return undefined
  const id = isRSA ? `RSA ${signatureLength}` : alg
  const known = decoys.get(id)
  if (known !== undefined) return known
  const made = readJWK(await decoyMaterial(alg, signatureLength))
  if (!(made instanceof VerificationKey)) return undefined
  decoys.set(id, made)
  return made
}

async function decoyMaterial(alg: string, length: number): Promise<Record<string, unknown>> {
  const algorithm = ALGORITHMS.get(alg) as { kty: string; crv?: string; keyLength?: number }
  if (algorithm.kty === 'RSA') {
    // Any odd number does for a public operation. Its first octets are ones, so that no signature is larger than it.
    const modulus = crypto.getRandomValues(new Uint8Array(length)).fill(0xff, 0, 8)
    modulus[length - 1] = (modulus[length - 1] as number) | 1
    return { kty: 'RSA', n: encodeBase64url(modulus), e: 'AQAB' }
  }
  if (algorithm.kty === 'AKP') {
    return {
      kty: 'AKP',
      alg,
      pub: encodeBase64url(crypto.getRandomValues(new Uint8Array(algorithm.keyLength as number))),
    }
  }
  const parameters =
    algorithm.kty === 'EC'
      ? { name: 'ECDSA', namedCurve: algorithm.crv as string }
      : { name: algorithm.crv as string }
  const pair = await crypto.subtle.generateKey(parameters, true, ['sign', 'verify'])
  if (!('publicKey' in pair)) return {}
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
  return { kty, crv, x, ...(y === undefined ? {} : { y }) }
}
