// oxlint-disable no-await-in-loop -- one request after the other, so that each is seen alone
import type { ResourceServer } from '@atjwt/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type RawAnswer, type RawRequest, sendRaw } from '../helpers/raw-http.ts'
import { type RunningServer, SERVERS } from '../helpers/servers.ts'
import { EXPECTED } from './expected-codes.ts'
import {
  CASES,
  CORPUS,
  type HostileCase,
  isB64token,
  policyOf,
  type SetupName,
  setupOf,
  staticServer,
} from './hostile.ts'
import { leaksOf, recordOutput } from './leaks.ts'
import { expectedAtRequest, expectRefusal } from './refusal.ts'

/** Octets of all header fields, beyond which Node answers 431 before anybody is asked. */
const NODE_HEADER_LIMIT = 16 * 1024

const WIRE_ERRORS = {
  no_credentials: null,
  credentials_malformed: 'invalid_request',
  token_opaque: 'invalid_token',
  token_malformed: 'invalid_token',
} as const

/** RFC 9110 §5.5: white space around a field value is not part of it, so without it this is a good token. */
const TRIMMED_BY_HTTP = ['S-grammar-011']

function requestOf(one: HostileCase): RawRequest {
  const policy = policyOf(one)
  const target = policy === undefined ? '/things' : `/${policy.op}`
  if (one.request === undefined) return { target, headers: [['Authorization', `Bearer ${one.token}`]] }
  const { pathname, search } = new URL(one.request.url)
  return { method: one.request.method, target: `${pathname}${search}`, headers: one.request.headers }
}

function lengthOf({ headers, target }: RawRequest): number {
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length, target.length)
}

const endsField = (one: HostileCase): boolean => /[\r\n\0]/.test(one.token ?? '')
const isTooLong = (one: HostileCase): boolean => lengthOf(requestOf(one)) > NODE_HEADER_LIMIT - 256
const CARRIED = CASES.filter((one) => !endsField(one) && !isTooLong(one))

test('what HTTP cannot carry is a handful, and known', () => {
  expect(CASES.filter(endsField).map(({ id }) => id)).toEqual(['S-grammar-010'])
  expect(CASES.filter(isTooLong).map(({ id }) => id)).toEqual([
    'S-jwe-004',
    'S-grammar-013',
    'S-grammar-014',
    'S-deep-005',
    'S-deep-007',
    'S-deep-008',
    'S-http-012',
  ])
  expect(CARRIED).toHaveLength(CASES.length - 8)
})

