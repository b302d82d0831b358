import { inspect } from 'node:util'

import {
  type AccessToken,
  clock,
  createResourceServer,
  customFetch,
  group,
  not,
  type ResourceServer,
  type ResourceServerOptions,
  role,
  scope,
} from '@atjwt/core'
import { createTestIssuer, type TestHeader, type TestIssuer } from '@atjwt/testing'
import { vi } from 'vitest'

import { encrypt } from './jwe.ts'
import { outcomeOf, outcomeOfConfiguring } from './outcome.ts'
import { acts, proof } from './proof.ts'
import type { Facts, Outcome } from './requirement.ts'
import { encode, forge, makeSigner } from './signer.ts'
import {
  AUDIENCE,
  claims,
  header,
  ISSUER,
  JWKS,
  KEY,
  METADATA,
  NOW,
  ordinary,
  present,
  publishing,
  requestWith,
  server,
  site,
  tokenOf,
} from './world.ts'

const DAY = 86_400

/** An issuer with keys of its own. */
function makeIssuer(alg = 'ES256', issuer = ISSUER): Promise<TestIssuer> {
  return createTestIssuer({ issuer, audience: AUDIENCE, alg, clock: () => NOW })
}

/** A resource server which trusts it. */
function trusting(issuer: TestIssuer, options: Partial<ResourceServerOptions> = {}): ResourceServer {
  return createResourceServer({
    issuer: issuer.issuer,
    audience: AUDIENCE,
    [clock]: () => NOW,
    [customFetch]: issuer.fetch,
    ...options,
  })
}

const as = await makeIssuer()
const rs = trusting(as)
type Claims = Record<string, unknown>

/** A token of the ordinary issuer, good but for the changes. */
const withClaims = async (changes: Claims): Promise<Outcome> => present(rs, await as.issue(changes))
const withHeader = async (changes: TestHeader): Promise<Outcome> => present(rs, await as.issue({}, changes))
/** A payload as text, for what JSON.stringify does not write. */
const withPayload = (payload: string): Promise<Outcome> =>
  present(ordinary(), forge(header(KEY), payload, KEY))

proof(
  'AT-01',
  acts<TestHeader>(
    {
      JWT: { typ: 'JWT' },
      absent: { typ: undefined },
      '""': { typ: '' },
      number: { typ: 7 as never },
      'id_token+jwt': { typ: 'id_token+jwt' },
      'dpop+jwt': { typ: 'dpop+jwt' },
      jwt: { typ: 'jwt' },
    },
    withHeader,
  ),
)

proof(
  'AT-02',
  acts(
    {
      'at+JWT': 'at+JWT',
      'AT+jwt': 'AT+jwt',
      'Application/AT+JWT': 'Application/AT+JWT',
      'at+jwt; v=1': 'at+jwt; v=1',
      ' at+jwt': ' at+jwt',
      'x/at+jwt': 'x/at+jwt',
    },
    (typ) => withHeader({ typ }),
  ),
)

{
  const strict = await makeIssuer('ES256', 'https://strict.example')
  const both = createResourceServer({
    issuer: [{ issuer: ISSUER, deviations: { typ: ['JWT'] } }, 'https://strict.example'],
    audience: AUDIENCE,
    [clock]: () => NOW,
    [customFetch]: (input, init) => (String(input).startsWith(ISSUER) ? as : strict).fetch(input, init),
  })
  proof('AT-03', {
    'typ JWT from the relaxed issuer': async () => present(both, await as.issue({}, { typ: 'JWT' })),
    'typ JWT from the strict issuer': async () => present(both, await strict.issue({}, { typ: 'JWT' })),
    'typ logout+jwt from the relaxed issuer': async () =>
      present(both, await as.issue({}, { typ: 'logout+jwt' })),
  })
}

proof('AT-04', {
  'JWE when no decryption is configured': async () =>
    present(rs, encrypt({ cty: 'JWT' }, await as.issue()).token),
})

proof('AT-05', {
  'JWE around bare claims': () => present(rs, encrypt({ typ: 'at+jwt' }, JSON.stringify(claims())).token),
  'JWE around alg none': () =>
    present(
      rs,
      encrypt({ typ: 'at+jwt', cty: 'JWT' }, `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims())}.`)
        .token,
    ),
  'typ on the outside only': async () =>
    present(rs, encrypt({ typ: 'at+jwt', cty: 'JWT' }, await as.issue({}, { typ: undefined })).token),
})

proof(
  'AT-06',
  acts<unknown>(
    {
      'trailing /': `${ISSUER}/`,
      'host in another case': 'https://AS.example',
      ':443': `${ISSUER}:443`,
      array: [ISSUER],
      absent: undefined,
    },
    (iss) => withClaims({ iss }),
  ),
)

