import { AUDIENCE, ISSUER, type Signer } from './tokens.ts'

/** Verifies one token with the checks its options offer: signature, issuer, audience, expiry, algorithm, and type where it knows one. */
export interface PeerVerifier {
  readonly name: string
  verify(token: string): unknown
}

/** By a name that is no literal, so that types do not need what stands outside of the workspace. */
// oxlint-disable-next-line typescript/no-explicit-any -- likewise
const load = async (name: string): Promise<any> => import(name)

/** The verifiers that know this algorithm, each with its key at hand and without a memory of tokens. */
export async function peerVerifiers(signer: Signer): Promise<PeerVerifier[]> {
  const { alg, pem, jwk } = signer
  const peers: PeerVerifier[] = []
  const jose = await load('jose')
  const keys = jose.createLocalJWKSet({ keys: [jwk] })
  const rules = { issuer: ISSUER, audience: AUDIENCE, algorithms: [alg], typ: 'at+jwt' }
  peers.push({ name: 'jose', verify: (token) => jose.jwtVerify(token, keys, rules) })

  const { createVerifier } = await load('fast-jwt')
  const fast = createVerifier({
    key: pem,
    algorithms: [alg],
    allowedIss: ISSUER,
    allowedAud: AUDIENCE,
    checkTyp: 'at+jwt',
  })
  peers.push({ name: 'fast-jwt', verify: (token) => fast(token) })

  if (alg !== 'PS256') {
    const { JwtVerifier } = await load('aws-jwt-verify')
    const aws = JwtVerifier.create({ issuer: ISSUER, audience: AUDIENCE, jwksUri: `${ISSUER}/jwks` })
    aws.cacheJwks({ keys: [jwk] })
    peers.push({ name: 'aws-jwt-verify', verify: (token) => aws.verifySync(token) })
  }
  if (alg !== 'EdDSA') {
    const { default: jsonwebtoken } = await load('jsonwebtoken')
    const options = { algorithms: [alg], issuer: ISSUER, audience: AUDIENCE }
    const { publicKey } = signer
    peers.push({ name: 'jsonwebtoken', verify: (token) => jsonwebtoken.verify(token, publicKey, options) })
  }
  return peers
}

/** The one with a memory of tokens, which holds as many as we compare with. */
export async function cachingPeer(signer: Signer, tokens: number): Promise<PeerVerifier> {
  const { createVerifier } = await load('fast-jwt')
  const verify = createVerifier({
    key: signer.pem,
    algorithms: [signer.alg],
    allowedIss: ISSUER,
    allowedAud: AUDIENCE,
    checkTyp: 'at+jwt',
    cache: tokens,
  })
  return { name: 'fast-jwt with cache', verify: (token) => verify(token) }
}
