import { Buffer } from 'node:buffer'
import type { RequestListener } from 'node:http'
import { inspect } from 'node:util'

import { all, any, type AnyPolicy, fromNode, optional, type ResourceServer, role, scope } from '@atjwt/core'
import * as forExpress from '@atjwt/express'
import * as forHono from '@atjwt/hono'
import * as forKoa from '@atjwt/koa'
import express from 'express'
import { Hono } from 'hono'
import Koa from 'koa'

import { type NodeAnswer, exchange, guarded } from './node-server.ts'
import {
  bearerParams,
  challengesOf,
  fieldsOf,
  outcomeOf,
  outcomeOfAnswer,
  outcomeOfConfiguring,
} from './outcome.ts'
import { acts, proof } from './proof.ts'
import type { Answer, Facts, Outcome } from './requirement.ts'
import { AUDIENCE, ISSUER, KEY, NOW, ordinary, publishing, requestWith, server, tokenOf } from './world.ts'

const api = ordinary()
const good = tokenOf(KEY)
const expired = tokenOf(KEY, { exp: NOW - 60 })

async function withField(authorization: string): Promise<Outcome> {
  return outcomeOf(await api.authorize(requestWith(authorization)))
}

async function withHeaders(headers: Record<string, string>): Promise<Outcome> {
  return outcomeOf(await api.authorize(new Request(`${AUDIENCE}/orders`, { headers })))
}

/** The refusal of a request. */
async function refused(at: ResourceServer, request: Request, policy?: AnyPolicy) {
  const result = await (policy === undefined ? at.authorize(request) : at.authorize(request, policy))
  if (result.ok) throw new Error('accepted')
  return { ...result.response, answer: outcomeOf(result) }
}

proof('BT-01', { 'Authorization: Bearer t': () => withField(`Bearer ${good}`) })

proof(
  'BT-02',
  acts({ bearer: 'bearer', BEARER: 'BEARER', bEaReR: 'bEaReR' }, (scheme) => withField(`${scheme} ${good}`)),
)

proof(
  'BT-03',
  acts(
    {
      'two spaces': `Bearer  ${good}`,
      TAB: `Bearer\t${good}`,
      Bearer: 'Bearer',
      'Bearer:t': `Bearer:${good}`,
      'Bearer a b': `Bearer ${good} b`,
      'Bearer a,b': `Bearer ${good},${good}`,
      Bearert: `Bearer${good}`,
    },
    withField,
  ),
)

proof(
  'BT-04',
  acts(
    {
      'a=b': `${good}=b`,
      'a%20': `${good}%20`,
      '"t"': `"${good}"`,
      é: `${good}é`,
      // No WHATWG Headers hold a NUL, but what middleware puts on a Node request may.
      NUL: `${good}\0`,
    },
    async (token) => {
      const web = publishing([KEY.jwk])
      const request = fromNode({ headers: { authorization: `Bearer ${token}` } })
      return { answer: outcomeOf(await server(web).authorize(request)), requests: web.fetched } as Facts
    },
  ),
)

const FORM = 'application/x-www-form-urlencoded'
const ask = async (sent: Parameters<typeof exchange>[1]): Promise<Answer> =>
  (await exchange(guarded(api), sent)).answer()

{
  const authorization = `Bearer ${good}`
  const body = `access_token=${expired}`
  const path = `/orders?access_token=${expired}`
  proof('BT-05', {
    'header and body': () => ask({ method: 'POST', headers: { authorization, 'content-type': FORM }, body }),
    'header and query': () => ask({ path, headers: { authorization } }),
    'all three': () => ask({ method: 'POST', path, headers: { authorization, 'content-type': FORM }, body }),
  })
}

proof('BT-06', {
  'two fields': () => ask({ headers: { authorization: [`Bearer ${good}`, `Bearer ${expired}`] } }),
  'two equal fields': () => ask({ headers: { authorization: [`Bearer ${good}`, `Bearer ${good}`] } }),
  'two fields joined by a Fetch runtime': async () => {
    const request = requestWith(`Bearer ${good}`)
    request.headers.append('authorization', `Bearer ${expired}`)
    return outcomeOf(await api.authorize(request))
  },
  'another scheme and Bearer joined by a Fetch runtime': async () => {
    const request = requestWith('Basic YWxpY2U6c2VjcmV0')
    request.headers.append('authorization', `Bearer ${good}`)
    return outcomeOf(await api.authorize(request))
  },
  'the same under optional()': async () => {
    const request = requestWith('Basic YWxpY2U6c2VjcmV0')
    request.headers.append('authorization', `Bearer ${expired}`)
    return outcomeOf(await api.authorize(request, optional()))
  },
})

