import { Buffer } from 'node:buffer'
import { constants, publicEncrypt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { inspect } from 'node:util'
import { deflateRawSync } from 'node:zlib'

import { check, type IssuerEvent, type ResourceServer, type ResourceServerOptions } from '@atjwt/core'

import { encrypt } from './jwe.ts'
import { outcomeOfConfiguring } from './outcome.ts'
import { acts, proof } from './proof.ts'
import type { Answer, Facts, Outcome } from './requirement.ts'
import {
  encode,
  forge,
  forgeHmac,
  type Jwk,
  makeSigner,
  type Part,
  signOctets,
  type Signer,
} from './signer.ts'
import {
  claims,
  header,
  ISSUER,
  KEY,
  NOW,
  ordinary,
  pinned,
  present,
  presentBare,
  publishing,
  server,
  site,
  tokenOf,
} from './world.ts'

const good = tokenOf(KEY)
const [head, body, signature] = good.split('.') as [string, string, string]
const api = ordinary()

/** A token whose key is among these, at a resource server of their issuer. */
const amongKeys = (keys: readonly Jwk[], token: string, options: Partial<ResourceServerOptions> = {}) =>
  present(server(publishing(keys), options), token)

const withParts = (headerPart: Part, payload: Part = claims()): Promise<Outcome> =>
  present(api, forge(headerPart, payload, KEY))

proof(
  'JO-01',
  acts(
    {
      'JSON serialization': JSON.stringify({ payload: body, signatures: [{ protected: head, signature }] }),
      'flattened JWS': JSON.stringify({ payload: body, protected: head, signature }),
      space: `${good} `,
      '=': `${good}=`,
      '+': `${good}+`,
      '/': `${good}/`,
      'CR LF': `${good}\r\n`,
    },
    (token) => presentBare(api, token),
  ),
)

{
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // 64 octets leave four spare bits in the last of 86 characters: the next letters of the alphabet decode alike.
  const spare = `${signature.slice(0, -1)}${ALPHABET[ALPHABET.indexOf(signature.at(-1) as string) + 1]}`
  if (!Buffer.from(spare, 'base64url').equals(Buffer.from(signature, 'base64url')))
    throw new Error('not spare')
  proof(
    'JO-02',
    acts(
      {
        'signature with ==': `${good}==`,
        'blank within the signature': `${head}.${body}.${signature.slice(0, 40)} ${signature.slice(40)}`,
        'spare bits of the last character set': `${head}.${body}.${spare}`,
      },
      (token) => presentBare(api, token),
    ),
  )
}

{
  const headerText = (first: string, second: string) =>
    `{"alg":"${first}","typ":"at+jwt","kid":"${KEY.kid}","alg":"${second}"}`
  const text = JSON.stringify(claims())
  proof('JO-03', {
    'two alg, the good one last': () => withParts(headerText('none', 'ES256')),
    'two alg, the good one first': () => withParts(headerText('ES256', 'none')),
    'two exp': () => withParts(header(KEY), text.replace('{', `{"exp":${NOW - 60},`)),
    'two exp, one escaped': () => withParts(header(KEY), text.replace('{', String.raw`{"\u0065xp":1,`)),
  })
}

proof(
  'JO-04',
  acts<unknown>(
    { '["x"]': ['x'], '[]': [], '["alg"]': ['alg'], '["exp"]': ['exp'], '"x"': 'x' },
    // Named and present, so that the list alone is at fault.
    (crit) => withParts(header(KEY, { crit, x: 1, exp: NOW + 300 })),
  ),
)

{
  const unencoded = (more: Record<string, unknown>) => withParts(header(KEY, { b64: false, ...more }))
  proof('JO-05', {
    'b64:false with crit': () => unencoded({ crit: ['b64'] }),
    'b64:false without crit': () => unencoded({}),
  })
}

{
  /** At a resource server which has no keys yet, so that looking for one is seen. */
  const cold = async (alg: unknown, options: Partial<ResourceServerOptions> = {}): Promise<Facts> => {
    const web = publishing([KEY.jwk])
    const token = forge(header(KEY, { alg }), claims(), KEY)
    return { answer: await present(server(web, options), token), requests: web.fetched }
  }
  proof('JO-06', {
    ...acts<unknown>(
      { es256: 'es256', noNE: 'noNE', HS256: 'HS256', 'alg absent': undefined, 'alg a number': 256 },
      (alg) => cold(alg),
    ),
    'ES256 where only RS256 is listed': () => cold('ES256', { algorithms: 'RS256' }),
    'ES256 where another issuer alone lists it': () =>
      cold('ES256', {
        issuer: [
          { issuer: ISSUER, algorithms: 'RS256' },
          { issuer: 'https://other.example', algorithms: 'ES256' },
        ],
      }),
  })
}

{
  const rsa = makeSigner('RS256')
  const pss: Signer = { ...rsa, alg: 'PS256' }
  proof('JO-07', { 'JWK RS256, token PS256': () => amongKeys([rsa.jwk], tokenOf(pss)) })
}

{
  const small = makeSigner('RS256', 'small', {}, 1024)
  const wide = { ...makeSigner('ES384', 'wide', { alg: 'ES256' }), alg: 'ES256' }
  const octets = Buffer.from(`${head}.${body}`)
  const der = (): Buffer => {
    const raw = signOctets('ES256', KEY.privateKey, octets)
    const integer = (part: Buffer) => {
      const value = (part[0] as number) >= 0x80 ? Buffer.concat([Buffer.of(0), part]) : part
      return Buffer.concat([Buffer.of(2, value.length), value])
    }
    const sequence = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))])
    return Buffer.concat([Buffer.of(0x30, sequence.length), sequence])
  }
  const y = Buffer.from(KEY.jwk['y'] as string, 'base64url')
  y[31] = (y[31] as number) ^ 1
  proof('JO-08', {
    'RSA key of 1024 bits': () => amongKeys([small.jwk, KEY.jwk], tokenOf(small)),
    'DER form of ECDSA': () => present(api, `${head}.${body}.${encode(der())}`),
    'r = s = 0': () => present(api, `${head}.${body}.${encode(Buffer.alloc(64))}`),
    'P-384 key with ES256': () => amongKeys([wide.jwk, KEY.jwk], tokenOf(wide)),
    'point which is not on the curve': () =>
      amongKeys([{ ...KEY.jwk, y: y.toString('base64url') }, makeSigner('ES256', 'k2').jwk], good),
  })
}