proof(
  'AT-07',
  acts<unknown>(
    {
      absent: undefined,
      '[]': [],
      other: 'https://other.example',
      'with a trailing /': `${AUDIENCE}/`,
      'sub-path': `${AUDIENCE}/orders`,
      'array with a number': [AUDIENCE, 1],
    },
    (aud) => withClaims({ aud }),
  ),
)

proof('AT-08', {
  'own value and another': () => withClaims({ aud: [AUDIENCE, 'https://other.example'] }),
})

{
  /** What a token asks the web for, at a resource server which has the keys already. */
  const requestsOf = async (token: string): Promise<Facts> => {
    const web = publishing([KEY.jwk])
    const api = server(web)
    await api.ready()
    const before = web.fetched.length
    const answer = await present(api, token)
    return { answer, requests: web.fetched.slice(before) }
  }
  const unsigned = (alg: string) => `${encode(header(KEY, { alg }))}.${encode(claims())}`
  const attacker = makeSigner('ES256')
  const stranger = makeSigner('ES256', 'key-of-another-issuer')
  proof('AT-09', {
    // The last part holds something: an empty one is refused for its form, before the algorithm is looked at.
    ...acts({ none: 'none', None: 'None', noNE: 'noNE', '""': '' }, (alg) =>
      requestsOf(`${unsigned(alg)}.${encode('x')}`),
    ),
    'empty signature': () => requestsOf(`${unsigned('ES256')}.`),
    'jwk in the header, signed by it': () =>
      requestsOf(forge(header(KEY, { jwk: attacker.jwk }), claims(), attacker)),
    'key of another issuer': () => requestsOf(tokenOf(stranger)),
  })
}

proof('AT-10', {
  'RS256, nothing configured': async () => {
    const rsa = await makeIssuer('RS256')
    return present(trusting(rsa), await rsa.issue())
  },
})

{
  const exact = trusting(as, { clockTolerance: 0 })
  const expiring = async (exp: unknown) => present(exact, await as.issue({ exp: exp as number }))
  proof('AT-11', {
    'exp = now, tolerance 0': () => expiring(NOW),
    'exp = now + 1, tolerance 0': () => expiring(NOW + 1),
    absent: () => expiring(undefined),
    '"1700000000"': () => expiring('1700000000'),
    '1e400': () => withPayload(JSON.stringify(claims({ exp: 0 })).replace('"exp":0', '"exp":1e400')),
    null: () => expiring(null),
  })
}

proof('AT-12', {
  ...acts({ 'clockTolerance 3600': 3600, 'clockTolerance 301': 301 }, (clockTolerance) =>
    outcomeOfConfiguring('clockTolerance', () => trusting(as, { clockTolerance })),
  ),
  ...acts({ 'expired 4 s ago': 4, 'expired 5 s ago': 5 }, (ago) => withClaims({ exp: NOW - ago })),
})

{
  const lenient = trusting(as, { issuer: { issuer: ISSUER, deviations: { optionalClaims: ['jti'] } } })
  proof('AT-13', {
    ...Object.fromEntries(
      ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'].map((claim) => [
        `no ${claim}`,
        () => withClaims({ [claim]: undefined }),
      ]),
    ),
    'sub ""': () => withClaims({ sub: '' }),
    'sub 1': () => withClaims({ sub: 1 }),
    'jti []': () => withClaims({ jti: [] }),
    'iat "x"': () => withClaims({ iat: 'x' }),
    'no jti where it is optional': async () => present(lenient, await as.issue({ jti: undefined as never })),
    'jti [] where it is optional': async () => present(lenient, await as.issue({ jti: [] as never })),
  })
}

proof('AT-14', {
  'nbf = now': () => withClaims({ nbf: NOW }),
  'nbf = now + 600': () => withClaims({ nbf: NOW + 600, exp: NOW + 900 }),
  'nbf "soon"': () => withClaims({ nbf: 'soon' }),
})

proof('AT-15', {
  'iat = now + 30': () => withClaims({ iat: NOW + 30 }),
  'iat = now + 3600': () => withClaims({ iat: NOW + 3600, exp: NOW + 7200 }),
  'lifetime of 2 days, maxTokenLifetime 1 day': async () =>
    present(trusting(as, { maxTokenLifetime: DAY }), await as.issue({ exp: NOW + 2 * DAY })),
  'lifetime of 2 days, nothing configured': () => withClaims({ exp: NOW + 2 * DAY }),
  'lifetime of 32 days, nothing configured': () => withClaims({ exp: NOW + 32 * DAY }),
})

{
  const good = tokenOf(KEY)
  const [head, body, signature] = good.split('.') as [string, string, string]
  proof('AT-16', {
    ...acts(
      {
        'one segment': head,
        'two segments': `${head}.${body}`,
        'four segments': `${good}.${signature}`,
        'bad base64url': `${head}.${body}.${signature}+/`,
        'header not JSON': forge('{"alg":"ES256"', claims(), KEY),
      },
      (token) => present(ordinary(), token),
    ),
    ...acts({ 'payload not an object': '"claims"', 'payload []': '[]', 'payload null': 'null' }, withPayload),
  })
}