{
  const form =
    (type: string, body: string | Buffer, method = 'POST') =>
    () =>
      ask({
        method,
        headers: { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) },
        body,
      })
  const multipart = `--x\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n${good}\r\n--x--\r\n`
  proof('BT-07', {
    'JSON body': form('application/json', JSON.stringify({ access_token: good })),
    multipart: form('multipart/form-data; boundary=x', multipart),
    'GET with body': form(FORM, `access_token=${good}`, 'GET'),
    '; charset=utf-8': form(`${FORM}; charset=utf-8`, `access_token=${good}`),
    'non-ASCII body': form(FORM, Buffer.from(`access_token=${good}&name=é`)),
  })
}

{
  const asked = async (headers: Record<string, string>): Promise<Facts> => {
    const left: unknown[] = []
    const observed = ordinary({
      onDecision: (event) => left.push(event),
      onIssuerEvent: (event) => left.push(event),
    })
    const url = `${AUDIENCE}/orders?access_token=${expired}`
    const result = await observed.authorize(new Request(url, { headers }))
    left.push(result.ok ? result.headers : [result.response, result.error, result.error.headers])
    const text = inspect(left, { depth: 20, maxStringLength: null, showHidden: true })
    return {
      answer: outcomeOf(result),
      leaked: [expired, ...expired.split('.'), 'access_token='].filter((secret) => text.includes(secret)),
    }
  }
  proof('BT-08', {
    '?access_token=t alone': () => asked({}),
    '?access_token=t beside a header': () =>
      asked({ authorization: `Bearer ${tokenOf(KEY, { jti: 'other' })}` }),
  })
}

proof('BT-10', { 'no header': () => withHeaders({}) })

proof(
  'BT-11',
  acts(
    {
      Basic: 'Basic YWxpY2U6c2VjcmV0',
      Digest: 'Digest username="alice", realm="x", nonce="n", uri="/", response="r"',
      Negotiate: 'Negotiate YII=',
    },
    withField,
  ),
)

proof('BT-12', {
  'nothing configured': async () => {
    const { answer, headers } = await refused(api, new Request(AUDIENCE))
    return { answer, params: Object.keys(bearerParams(headers)) }
  },
})

proof('BT-13', {
  'extra parameters configured': () =>
    outcomeOfConfiguring('challenge', () => ordinary({ challenge: { realm: 'a', error_uri: 'b' } })),
  'every kind of refusal': async () => {
    const answers = await Promise.all([
      refused(api, new Request(AUDIENCE)),
      refused(api, requestWith('Bearer')),
      refused(api, requestWith(`Bearer ${expired}`)),
      refused(api, requestWith(`Bearer ${good}`), scope('a')),
      refused(api, requestWith(`Bearer ${good}`), role('a')),
    ])
    const names = answers.map(({ headers }) =>
      challengesOf(headers).flatMap(({ params }) => params.map(([name]) => name)),
    )
    return {
      answers: answers.map(({ answer }) => answer),
      repeated: names.flatMap((list) => list.filter((name, i) => list.indexOf(name) !== i)),
    }
  },
})

{
  const OUTSIDE = /[^\x20\x21\x23-\x5B\x5D-\x7E]/g
  proof('BT-14', {
    ...acts(
      {
        quote: 'a"b',
        backslash: String.raw`a\b`,
        'CR LF': 'a\r\nSet-Cookie: x=y',
        TAB: 'a\tb',
        é: 'é',
        '5 kB': 'a'.repeat(5120),
      },
      async (claim) => {
        const naming = ordinary({ issuer: { issuer: ISSUER, deviations: { client_id: claim } } })
        const { answer, headers, status } = await refused(naming, requestWith(`Bearer ${good}`))
        // Through a real header list, which throws on what would end a field.
        const fields = fieldsOf(new Response(null, { status, headers }))
        const description = bearerParams(fields)['error_description'] as string
        return {
          answer,
          outside: description.match(OUTSIDE) ?? [],
          fields: challengesOf(fields).length,
          capped: description.length <= 200,
        } as Facts
      },
    ),
    ...acts({ 'scope with a quote': 'a"b', 'scope with a space': 'a b' }, (name) =>
      outcomeOfConfiguring('scope', () => scope(name)),
    ),
  })
}

proof('BT-15', {
  'realm a"b': async () => {
    const { answer, headers } = await refused(ordinary({ realm: 'a"b' }), new Request(AUDIENCE))
    const field = headers.find(([name]) => name === 'WWW-Authenticate')?.[1] as string
    return { answer, field, realm: bearerParams(headers)['realm'] as string }
  },
  'realm with CR LF': () => outcomeOfConfiguring('realm', () => ordinary({ realm: 'a\r\nb' })),
})

{
  const named = async (authorization: string, policy?: AnyPolicy): Promise<Facts> => {
    const { status, headers } = await refused(api, requestWith(authorization), policy)
    return { status, error: bearerParams(headers)['error'] as string }
  }
  proof('BT-16', {
    invalid_request: () => named('Bearer a b'),
    invalid_token: () => named(`Bearer ${expired}`),
    insufficient_scope: () => named(`Bearer ${good}`, scope('a')),
  })
}