{
  const other = makeSigner('ES256', 'other')
  proof(
    'JO-09',
    acts<Jwk>(
      {
        'use:enc': { use: 'enc' },
        'key_ops ["sign"]': { use: undefined, key_ops: ['sign'] },
        'use:sig with key_ops ["encrypt"]': { use: 'sig', key_ops: ['encrypt'] },
        'key_ops ["verify"]': { key_ops: ['verify'] },
      },
      (members) => {
        const signer = makeSigner('ES256', 'k1', members)
        return amongKeys([signer.jwk, other.jwk], tokenOf(signer))
      },
    ),
  )
}

proof('JO-10', {
  'AKP, unknown kty, broken EC, oct and one good EC': () =>
    amongKeys(
      [
        { kty: 'AKP', alg: 'ML-DSA-65', kid: 'a', pub: 'AAAA' },
        { kty: 'X', kid: 'x' },
        { kty: 'EC', crv: 'P-256', kid: 'e', x: 'AAAA' },
        { kty: 'oct', kid: 'o', k: 'AAAA' },
        KEY.jwk,
      ],
      good,
    ),
})

{
  const reported = async (jwk: Jwk, token: string): Promise<Facts> => {
    const events: IssuerEvent[] = []
    const observed = server(publishing([jwk, makeSigner('ES256', 'other').jwk]), {
      onIssuerEvent: (event) => {
        events.push(event)
      },
    })
    await observed.ready()
    const told = events.flatMap((event) => (event.type === 'key_unusable' ? [event.reason] : []))
    return { answer: await present(observed, token), reported: told }
  }
  const { d } = KEY.privateKey.export({ format: 'jwk' })
  const secret = Buffer.alloc(64, 7)
  proof('JO-11', {
    'JWK with d': () => reported({ ...KEY.jwk, d }, good),
    'kty:oct': () =>
      reported(
        { kty: 'oct', kid: 'o', alg: 'HS256', k: encode(secret) },
        forgeHmac({ alg: 'HS256', typ: 'at+jwt', kid: 'o' }, claims(), secret),
      ),
  })
}