proof('AT-17', {
  'role missing': async () => present(rs, await as.issue({ roles: ['guest'] }), role('admin')),
  'role present': async () => present(rs, await as.issue({ roles: ['guest', 'admin'] }), role('admin')),
})

/** The token which a handler would see. */
async function seen(token: string, api: ResourceServer): Promise<{ answer: Outcome; auth: AccessToken }> {
  const result = await api.authorize(requestWith(`Bearer ${token}`))
  if (!result.ok) throw result.error
  return { answer: outcomeOf(result), auth: result.auth }
}

proof('AT-19', {
  'x: {y: 1}': async () => {
    const { answer, auth } = await seen(await as.issue({ x: { y: 1 } }), rs)
    return { answer, shown: JSON.stringify(auth.claims['x']) } as Facts
  },
  'claim __proto__': async () => {
    const text = JSON.stringify(claims()).replace('{', '{"__proto__":{"polluted":true},')
    const { answer, auth } = await seen(forge(header(KEY), text, KEY), ordinary())
    const own = Object.getOwnPropertyDescriptor(auth.claims, '__proto__')?.value as unknown
    return {
      answer,
      shown: JSON.stringify(own),
      polluted: 'polluted' in auth.claims || 'polluted' in {},
      prototypes: Object.getPrototypeOf(auth.claims) === null ? 'untouched' : 'changed',
    } as Facts
  },
  '200 unknown claims': async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`claim${i}`, i]))
    const { answer, auth } = await seen(await as.issue(many), rs)
    return {
      answer,
      shown: Object.keys(auth.claims).filter((name) => name.startsWith('claim')).length,
    } as Facts
  },
})

{
  const scopesOf = async (value: unknown, api = rs): Promise<Facts> => {
    const { answer, auth } = await seen(await as.issue({ scope: value }), api)
    return { answer, scopes: [...auth.scopes].toSorted() } as Facts
  }
  proof('AT-20', {
    ...Object.fromEntries(
      ['a b', 'a  b', 'b a', ' a', 'A a', '', ['a'], 7].map((value) => [
        JSON.stringify(value),
        () => scopesOf(value),
      ]),
    ),
    '["a"] with a mapping which reads it': () =>
      scopesOf(['a'], trusting(as, { authorities: { scopes: (c) => c['scope'] as string[] } })),
  })
}

{
  const token = await as.issue({ aud: [AUDIENCE, 'https://other.example'], scope: 'admin' })
  const bounded = trusting(as, { issuer: { issuer: ISSUER, allow: { scopes: ['read'] } } })
  proof('AT-21', {
    'two audiences, scope admin': () => present(rs, token, scope('admin')),
    'two audiences, scope admin, not among those which the issuer may give': () =>
      present(bounded, token, scope('admin')),
  })
}

{
  const forms = {
    '["x"]': ['x'],
    '[{"value":"x"}]': [{ value: 'x' }],
    'both mixed': ['y', { value: 'x', display: 'X', type: 'direct' }],
    '{"value":"x"}': { value: 'x' },
    '"x"': 'x',
    '[{"display":"x"}]': [{ display: 'x' }],
    '[null]': [null],
  }
  proof('AT-22', {
    ...acts<unknown>(forms, async (roles) => present(rs, await as.issue({ roles }), role('x'))),
    'not(role) and {"value":"x"}': async () =>
      present(rs, await as.issue({ roles: { value: 'x' } }), not(role('x'))),
    'not(role) and [null]': async () => present(rs, await as.issue({ roles: [null] }), not(role('x'))),
  })
}

{
  const token = await as.issue({ groups: [{ value: 'e9e30dba', display: 'Tour Guides' }] })
  proof('AT-23', {
    'guard by display': () => present(rs, token, group('Tour Guides')),
    'guard by value': () => present(rs, token, group('e9e30dba')),
  })
}

{
  const folding = trusting(as, {
    authorities: { roles: (c) => (c['roles'] as string[] | undefined)?.map((name) => name.toLowerCase()) },
  })
  proof('AT-24', {
    'guard Admin, token admin': async () => present(rs, await as.issue({ roles: ['admin'] }), role('Admin')),
    'guard admin, token Admin, a mapping which folds case': async () =>
      present(folding, await as.issue({ roles: ['Admin'] }), role('admin')),
  })
}