{
  const holding = (held: string) => requestWith(`Bearer ${tokenOf(KEY, { scope: held })}`)
  const named = async (held: string, policy: AnyPolicy): Promise<Facts> => {
    const { answer, headers } = await refused(api, holding(held), policy)
    const { scope: needed } = bearerParams(headers)
    return { answer, ...(needed === undefined ? {} : { scope: needed }) }
  }
  proof('BT-17', {
    'needs a and b, has a': () => named('a', scope('a', 'b')),
    'needs x and y, or a and b and c, has a and b': () =>
      named('a b', any(scope('x', 'y'), scope('a', 'b', 'c'))),
    'needs a and a role, has neither': () => named('other', all(scope('a'), role('r'))),
  })
  proof('BT-18', {
    'has Read, needs read': async () => outcomeOf(await api.authorize(holding('Read'), scope('read'))),
    'has read:all, needs read': async () =>
      outcomeOf(await api.authorize(holding('read:all'), scope('read'))),
  })
}

{
  const EARLIER = 'Negotiate'
  const seen = ({ headers, answer }: Pick<NodeAnswer, 'headers' | 'answer'>): Facts => ({
    answer: answer(),
    fields: headers.filter(([name]) => name.toLowerCase() === 'www-authenticate').length,
    schemes: challengesOf(headers).map(({ scheme }) => scheme),
  })
  proof('BT-19', {
    'challenge of earlier middleware, Express': async () => {
      const app = express()
      app.use((_req, res, next) => {
        res.setHeader('WWW-Authenticate', EARLIER)
        next()
      })
      app.get('/', forExpress.protect(api), (_req, res) => {
        res.end()
      })
      return seen(await exchange(app as RequestListener, {}))
    },
    'challenge of earlier middleware, Koa': async () => {
      const app = new Koa()
      app.use(async (ctx, next) => {
        ctx.set('WWW-Authenticate', EARLIER)
        await next()
      })
      app.use(forKoa.protect(api))
      return seen(await exchange(app.callback(), {}))
    },
    'challenge of earlier middleware, Hono': async () => {
      const app = new Hono()
      app.use(async (c, next) => {
        c.header('WWW-Authenticate', EARLIER)
        await next()
      })
      app.get('/', forHono.protect(api), (c) => c.text('passed'))
      const response = await app.request(AUDIENCE)
      const headers = fieldsOf(response)
      return seen({ headers, answer: () => outcomeOfAnswer(response.status, headers) })
    },
  })
}

{
  const counted = async (authorization: string, policy?: AnyPolicy): Promise<Facts> => {
    const { answer, headers } = await refused(api, requestWith(authorization), policy)
    return { answer, challenges: challengesOf(headers).length }
  }
  proof('BT-20', {
    '401': () => counted(`Bearer ${expired}`),
    '403': () => counted(`Bearer ${good}`, role('a')),
    '403 for a scope': () => counted(`Bearer ${good}`, scope('a')),
    '400': () => counted('Bearer'),
  })
}

{
  const preflight = (headers: Record<string, string>) => async (): Promise<Facts> => {
    let handler = false
    const app = express()
    app.all('/', forExpress.protect(api), (_req, res) => {
      handler = true
      res.end()
    })
    const { status } = await exchange(app as RequestListener, { method: 'OPTIONS', headers })
    return { status, handler }
  }
  const origin = 'https://app.example'
  proof('BT-21', {
    'true preflight': preflight({ origin, 'access-control-request-method': 'DELETE' }),
    'OPTIONS without Origin': preflight({ 'access-control-request-method': 'DELETE' }),
    'OPTIONS without a requested method': preflight({ origin }),
  })
}

proof('BT-22', {
  'token in a cookie': () =>
    ask({ headers: { cookie: `access_token=${good}; Authorization=Bearer ${good}` } }),
})

proof('BT-23', {
  'X-Forwarded-Proto: http from anybody': () =>
    ask({ headers: { authorization: `Bearer ${good}`, 'x-forwarded-proto': 'http' } }),
})

{
  const anyone = async (headers: Record<string, string>) =>
    outcomeOf(await api.authorize(new Request(AUDIENCE, { headers }), optional()))
  proof('BT-24', {
    'no header': () => anyone({}),
    'expired token': () => anyone({ authorization: `Bearer ${expired}` }),
    'malformed header': () => anyone({ authorization: 'Bearer' }),
  })
}

proof('BT-25', {
  'Proxy-Authorization: Bearer t': () => ask({ headers: { 'proxy-authorization': `Bearer ${good}` } }),
  'X-Access-Token: t': () => ask({ headers: { 'x-access-token': good } }),
})
