import {
  allowTokenEndpointAudience,
  clientSecretJwt,
  clock,
  type GrantContext,
  memoryReplayStore,
  type ReplayStore,
} from '@atjwt/core/assertion'

import {
  ASSERTION_TYPE,
  CLIENT,
  CLIENT_KEY,
  clientAssertion,
  clientOf,
  clients,
  endpoint,
  grantAssertion,
  grantOf,
  grants,
  GRANT_TYPE,
  IDP,
  IDP_KEY,
  idJag,
  idp,
  NOW,
  outcomeOfAssertion,
  PARTNER,
  partner,
  post,
  SECRET,
  secretAssertion,
  SERVER,
  TOKEN_ENDPOINT,
} from './assertion-world.ts'
import { outcomeOfConfiguring } from './outcome.ts'
import { type Act, acts, proof } from './proof.ts'
import type { Outcome } from './requirement.ts'
import { forgeHmac, makeSigner } from './signer.ts'

type Changes = Readonly<Record<string, unknown>>

const asClient = async (assertion: string, verifier = clients()): Promise<Outcome> =>
  outcomeOfAssertion(await verifier.verify(assertion))
const asGrant = async (
  assertion: string,
  verifier: Pick<ReturnType<typeof grants>, 'verify'> = grants(),
  context?: GrantContext,
): Promise<Outcome> => outcomeOfAssertion(await verifier.verify(assertion, context))
const asked = async (request: Request, judge = endpoint()): Promise<Outcome> =>
  outcomeOfAssertion(await judge(request))

/** The same change, in a client assertion and in a grant. */
const client =
  (changes: Changes): Act =>
  () =>
    asClient(clientAssertion(changes))
const grant =
  (changes: Changes): Act =>
  () =>
    asGrant(grantAssertion(changes))

