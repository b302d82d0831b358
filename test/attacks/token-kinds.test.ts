import { clock, createResourceServer, customFetch, type Deviations, type ResourceServer } from '@atjwt/core'
import { createAssertionVerifier, memoryReplayStore } from '@atjwt/core/assertion'
import { describe, expect, test } from 'vitest'

import { noFetch, NOW, SERVER, sign } from '../requirements/assertion-world.ts'
import { makeSigner } from '../requirements/signer.ts'

/*
 * BJ-05: one party is issuer, client and partner at once, with one key, and everything is meant for one audience. What
 * is left to tell one kind of JWT from another is the kind itself.
 */
const PARTY = 'https://party.example'
const KEY = makeSigner('ES256')
const JWKS = { keys: [KEY.jwk] } as never
const CLIENT = 'client-9'

interface Kind {
  readonly typ: string | undefined
  /** What this kind has and says; laid over everything that a consumer asks for. */
  readonly marks: Readonly<Record<string, unknown>>
}

const user = { sub: 'user-1' }
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  'access token': [{ typ: 'at+jwt', marks: { ...user, client_id: CLIENT, scope: 'orders:read' } }],
  'access token without its type': [undefined, 'JWT'].map((typ) => ({
    typ,
    marks: { ...user, client_id: CLIENT, scope: 'orders:read' },
  })),
  'access token of another dialect': [
    { typ: undefined, marks: { ...user, cid: CLIENT, uid: 'user-1', client_id: undefined } },
    { typ: 'JWT', marks: { ...user, appid: CLIENT, appidacr: '1', client_id: undefined } },
    { typ: 'JWT', marks: { ...user, scp: 'orders:read', client_id: undefined } },
    { typ: 'JWT', marks: { ...user, uti: 'u', client_id: undefined } },
  ],
  'ID token': [undefined, 'JWT', 'id_token+jwt'].map((typ) => ({ typ, marks: { ...user, nonce: 'n' } })),
  'ID token of a code': [undefined, 'JWT'].map((typ) => ({
    typ,
    marks: { ...user, at_hash: 'h', azp: CLIENT },
  })),
  'ID token of an authentication': [{ auth_time: NOW }, { acr: 'urn:example:mfa' }, { amr: ['pwd'] }].map(
    (marks) => ({ typ: 'JWT', marks: { ...user, ...marks, client_id: undefined } }),
  ),
  'verifiable credential': ['vc', 'vp'].map((name) => ({
    typ: 'JWT',
    marks: { ...user, [name]: { type: [] }, client_id: undefined },
  })),
  'logout token': [undefined, 'JWT', 'logout+jwt'].map((typ) => ({
    typ,
    marks: { ...user, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
  })),
  'security event': [{ typ: 'secevent+jwt', marks: { ...user, events: {} } }],
  'introspection answer': [
    { typ: 'token-introspection+jwt', marks: { token_introspection: { active: true } } },
    { typ: 'JWT', marks: { token_introspection: { active: true } } },
  ],
  'client assertion': [undefined, 'JWT', 'client-authentication+jwt'].map((typ) => ({
    typ,
    marks: { sub: PARTY, client_id: undefined },
  })),
  'JWT grant': [undefined, 'JWT', 'authorization-grant+jwt'].map((typ) => ({
    typ,
    marks: { ...user, client_id: undefined },
  })),
  'ID-JAG': [{ typ: 'oauth-id-jag+jwt', marks: { ...user, client_id: CLIENT } }],
  'DPoP proof': ['dpop+jwt', 'JWT', undefined].map((typ) => ({
    typ,
    marks: { ...user, htm: 'POST', htu: `${SERVER}/token` },
  })),
  'transaction token': ['txntoken+jwt', 'JWT'].map((typ) => ({
    typ,
    marks: { ...user, tctx: {}, purp: 'x' },
  })),
  'request object': ['oauth-authz-req+jwt', 'JWT', undefined].map((typ) => ({
    typ,
    marks: { response_type: 'code', redirect_uri: 'https://app.example/cb', client_id: PARTY },
  })),
  'authorization response': [undefined, 'JWT'].map((typ) => ({
    typ,
    marks: { ...user, code: 'c', state: 's' },
  })),
  'status list': [{ typ: 'statuslist+jwt', marks: { ...user, status_list: { bits: 1, lst: '' } } }],
  'client attestation': [
    { typ: 'oauth-client-attestation+jwt', marks: { sub: PARTY, cnf: { jwk: KEY.jwk } } },
  ],
  'key binding': [{ typ: 'kb+jwt', marks: { ...user, nonce: 'n' } }],
}

const fixed = { [clock]: () => NOW, [customFetch]: noFetch }

function api(deviations?: Deviations): ResourceServer {
  return createResourceServer({
    issuer: { issuer: PARTY, jwks: JWKS, ...(deviations === undefined ? {} : { deviations }) },
    audience: SERVER,
    ...fixed,
  })
}

const presentTo = async (server: ResourceServer, token: string): Promise<boolean> =>
  server.verify(token).then(
    () => true,
    () => false,
  )