{
  const many = Array.from({ length: 5 }, (_, i) => makeSigner('ES256', `k${i}`))
  const nth = (i: number): Signer => many[i] as Signer
  const keys = (count: number) => many.slice(0, count).map(({ jwk }) => jwk)
  const nameless = (i: number) => tokenOf(nth(i), {}, { kid: undefined })
  const twin = makeSigner('ES256', 'k0')
  const rsa = makeSigner('RS256', 'k0')
  const lower = makeSigner('ES256', 'a')
  proof('JO-12', {
    'no kid, one key': () => amongKeys(keys(1), nameless(0)),
    'no kid, two ES256 keys': () => amongKeys(keys(2), nameless(1)),
    'two keys of one kid': () => amongKeys([nth(0).jwk, twin.jwk], tokenOf(twin)),
    'two keys of one kid, of different kty': () => amongKeys([nth(0).jwk, rsa.jwk], tokenOf(rsa)),
    'kid a against A': () => amongKeys([lower.jwk], tokenOf(lower, {}, { kid: 'A' })),
    'no kid, the fifth key that fits': () => amongKeys(keys(5), nameless(4)),
  })
}

{
  const attacker = makeSigner('ES256', KEY.kid)
  const place = 'https://attacker.example/keys'
  const thumbprint = encode(Buffer.alloc(32, 1))
  proof(
    'JO-13',
    acts<Jwk>(
      {
        jwk: { jwk: attacker.jwk },
        jku: { jku: place },
        x5u: { x5u: place },
        x5c: { x5c: [attacker.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] },
        x5t: { x5t: encode(Buffer.alloc(20, 1)) },
        'x5t#S256': { 'x5t#S256': thumbprint },
      },
      async (members) => {
        // The attacker's keys are there to be had, for whoever asks.
        const web = site({ [place]: () => Response.json({ keys: [attacker.jwk] }) })
        const token = tokenOf(attacker, {}, members)
        return { answer: await present(pinned([KEY.jwk], web), token), requests: web.fetched }
      },
    ),
  )
}

proof(
  'JO-14',
  acts(
    { '10 kB kid': 'k'.repeat(10_240), '../../k': '../../k', 'CR LF': 'a\r\nSet-Cookie: k=v' },
    async (kid) => {
      const web = publishing([KEY.jwk])
      const left: unknown[] = []
      const keep = (event: unknown): void => {
        left.push(event)
      }
      const observed = server(web, { onDecision: keep, onIssuerEvent: keep })
      await observed.ready()
      const token = tokenOf(KEY, {}, { kid })
      const answer = await present(observed, token)
      // More of them, until they are held back, which is told as well.
      for (const more of ['1', '2', '3']) {
        // oxlint-disable-next-line no-await-in-loop -- the budget is spent in order
        await present(observed, tokenOf(KEY, {}, { kid: `${kid}${more}` }))
      }
      const refusal: unknown = await observed.verify(token).then(
        () => 'accepted',
        (error: unknown) => error,
      )
      left.push(refusal, (refusal as { headers: unknown }).headers)
      const text = inspect(left, { depth: 20, maxStringLength: null, showHidden: true })
      return {
        answer,
        places: [...new Set(web.fetched.filter((url) => !url.includes('/.well-known/')))],
        leaked: [kid, kid.slice(0, 12), 'Set-Cookie'].filter((secret) => text.includes(secret)),
      } as Facts
    },
  ),
)