const good = (): Changes => ({ ...grantOf(grantAssertion()), ...clientOf(clientAssertion()) })
const form = (parameters: Changes): Request => post(parameters as Record<string, string>)
const basic = (id: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${btoa(`${id}:${secret}`)}`,
})
const other = makeSigner('ES256', 'c1')

proof('JA-01', {
  'one assertion': () => asked(form(good())),
  'no assertion': () => asked(form({ ...clientOf(clientAssertion()), grant_type: GRANT_TYPE })),
  'empty assertion': () => asked(form({ ...good(), assertion: '' })),
  'two assertions': () =>
    asked(post([...Object.entries(good() as Record<string, string>), ['assertion', grantAssertion()]])),
  'another grant type': () =>
    asked(form({ ...good(), grant_type: 'urn:ietf:params:oauth:grant-type:saml2-bearer' })),
})

const authenticating = (changes: Changes): Request =>
  form({ grant_type: 'client_credentials', ...clientOf(clientAssertion()), ...changes })
proof('JA-02', {
  'one client_assertion': () => asked(authenticating({})),
  'wrong client_assertion_type': () =>
    asked(
      authenticating({ client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }),
    ),
  'no client_assertion_type': () => asked(authenticating({ client_assertion_type: '' })),
  'no client_assertion': () => asked(authenticating({ client_assertion: '' })),
  'two client_assertions': () =>
    asked(
      post([
        ['grant_type', 'client_credentials'],
        ['client_assertion_type', ASSERTION_TYPE],
        ['client_assertion', clientAssertion()],
        ['client_assertion', clientAssertion()],
      ]),
    ),
})

proof('JA-03', {
  'grant: unknown issuer': grant({ iss: 'https://nobody.example' }),
  'grant: slash at the end': grant({ iss: `${PARTNER}/` }),
  'grant: other case': grant({ iss: PARTNER.toUpperCase() }),
  'grant: absent': grant({ iss: undefined }),
  'grant: number': grant({ iss: 1 }),
  'client: unknown': client({ iss: 'nobody', sub: 'nobody' }),
  'client: absent': client({ iss: undefined }),
})

proof('JA-04', {
  'client: another sub': client({ sub: 'client-2' }),
  'client: another iss': client({ iss: 'client-2' }),
  'client: no sub': client({ sub: undefined }),
  'client: the client_id parameter names another': () => asked(authenticating({ client_id: 'client-2' })),
  'grant: no sub': grant({ sub: undefined }),
})

proof('JA-05', {
  ...acts<unknown>(
    {
      issuer: SERVER,
      '[issuer]': [SERVER],
      'token endpoint': TOKEN_ENDPOINT,
      '[issuer, token endpoint]': [SERVER, TOKEN_ENDPOINT],
      '[issuer, another server]': [SERVER, 'https://other.example'],
      'another server': 'https://other.example',
      'empty list': [],
      'list of a number': [1],
      object: { [SERVER]: true },
      absent: undefined,
    },
    (aud) => asClient(clientAssertion({ aud })),
  ),
  ...acts<unknown>(
    {
      'token endpoint where it is allowed by name': TOKEN_ENDPOINT,
      'both names where the token endpoint is allowed': [SERVER, TOKEN_ENDPOINT],
    },
    (aud) => asClient(clientAssertion({ aud }), clients({ [allowTokenEndpointAudience]: TOKEN_ENDPOINT })),
  ),
})

proof(
  'JA-06',
  acts<unknown>(
    {
      issuer: SERVER,
      'token endpoint': TOKEN_ENDPOINT,
      '[issuer, token endpoint]': [SERVER, TOKEN_ENDPOINT],
      neither: 'https://other.example',
      '[issuer, another server]': [SERVER, 'https://other.example'],
      absent: undefined,
    },
    (aud) => asGrant(grantAssertion({ aud })),
  ),
)

proof('JA-07', {
  'client: slash at the end': client({ aud: `${SERVER}/` }),
  'client: upper case': client({ aud: 'https://AS.example' }),
  'client: port': client({ aud: `${SERVER}:443` }),
  'grant: slash at the end': grant({ aud: `${SERVER}/` }),
})

const TEN_YEARS = 10 * 365 * 86_400
proof('JA-08', {
  'client: in 300 s': client({ exp: NOW + 300 }),
  'grant: in an hour': grant({ exp: NOW + 3600 }),
  'client: past within the tolerance': client({ exp: NOW - 4 }),
  'client: absent': client({ exp: undefined }),
  'client: past': client({ exp: NOW - 5 }),
  'client: string': client({ exp: String(NOW + 60) }),
  'client: infinite': () => {
    const claims = JSON.stringify({ iss: CLIENT, sub: CLIENT, aud: SERVER, jti: 'x' })
    const signed = clientAssertion()
    const payload = Buffer.from(claims.replace('}', ',"exp":1e400}')).toString('base64url')
    return asClient(signed.replace(/\..*\./, `.${payload}.`))
  },
  'client: in ten years': client({ exp: NOW + TEN_YEARS }),
  'client: in 301 s': client({ exp: NOW + 301 }),
  'client: without iat, in 400 s': client({ iat: undefined, exp: NOW + 400 }),
  'grant: absent': grant({ exp: undefined }),
  'grant: past': grant({ exp: NOW - 5 }),
  'grant: in ten years': grant({ exp: NOW + TEN_YEARS }),
})

proof('JA-09', {
  'client: nbf ahead by a minute': client({ nbf: NOW + 60 }),
  'client: nbf ahead': client({ nbf: NOW + 61 }),
  'client: iat ahead': client({ iat: NOW + 61, exp: NOW + 100 }),
  'client: nbf is a string': client({ nbf: 'soon' }),
  'grant: nbf ahead': grant({ nbf: NOW + 61 }),
  'grant: iat ahead': grant({ iat: NOW + 61, exp: NOW + 100 }),
})

/** The second of two presentations; the first must have passed. */
async function second<T>(
  verify: (assertion: string) => Promise<{ ok: boolean } & T>,
  first: string,
  then = first,
): Promise<{ ok: boolean } & T> {
  if (!(await verify(first)).ok) throw new Error('the first was refused')
  return verify(then)
}
const storing = (claim: ReplayStore['claim']) => () =>
  asClient(clientAssertion(), clients({ replay: { claim } }))

proof('JA-10', {
  'client: twice': async () => {
    const verifier = clients()
    return outcomeOfAssertion((await second((one) => verifier.verify(one), clientAssertion())) as never)
  },
  'client: one jti, two assertions': async () => {
    const verifier = clients()
    const [one, two] = [clientAssertion({ jti: 'same' }), clientAssertion({ jti: 'same', exp: NOW + 90 })]
    return outcomeOfAssertion((await second((each) => verifier.verify(each), one, two)) as never)
  },
  'client: absent': client({ jti: undefined }),
  'client: empty': client({ jti: '' }),
  'client: number': client({ jti: 1 }),
  'client: 513 characters': client({ jti: 'x'.repeat(513) }),
  'grant: twice': async () => {
    const verifier = grants()
    return outcomeOfAssertion((await second((one) => verifier.verify(one), grantAssertion())) as never)
  },
  'grant: absent': grant({ jti: undefined }),
  'ID-JAG: absent': () => asGrant(idJag({ jti: undefined }), grants(), { client_id: CLIENT }),
  'one jti at two issuers': async () => {
    const key = makeSigner('ES256', 'q1')
    const verifier = grants({
      trusted: [partner, { issuer: 'https://second.example', jwks: { keys: [key.jwk as never] } }],
    })
    const two = grantAssertion({ iss: 'https://second.example', jti: 'same' }, {}, key)
    const last = await second((each) => verifier.verify(each), grantAssertion({ jti: 'same' }), two)
    return outcomeOfAssertion(last as never)
  },
  'one jti, for a client and a grant': () => {
    const replay = memoryReplayStore({ [clock]: () => NOW })
    const judge = endpoint({ clients: clients({ replay }), grants: grants({ replay }) })
    const both = {
      ...grantOf(grantAssertion({ jti: 'same' })),
      ...clientOf(clientAssertion({ jti: 'same' })),
    }
    return asked(form(both), judge)
  },
  'grant: absent where it is not required': () =>
    asGrant(grantAssertion({ jti: undefined }), grants({ trusted: { ...partner, requireJti: false } })),
  'after a refusal for another reason': async () => {
    const verifier = grants()
    const assertion = idJag()
    const refused = await verifier.verify(assertion, { client_id: 'client-2' })
    if (refused.ok) throw new Error('accepted for another client')
    return outcomeOfAssertion(await verifier.verify(assertion, { client_id: CLIENT }))
  },
  'client: the store fails': storing(() => Promise.reject(new Error('no connection'))),
  'client: the store is full': async () => {
    const verifier = clients({ replay: memoryReplayStore({ max: 1, [clock]: () => NOW }) })
    const last = await second((one) => verifier.verify(one), clientAssertion(), clientAssertion())
    return outcomeOfAssertion(last as never)
  },
  'client: the store says neither': storing(() => 'OK' as never),
})

const rsa = makeSigner('RS256', 'r1')
const rsaClients = () =>
  clients({ clients: (client_id) => ({ client_id, jwks: { keys: [rsa.jwk as never] } }) })
proof('JA-11', {
  'client: RS256': () => asClient(clientAssertion({}, {}, rsa), rsaClients()),
  'client: HS256 with its secret': () => asClient(secretAssertion()),
  'grant: RS256': () =>
    asGrant(
      grantAssertion({}, {}, rsa),
      grants({ trusted: { issuer: PARTNER, jwks: { keys: [rsa.jwk as never] } } }),
    ),
  'client: none': () => asClient(clientAssertion({}, { alg: 'none' })),
  'client: none with an empty signature': () =>
    asClient(clientAssertion({}, { alg: 'none' }).replace(/[^.]+$/, '')),
  'client: another key': () => asClient(clientAssertion({}, {}, other)),
  'client: another secret': () => asClient(secretAssertion({}, {}, SECRET.toUpperCase())),
  'grant: another key': () => asGrant(grantAssertion({}, { kid: 'p1' }, other)),
})

proof('JA-12', {
  'expired assertion': () => asked(form({ ...good(), ...grantOf(grantAssertion({ exp: NOW - 60 })) })),
})

const credentials = { grant_type: 'client_credentials' }
proof('JA-13', {
  'bad client_assertion': () => asked(authenticating(clientOf(clientAssertion({}, {}, other)))),
  'wrong secret in the header field': () => asked(post(credentials, basic('client-2', 'wrong'))),
  'wrong secret in the body': () =>
    asked(post({ ...credentials, client_id: 'client-2', client_secret: 'wrong' })),
  'another scheme in the header field': () => asked(post(credentials, { authorization: 'Bearer x' })),
  'no authentication': () => asked(post(credentials)),
})

const bad = clientOf(clientAssertion({}, {}, other))
proof('JA-14', {
  'good assertion, good client_assertion': () => asked(form(good())),
  'good assertion, bad client_assertion': () => asked(form({ ...good(), ...bad })),
  'bad assertion, bad client_assertion': () =>
    asked(form({ ...bad, ...grantOf(grantAssertion({}, { kid: 'p1' }, other)) })),
  'good assertion, bad client_assertion, authentication optional': () =>
    asked(form({ ...good(), ...bad }), endpoint({ clientAuthentication: 'optional' })),
  'good assertion, bad client_assertion, authentication implicit': () =>
    asked(form({ ...good(), ...bad }), endpoint({ clientAuthentication: 'implicit' })),
  'bad assertion, good client_assertion': () =>
    asked(form({ ...good(), ...grantOf(grantAssertion({}, { kid: 'p1' }, other)) })),
})

const secretInBody = { client_id: 'client-2', client_secret: 'correct' }
proof('JA-15', {
  'Basic and client_assertion': () => asked(post(good() as never, basic('client-2', 'correct'))),
  'client_secret and client_assertion': () => asked(form({ ...good(), ...secretInBody })),
  'Basic and client_secret': () =>
    asked(post({ ...credentials, ...secretInBody }, basic('client-2', 'correct'))),
  'Basic and client_assertion_type alone': () =>
    asked(post({ ...credentials, client_assertion_type: ASSERTION_TYPE }, basic('client-2', 'correct'))),
  'Bearer and client_assertion': () => asked(post(good() as never, { authorization: 'Bearer x' })),
})

proof(
  'JA-16',
  acts<unknown>(
    {
      'client-authentication+jwt': 'client-authentication+jwt',
      'application/client-authentication+jwt': 'application/client-authentication+jwt',
      'Client-Authentication+JWT': 'Client-Authentication+JWT',
      JWT: 'JWT',
      absent: undefined,
      'at+jwt': 'at+jwt',
      'oauth-id-jag+jwt': 'oauth-id-jag+jwt',
      'authorization-grant+jwt': 'authorization-grant+jwt',
      'dpop+jwt': 'dpop+jwt',
      x: 'x',
      number: 1,
    },
    (typ) => asClient(clientAssertion({}, { typ })),
  ),
)

const accessToken = { client_id: CLIENT, scope: 'orders:read' }
proof('JA-17', {
  'at+jwt': () => asGrant(grantAssertion(accessToken, { typ: 'at+jwt' })),
  'application/at+jwt': () => asGrant(grantAssertion(accessToken, { typ: 'application/at+jwt' })),
  'access token with typ JWT': () => asGrant(grantAssertion(accessToken)),
  'access token without typ': () => asGrant(grantAssertion(accessToken, { typ: undefined })),
  'access token for an API': () => asGrant(grantAssertion({ ...accessToken, aud: 'https://api.example' })),
})

const mapping = (subject: () => string | undefined) => () =>
  asGrant(grantAssertion(), grants({ trusted: { ...partner, subject } }))
proof('JA-18', {
  'known subject': mapping(() => 'account-1'),
  'unknown subject': mapping(() => undefined),
  'the look-up fails': mapping(() => {
    throw new Error('no connection')
  }),
})

const jag =
  (changes: Changes, header: Changes = {}): Act =>
  () =>
    asGrant(idJag(changes, header), grants(), { client_id: CLIENT })
proof('JA-19', {
  'its client': jag({}),
  'list of one audience': jag({ aud: [SERVER] }),
  'another client': jag({ client_id: 'client-2' }),
  'no authenticated client': () => asGrant(idJag()),
  'two audiences': jag({ aud: [SERVER, TOKEN_ENDPOINT] }),
  'token endpoint': jag({ aud: TOKEN_ENDPOINT }),
  ...Object.fromEntries(
    ['client_id', 'jti', 'exp', 'iat', 'iss', 'sub', 'aud'].map((claim) => [
      `no ${claim}`,
      jag({ [claim]: undefined }),
    ]),
  ),
  'ID-JAG of an issuer of plain grants': () =>
    asGrant(
      grantAssertion({ client_id: CLIENT }, { typ: 'oauth-id-jag+jwt' }),
      grants({ trusted: [partner, idp] }),
      { client_id: CLIENT },
    ),
  'plain grant of an issuer of ID-JAGs': () => asGrant(grantAssertion({ iss: IDP }, {}, IDP_KEY)),
  'typ JWT': jag({}, { typ: 'JWT' }),
})

const cnf = { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }
const confirming = (confirm: () => unknown) => () =>
  asGrant(idJag({ cnf }), grants({ confirm: confirm as never }), { client_id: CLIENT })
proof('JA-20', {
  'cnf, nothing which could confirm it': jag({ cnf }),
  'cnf, not confirmed': confirming(() => false),
  'cnf, confirmed by something that is not true': confirming(() => 'yes'),
  'cnf, confirmed': confirming(() => true),
  'cnf in a plain grant': grant({ cnf }),
  'cnf in a client assertion': client({ cnf }),
})

const hmac = (secret: string) => () =>
  asClient(
    forgeHmac(
      { alg: 'HS256', typ: 'client-authentication+jwt', kid: CLIENT_KEY.kid },
      { iss: CLIENT, sub: CLIENT, aud: SERVER, iat: NOW, exp: NOW + 60, jti: 'mac' },
      secret,
    ),
  )
const configuring = (secret: string) => () =>
  outcomeOfConfiguring('secret', () => clientSecretJwt({ secret, alg: 'HS256' }))
const registering = (client: object) => () =>
  asClient(clientAssertion(), clients({ clients: () => ({ client_id: CLIENT, ...client }) as never }))
const pem = CLIENT_KEY.publicKey.export({ type: 'spki', format: 'pem' }).toString()
proof('JA-21', {
  'HS256 with the public key of the client as PEM': hmac(pem),
  'HS256 with the public key of the client as JWK': hmac(JSON.stringify(CLIENT_KEY.jwk)),
  'ES256 of a client which has a secret': () =>
    asClient(clientAssertion({ iss: 'client-with-secret', sub: 'client-with-secret' })),
  'HS384 with the secret of a client of HS256': () => asClient(secretAssertion({}, { alg: 'HS384' })),
  'RS256 of a client registered for ES256': () =>
    asClient(
      clientAssertion({}, {}, rsa),
      clients({
        clients: (client_id) => ({
          client_id,
          jwks: { keys: [rsa.jwk as never, CLIENT_KEY.jwk as never] },
          algorithms: 'ES256',
        }),
      }),
    ),
  'a key in the header': () => asClient(clientAssertion({}, { jwk: other.jwk }, other)),
  'x5c in the header': () => asClient(clientAssertion({}, { x5c: ['MIIB'] }, other)),
  'HS256 as a grant': () =>
    asGrant(
      forgeHmac(
        { alg: 'HS256', typ: 'JWT' },
        { iss: PARTNER, sub: 'user-1', aud: SERVER, exp: NOW + 60, jti: 'mac' },
        SECRET,
      ),
    ),
  'secret shorter than the digest': configuring(SECRET.slice(1)),
  'secret which is a public key': configuring(pem),
  'secret of one character': configuring('x'.repeat(64)),
  'client with a secret and keys': registering({
    secret: clientSecretJwt({ secret: SECRET, alg: 'HS256' }),
    jwks: { keys: [CLIENT_KEY.jwk] },
  }),
  'client with a secret among its keys': registering({
    jwks: { keys: [{ kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), alg: 'HS256' }] },
  }),
})