describe.each(SERVERS)('$name', (server) => {
  const running = new Map<SetupName, RunningServer>()
  const apis: ResourceServer[] = []
  let handled: string[] = []
  let output: ReturnType<typeof recordOutput>

  beforeAll(async () => {
    output = recordOutput()
    for (const setup of ['main', 'single', 'two issuers'] as const) {
      const api = staticServer(setup)
      apis.push(api)
      const guards = CASES.flatMap((one) => policyOf(one) ?? [])
      const routes = [...new Map(guards.map((policy) => [policy.op, policy])).values()].map((policy) => ({
        path: `/${policy.op}`,
        policy,
      }))
      running.set(
        setup,
        await server.start(api, {
          routes: [{ path: '/things' }, ...routes],
          onHandled: (path) => handled.push(path),
        }),
      )
    }
  })
  afterAll(async () => {
    output.restore()
    await Promise.all([...running.values()].map((each) => each.close()))
  })

  async function send(one: HostileCase): Promise<RawAnswer | undefined> {
    handled = []
    const { port } = running.get(setupOf(one)) as RunningServer
    return sendRaw(port, requestOf(one))
  }

  async function answerTo(one: HostileCase): Promise<RawAnswer> {
    const answer = await send(one)
    if (answer === undefined) throw new Error('no answer')
    return answer
  }

  const isAccepted = (one: HostileCase): boolean =>
    EXPECTED[one.id] === 'accepted' || TRIMMED_BY_HTTP.includes(one.id)

  test.each(CARRIED.filter(isAccepted))('lets $id pass: $title', async (one) => {
    const { status, headers, body } = await answerTo(one)
    expect(status).toBe(200)
    expect(handled).toHaveLength(1)
    expect(headers.filter(([name]) => name.toLowerCase() === 'www-authenticate')).toEqual([])
    expect(Object.keys(JSON.parse(body) as object)).toEqual(['sub', 'scopes'])
    expect(leaksOf(one, JSON.stringify(headers))).toEqual([])
  })

  test.each(CARRIED.filter((one) => !isAccepted(one)))('refuses $id: $title', async (one) => {
    const answer = await answerTo(one)
    expect(handled).toEqual([])
    const { expected, wire } = expectedAtRequest(one, EXPECTED[one.id] as never)
    expectRefusal(answer, expected, wire)
    expect(answer.headers.filter(([name]) => name.toLowerCase() === 'vary')).toEqual([])
    expect(leaksOf(one, `${JSON.stringify(answer.headers)}\n${answer.body}`)).toEqual([])
  })

  test.each(CASES.filter((one) => !CARRIED.includes(one)))('never sees $id: $title', async (one) => {
    const answer = await send(one)
    expect(handled).toEqual([])
    // A server which stops reading may reset the connection before its answer has arrived.
    if (answer === undefined) return
    expect(answer.status).toBe(endsField(one) ? 400 : 431)
    expect(leaksOf(one, `${JSON.stringify(answer.headers)}\n${answer.body}`)).toEqual([])
  })

  test.each([
    ['two different tokens', ['S-control-001', 'S-control-002']],
    ['the same token twice', ['S-control-001', 'S-control-001']],
    ['a good token behind a bad one', ['S-exp-002', 'S-control-001']],
  ] as const)('answers 400 when two Authorization fields carry %s', async (_what, ids) => {
    const tokens = ids.map((id) => CASES.find((one) => one.id === id) as HostileCase)
    for (const names of [
      ['Authorization', 'Authorization'],
      ['authorization', 'AUTHORIZATION'],
    ]) {
      handled = []
      const headers = tokens.map(({ token }, i) => [names[i] as string, `Bearer ${token}`] as const)
      const answer = (await sendRaw((running.get('main') as RunningServer).port, {
        target: '/things',
        headers,
      })) as RawAnswer
      expect(handled).toEqual([])
      expectRefusal(answer, 'credentials_malformed', { status: 400, error: 'invalid_request' })
    }
  })

  test.each(['access_token=', 'x=1&access_token='])(
    'reads no token from the query or a form: %s',
    async (prefix) => {
      const { token } = CASES.find(({ id }) => id === 'S-control-001') as HostileCase
      const { port } = running.get('main') as RunningServer
      const form = `${prefix}${token}`
      for (const request of [
        { target: `/things?${form}`, headers: [] },
        { target: '/things', headers: [['Cookie', form.replaceAll('&', '; ')]] },
        { target: '/things', headers: [['X-Forwarded-Authorization', `Bearer ${token}`]] },
        { target: '/things', headers: [['Proxy-Authorization', `Bearer ${token}`]] },
      ] satisfies { target: string; headers: [string, string][] }[]) {
        handled = []
        const answer = (await sendRaw(port, request)) as RawAnswer
        expect(handled).toEqual([])
        expectRefusal(answer, 'no_credentials', { status: 401, error: null })
      }
    },
  )

  const { token } = CASES.find(({ id }) => id === 'S-control-001') as HostileCase & { token: string }
  test.each([
    // Another scheme is no authentication information for us.
    [`BearerX ${token}`, 'no_credentials'],
    [`Token ${token}`, 'no_credentials'],
    [`DPoP ${token}`, 'no_credentials'],
    [`JWT ${token}`, 'no_credentials'],
    [`Negotiate`, 'no_credentials'],
    // What is no credentials by the grammar, or no token behind the scheme, is malformed.
    ['', 'credentials_malformed'],
    ['Bearer', 'credentials_malformed'],
    [`Basic dXNlcjpwYXNz, Bearer ${token}`, 'credentials_malformed'],
    [`Bearer: ${token}`, 'credentials_malformed'],
    [`Bearer=${token}`, 'credentials_malformed'],
    [`Bearer\t${token}`, 'credentials_malformed'],
    [`Bearer ${token} `.replace(' ', '\u00A0'), 'credentials_malformed'],
    [`Bearer \u00A0${token}`, 'credentials_malformed'],
    [`Bearer ${token}\u00A0`, 'credentials_malformed'],
    [`"Bearer" ${token}`, 'credentials_malformed'],
    [`Bearer "${token}"`, 'credentials_malformed'],
    [`Bearer <${token}>`, 'credentials_malformed'],
    [`Bearer ${token} ${token}`, 'credentials_malformed'],
    [`Bearer ${token}, Bearer ${token}`, 'credentials_malformed'],
    [`Bearer ${token},`, 'credentials_malformed'],
    [`, Bearer ${token}`, 'credentials_malformed'],
    [`Bearer realm="x", ${token}`, 'credentials_malformed'],
    [`Bearer ${token}; charset=utf-8`, 'credentials_malformed'],
    [`Bearer %20${token}`, 'credentials_malformed'],
    // By the grammar a token, and no JWT.
    [`Bearer Bearer`, 'token_opaque'],
    [`Bearer ${token}=`, 'token_malformed'],
    [`Bearer ${token.replace('.', '..')}`, 'token_opaque'],
  ] as const)('refuses the field %j', async (field, code) => {
    handled = []
    const { port } = running.get('main') as RunningServer
    const headers = [['Authorization', field]] as const
    const answer = (await sendRaw(port, { target: '/things', headers })) as RawAnswer
    expect(handled).toEqual([])
    expectRefusal(answer, code, {
      status: code === 'credentials_malformed' ? 400 : 401,
      error: WIRE_ERRORS[code],
    })
  })

  test.each([`Bearer   ${token}`, `bEaReR ${token}`, `  Bearer ${token}\t `])(
    'takes the field %j',
    async (field) => {
      const { port } = running.get('main') as RunningServer
      const answer = (await sendRaw(port, {
        target: '/things',
        headers: [['authorization', field]],
      })) as RawAnswer
      expect(answer.status).toBe(200)
    },
  )

  test('wrote nothing of any case to the console', () => {
    expect(output.text()).toBe('')
  })
})

test('a token which is no b64token is one for the grammar to refuse', () => {
  const others = CARRIED.filter(({ token }) => token !== undefined && !isB64token(token))
  expect(others.map(({ id }) => id)).toEqual([
    'S-hdr-crit-005',
    'S-grammar-001',
    'S-grammar-009',
    'S-grammar-011',
    'S-grammar-015',
    'S-grammar-016',
  ])
  expect(CORPUS.cases.length).toBeGreaterThan(others.length)
})