proof('AT-25', {
  'same sub from two issuers': async () => {
    const other = await makeIssuer('ES256', 'https://other-as.example')
    const api = createResourceServer({
      issuer: [ISSUER, 'https://other-as.example'],
      audience: AUDIENCE,
      [clock]: () => NOW,
      [customFetch]: (input, init) => (String(input).startsWith(ISSUER) ? as : other).fetch(input, init),
    })
    const both = [
      await seen(await as.issue({ sub: 'alice' }), api),
      await seen(await other.issue({ sub: 'alice' }), api),
    ]
    return {
      answers: both.map(({ answer }) => String(answer)),
      principals: new Set(both.map(({ auth }) => JSON.stringify([auth.issuer, auth.subject]))).size,
      subjects: new Set(both.map(({ auth }) => auth.subject)).size,
    }
  },
})

{
  const typed =
    (typ: string, more: Claims = {}) =>
    async () =>
      present(rs, await as.issue(more, { typ }))
  const relaxed = trusting(as, { issuer: { issuer: ISSUER, deviations: { typ: ['JWT', null] } } })
  const logout = { events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, sid: 's' }
  proof('AT-26', {
    'ID token': typed('JWT', { nonce: 'n', at_hash: 'h', azp: 'client-1' }),
    'logout token': typed('logout+jwt', logout),
    ...Object.fromEntries(
      [
        'token-introspection+jwt',
        'txntoken+jwt',
        'oauth-id-jag+jwt',
        'client-authentication+jwt',
        'statuslist+jwt',
        'dpop+jwt',
      ].map((typ) => [typ, typed(typ)]),
    ),
    JARM: async () => present(rs, await as.issue({ code: 'c', state: 's' }, { typ: undefined })),
    'ID token where typ is relaxed': async () =>
      present(relaxed, await as.issue({ nonce: 'n', at_hash: 'h' }, { typ: 'JWT' })),
    'logout token without typ where typ is relaxed': async () =>
      present(relaxed, await as.issue(logout, { typ: undefined })),
  })
}

{
  const twoKeys = async () => {
    const issuer = await makeIssuer()
    const { keys } = await issuer.rotate()
    return { issuer, second: keys[1]?.kid as string }
  }
  proof('AT-27', {
    'second published key': async () => {
      const { issuer, second } = await twoKeys()
      return present(trusting(issuer), await issuer.issue({}, { kid: second }))
    },
    'second published key, revoked here': async () => {
      const { issuer, second } = await twoKeys()
      const api = trusting(issuer)
      await api.ready()
      api.revokeKey(ISSUER, second)
      return present(api, await issuer.issue({}, { kid: second }))
    },
  })
}

proof('AT-28', {
  'two documents with different jwks_uri, at run time': async () => {
    const web = site({
      [METADATA]: () => Response.json({ issuer: ISSUER, jwks_uri: JWKS }),
      [`${ISSUER}/.well-known/openid-configuration`]: () =>
        Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/other` }),
      [JWKS]: () => Response.json({ keys: [KEY.jwk] }),
    })
    const answer = await present(server(web), tokenOf(KEY))
    return { answer, asked: web.fetched.map((url) => new URL(url).pathname) }
  },
})

{
  const PERSONAL = ['alice@people.example', 'Wonderland-7731', 'secret-subject-4711']
  const [mail, place, subject] = PERSONAL as [string, string, string]
  /** Everything that leaves a resource server about one token: answer, error, events, what is printed. */
  const leaksOf = async (token: string): Promise<Facts> => {
    const left: unknown[] = []
    const keep = (event: unknown): void => {
      left.push(event)
    }
    const printers = (['debug', 'log', 'info', 'warn', 'error'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation((...printed) => keep(printed)),
    )
    const api = trusting(as, { onDecision: keep, onIssuerEvent: keep })
    const result = await api.authorize(requestWith(`Bearer ${token}`)).finally(() => {
      for (const printer of printers) printer.mockRestore()
    })
    if (result.ok) throw new Error('accepted')
    const { error, response } = result
    left.push(response, error.message, error.stack, String(error), error.headers, JSON.stringify(error))
    left.push(await error.getResponse().text())
    const text = inspect(left, { depth: 20, maxStringLength: null, maxArrayLength: null, showHidden: true })
    return {
      answer: outcomeOf(result),
      leaked: [...PERSONAL, ...token.split('.')].filter((secret) => text.includes(secret)),
    }
  }
  const person = { sub: subject, email: mail, address: { locality: place } }
  proof('AT-29', {
    'expired token with personal data': async () => leaksOf(await as.issue({ ...person, exp: NOW - 60 })),
    'token of a stranger with personal data': async () =>
      leaksOf(await as.issue({ ...person, iss: `https://${place.toLowerCase()}.example/${place}` })),
    'claim of the wrong type with personal data': async () =>
      leaksOf(await as.issue({ ...person, sub: [subject] as never, aud: AUDIENCE })),
    'header with personal data': async () => leaksOf(await as.issue(person, { typ: mail, kid: place })),
  })
}