{
  const rsa = makeSigner('RS256')
  const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' })
  const confused = (secret: string | Uint8Array) =>
    amongKeys([rsa.jwk], forgeHmac(header(rsa, { alg: 'HS256' }), claims(), secret))
  const symmetric = (length: number) =>
    outcomeOfConfiguring('issuer.jwks', () =>
      pinned([{ kty: 'oct', kid: 'o', alg: 'HS256', k: encode(Buffer.alloc(length, 7)) }], site({})),
    )
  proof('JO-15', {
    'HS256 with the PEM of the public key': () => confused(pem),
    'HS256 with the JWK of the public key': () => confused(JSON.stringify(rsa.jwk)),
    'secret of 16 octets': () => symmetric(16),
    'secret of 64 octets': () => symmetric(64),
    'HS256 among the algorithms': () =>
      outcomeOfConfiguring('algorithms', () => ordinary({ algorithms: ['ES256', 'HS256'] })),
  })
}

{
  const edwards = (alg: string, jwkAlg: string) => {
    const signer = makeSigner('Ed25519', 'k1', { alg: jwkAlg })
    return amongKeys([signer.jwk], tokenOf(signer, {}, { alg }))
  }
  proof('JO-16', {
    'token EdDSA, JWK Ed25519': () => edwards('EdDSA', 'Ed25519'),
    'token Ed25519, JWK EdDSA': () => edwards('Ed25519', 'EdDSA'),
    'token EdDSA, Ed448 key': () => {
      const goldilocks = makeSigner('Ed448', 'k448', { alg: 'EdDSA' })
      return amongKeys([goldilocks.jwk, KEY.jwk], tokenOf(goldilocks, {}, { alg: 'EdDSA' }))
    },
  })
}

proof('JO-17', {
  'token ES256K': () => {
    const koblitz = makeSigner('ES256K', 'k256')
    return amongKeys([koblitz.jwk, KEY.jwk], tokenOf(koblitz))
  },
  'ES256K among the algorithms': () =>
    outcomeOfConfiguring('algorithms', () => ordinary({ algorithms: ['ES256', 'ES256K'] })),
})

{
  const lattice = makeSigner('ML-DSA-65', 'lattice')
  const { alg: _alg, ...unnamed } = lattice.jwk
  const rsa = makeSigner('RS256', 'rsa')
  const named = { algorithms: ['RS256', 'ML-DSA-65'] }
  proof('JO-18', {
    'AKP without alg': () => amongKeys([unnamed, rsa.jwk], tokenOf(lattice), named),
    'AKP key in the set of an RSA issuer': () => amongKeys([lattice.jwk, unnamed, rsa.jwk], tokenOf(rsa)),
    'ML-DSA-65 token, named': () => amongKeys([lattice.jwk, rsa.jwk], tokenOf(lattice), named),
    'ML-DSA-65 token, not named': () => amongKeys([lattice.jwk, rsa.jwk], tokenOf(lattice)),
  })
}

proof('JO-20', {
  'p2c 2^31': () =>
    present(
      api,
      encrypt({ alg: 'PBES2-HS256+A128KW', p2c: 2 ** 31, p2s: encode(Buffer.alloc(16)) }, good, () =>
        Buffer.alloc(40),
      ).token,
    ),
})

proof('JO-21', {
  '10 MB of zeros deflated': () =>
    present(api, encrypt({ zip: 'DEF', cty: 'JWT' }, deflateRawSync(Buffer.alloc(10_000_000))).token),
  'zip in the header of a JWS': () => withParts(header(KEY, { zip: 'DEF' })),
})