const grantsOf = (type: 'jwt' | 'id-jag') =>
  createAssertionVerifier({
    purpose: 'authorization-grant',
    issuer: SERVER,
    trusted: { issuer: PARTY, jwks: JWKS, type },
    replay: memoryReplayStore({ [clock]: () => NOW }),
    ...fixed,
  })

/** Who looks at tokens, what each asks for, and the one kind which is for it. */
const CONSUMERS: Readonly<
  Record<string, { accepts: string; needs: object; present: (token: string) => Promise<boolean> }>
> = {
  'an API': {
    accepts: 'access token',
    needs: { sub: 'user-1', client_id: CLIENT },
    present: (token) => presentTo(api(), token),
  },
  'client authentication': {
    accepts: 'client assertion',
    needs: { sub: PARTY },
    present: async (token) => {
      const clients = createAssertionVerifier({
        purpose: 'client-authentication',
        issuer: SERVER,
        clients: (client_id) => (client_id === PARTY ? { client_id, jwks: JWKS } : undefined),
        replay: memoryReplayStore({ [clock]: () => NOW }),
        ...fixed,
      })
      return (await clients.verify(token)).ok
    },
  },
  'JWT grants': {
    accepts: 'JWT grant',
    needs: { sub: 'user-1' },
    present: async (token) => (await grantsOf('jwt').verify(token, { client_id: CLIENT })).ok,
  },
  'ID-JAGs': {
    accepts: 'ID-JAG',
    needs: { sub: 'user-1', client_id: CLIENT },
    present: async (token) => (await grantsOf('id-jag').verify(token, { client_id: CLIENT })).ok,
  },
}

let count = 0
const make = ({ typ, marks }: Kind, needs: object): string =>
  sign(
    KEY,
    { iss: PARTY, aud: SERVER, iat: NOW, exp: NOW + 60, jti: `kind-${(count += 1)}`, ...needs, ...marks },
    { typ },
  )

describe.for(Object.entries(CONSUMERS))('%s', ([, { accepts, needs, present }]) => {
  test.for(Object.entries(KINDS))('judges every form of: %s', async ([name, forms]) => {
    for (const form of forms) {
      expect([form.typ, await present(make(form, needs))]).toEqual([form.typ, name === accepts])
    }
  })
})

test('every kind is for one consumer at most, and every consumer takes a kind', () => {
  const accepted = Object.values(CONSUMERS).map(({ accepts }) => accepts)
  expect(new Set(accepted).size).toBe(accepted.length)
  expect(accepted.every((kind) => Object.hasOwn(KINDS, kind))).toBe(true)
})

describe('an API which takes tokens without their type', () => {
  // As each kind is by itself: with all claims of an access token and no type, a JWT is an access token.
  test.for(Object.entries(KINDS))('judges every form of: %s', async ([name, forms]) => {
    for (const form of forms) {
      const passes = name === 'access token' || name === 'access token without its type'
      expect([form.typ, await presentTo(api({ typ: ['JWT', null] }), make(form, {}))]).toEqual([
        form.typ,
        passes,
      ])
    }
  })
})

describe('an API which takes tokens without their type, of an issuer with names of its own', () => {
  const dialects: Readonly<Record<string, Deviations>> = {
    'the client in cid': { client_id: 'cid' },
    'the client in appid': { client_id: 'appid' },
    'the client in azp': { client_id: 'azp' },
    'the id in uti': { jti: 'uti', optionalClaims: ['client_id'] },
  }
  const others = Object.values(CONSUMERS).filter(({ accepts }) => accepts !== 'access token')
  test.for(Object.entries(dialects))(
    'takes none that is accepted as something else: %s',
    async ([, names]) => {
      const server = api({ typ: ['JWT', null], ...names })
      let taken = 0
      for (const form of Object.values(KINDS).flat()) {
        const token = make({ ...form, marks: { [names.client_id ?? 'uti']: 'x', ...form.marks } }, {})
        if (!(await presentTo(server, token))) continue
        taken += 1
        for (const { present } of others) expect([form, await present(token)]).toEqual([form, false])
      }
      expect(taken).toBeGreaterThan(0)
    },
  )
})

test('a grant which says its type may say how its subject was authenticated, and every grant its scope', async () => {
  const session = { auth_time: NOW, acr: 'urn:example:mfa', amr: ['pwd'] }
  const grant = { ...user, client_id: undefined, scope: 'orders:read' }
  for (const { typ, marks, consumer } of [
    { typ: 'authorization-grant+jwt', marks: { ...grant, ...session }, consumer: 'JWT grants' },
    { typ: 'oauth-id-jag+jwt', marks: { ...grant, ...session, client_id: CLIENT }, consumer: 'ID-JAGs' },
    { typ: 'JWT', marks: grant, consumer: 'JWT grants' },
  ])
    expect([typ, await CONSUMERS[consumer]?.present(make({ typ, marks }, {}))]).toEqual([typ, true])
})