proof('JO-22', {
  'JWE RSA1_5': () => {
    const { publicKey } = makeSigner('RS256')
    const wrap = (key: Uint8Array) =>
      publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key)
    return present(api, encrypt({ alg: 'RSA1_5', cty: 'JWT' }, good, wrap).token)
  },
})

{
  const octets = Buffer.from(JSON.stringify(claims({ name: 'café' })))
  const invalid = Buffer.from(octets)
  // The first octet of é stays, the second is none that may follow it.
  invalid[invalid.indexOf(0xc3) + 1] = 0x28
  const surrogate = JSON.stringify(claims({ name: '?' })).replace('"?"', String.raw`"\ud800"`)
  proof(
    'JO-23',
    acts<Part>(
      {
        'invalid UTF-8': invalid,
        'UTF-16': Buffer.from(octets.toString(), 'utf16le'),
        'byte order mark': Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), octets]),
        'lone surrogate, escaped': surrogate,
      },
      (payload) => withParts(header(KEY), payload),
    ),
  )
}

proof(
  'JO-24',
  acts({ '1700000000.5': '1700000000.5', '1e400': '1e400', '-1': '-1' }, (exp) =>
    withParts(header(KEY), JSON.stringify(claims({ exp: 0 })).replace('"exp":0', `"exp":${exp}`)),
  ),
)

proof('JO-25', {
  'outer iss differs': () => present(api, encrypt({ cty: 'JWT', iss: 'https://other.example' }, good).token),
})

proof('JO-26', {
  'claim which nobody registered': () =>
    present(api, tokenOf(KEY, { 'https://nobody.example/claim': [1, { a: 2 }] })),
})

{
  const long = { maxTokenLength: 65_536 }
  const nested = JSON.stringify(claims({ x: 0 })).replace(
    '"x":0',
    `"x":${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  )
  const numerous = JSON.stringify(claims({ x: 0 })).replace('"x":0', `"x":[${'0,'.repeat(20_999)}0]`)
  const cold = async (
    token: string,
    options: Partial<ResourceServerOptions>,
  ): Promise<{ answer: Answer; requests: string[] }> => {
    const web = publishing([KEY.jwk])
    return { answer: await present(server(web, options), token), requests: web.fetched }
  }
  /** The best of many, which a busy machine does not spoil. */
  const isFast = async (at: ResourceServer, token: string): Promise<boolean> => {
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 100; i += 1) {
      const started = performance.now()
      // oxlint-disable-next-line no-await-in-loop -- each is timed alone
      await presentBare(at, token)
      best = Math.min(best, performance.now() - started)
    }
    return best < 1
  }
  const measured =
    (token: string, options: Partial<ResourceServerOptions> = {}) =>
    async (): Promise<Facts> => ({
      ...(await cold(token, options)),
      underMillisecond: await isFast(ordinary(options), token),
    })
  proof('JO-27', {
    'token of 1 MB': measured(tokenOf(KEY, { x: 'x'.repeat(750_000) })),
    '10 000 nested arrays': measured(forge(header(KEY), nested, KEY), long),
    '21 000 values': async () => cold(forge(header(KEY), numerous, KEY), { maxTokenLength: 65_536 }),
    'cap above 64 KiB': () =>
      outcomeOfConfiguring('maxTokenLength', () => ordinary({ maxTokenLength: 65_537 })),
  })
}

{
  const known = check('known subject', (token: { subject: string | undefined }) => token.subject !== 'user-1')
  proof('JO-28', {
    'revoked says true': () => present(ordinary({ revoked: (token) => token.subject === 'user-1' }), good),
    'check says false': () => present(api, good, known),
    'both let it pass': () =>
      present(
        ordinary({ revoked: (token) => token.subject === 'user-1' }),
        tokenOf(KEY, { sub: 'user-2' }),
        known,
      ),
  })
}
