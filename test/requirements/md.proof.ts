import { allowInsecureRequests, clock, createResourceServer, type ResourceServer } from '@atjwt/core'
import { createTestIssuer } from '@atjwt/testing'
import { vi } from 'vitest'

import { listen } from './node-server.ts'
import { outcomeOfConfiguring } from './outcome.ts'
import { acts, type Act, proof } from './proof.ts'
import type { Answer, Facts } from './requirement.ts'
import { encode, makeSigner } from './signer.ts'
import {
  AUDIENCE,
  claims,
  header,
  ISSUER,
  JWKS,
  KEY,
  METADATA,
  NOW,
  present,
  publishing,
  server,
  site,
  type Site,
  tokenOf,
} from './world.ts'

const good = tokenOf(KEY)
const keys = () => Response.json({ keys: [KEY.jwk] })
const metadata = (changes: Record<string, unknown> = {}) =>
  Response.json({ issuer: ISSUER, jwks_uri: JWKS, ...changes })
/** The web with one issuer whose metadata is this. */
const withMetadata = (answer: () => Response): Site => site({ [METADATA]: answer, [JWKS]: keys })

{
  const configured = (issuer: string, insecure?: true | readonly string[]) => () =>
    outcomeOfConfiguring('issuer', () =>
      createResourceServer({
        issuer,
        audience: AUDIENCE,
        ...(insecure === undefined ? {} : { [allowInsecureRequests]: insecure }),
      }),
    )
  proof('MD-01', {
    'http://as': configured('http://as'),
    'https://as?x': configured('https://as?x'),
    'https://as#f': configured('https://as#f'),
    'as.example': configured('as.example'),
    'http on another host, loopback allowed': configured('http://as.example', true),
    'http on loopback, allowed by name': configured('http://127.0.0.1:8080', ['http://127.0.0.1:8080']),
  })
}

/** The places where the metadata of an issuer is looked for, in order. */
async function placesOf(issuer: string): Promise<readonly string[]> {
  const web = site({})
  await present(server(web, { issuer }), tokenOf(KEY, { iss: issuer }))
  return web.fetched
}

{
  const first = async (issuer: string): Promise<Facts> => ({
    first: (await placesOf(issuer)).at(0) as string,
  })
  const last = async (issuer: string): Promise<Facts> => ({ last: (await placesOf(issuer)).at(-1) as string })
  const same = (...issuers: string[]) => Object.fromEntries(issuers.map((issuer) => [issuer, issuer]))
  proof('MD-02', acts(same('https://h/t1', 'https://h/t1/', 'https://h', 'https://h/'), first))
  proof('MD-03', acts(same('https://h/t1/'), last))
}

{
  const issuer = `${ISSUER}/t1`
  const jwks = `${issuer}/jwks`
  const found = async (before: () => Response, presentations: number): Promise<Facts> => {
    let now = NOW
    const web = site({
      [`${ISSUER}/.well-known/oauth-authorization-server/t1`]: before,
      [`${ISSUER}/.well-known/openid-configuration/t1`]: before,
      [`${issuer}/.well-known/openid-configuration`]: () => Response.json({ issuer, jwks_uri: jwks }),
      [jwks]: keys,
    })
    const api = server(web, { issuer, [clock]: () => now })
    const answers: Answer[] = []
    for (let i = 0; i < presentations; i += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, a while apart
      answers.push(await present(api, tokenOf(KEY, { iss: issuer, jti: `${i}` })))
      now += 5
    }
    return { answers, metadata: web.fetched.filter((url) => url.includes('/.well-known/')).length }
  }
  proof('MD-04', {
    'only the third exists, 404 before': () => found(() => new Response(null, { status: 404 }), 2),
    'only the third exists, HTML before': () =>
      found(() => new Response('<html>', { headers: { 'content-type': 'text/html' } }), 2),
    'only the third exists, 500 before': () => found(() => new Response(null, { status: 500 }), 4),
  })
}

/** What comes of a request, and why `ready()` refuses to start. */
async function startupOf(api: ResourceServer): Promise<string> {
  const ready = await api.ready().then(
    () => 'ready',
    (error: Error) =>
      String((error.cause as Error).message)
        .split(': ')
        .at(-1) as string,
  )
  return ready
}

proof(
  'MD-05',
  acts<unknown>(
    { 'differs by /': `${ISSUER}/`, 'differs by case': 'https://AS.example', absent: undefined },
    async (issuer) => {
      const web = withMetadata(() => metadata({ issuer }))
      const api = server(web)
      const answer = await present(api, good)
      return { answer, startup: await startupOf(api), keysAsked: web.fetched.includes(JWKS) } as Facts
    },
  ),
)

{
  const composed = 'https://as.example/caf\u00e9'
  const decomposed = 'https://as.example/cafe\u0301'
  const tilde = 'https://as.example/~t'
  const escaped = 'https://as.example/%7Et'
  /** An issuer whose document is wherever it is looked for, and says `said`. */
  const said = (issuer: string, documented: string, iss: string) => async () => {
    const web: Site = {
      fetched: [],
      fetch: async (input) =>
        String(input).includes('/.well-known/')
          ? Response.json({ issuer: documented, jwks_uri: JWKS })
          : keys(),
    }
    return present(server(web, { issuer }), tokenOf(KEY, { iss }))
  }
  proof('MD-06', {
    'document in NFD, issuer in NFC': said(composed, decomposed, composed),
    'document with %7E, issuer with ~': said(tilde, escaped, tilde),
    'iss in NFD, issuer in NFC': said(composed, composed, decomposed),
    'iss with %7E, issuer with ~': said(tilde, tilde, escaped),
  })
}

{
  const document = JSON.stringify({ issuer: ISSUER, jwks_uri: JWKS })
  const answered = (answer: () => Response) => () => present(server(withMetadata(answer)), good)
  proof('MD-07', {
    '200 with a login page': answered(
      () => new Response(`<script>${document}</script>`, { headers: { 'content-type': 'text/html' } }),
    ),
    '302': answered(() => new Response(null, { status: 302, headers: { location: `${ISSUER}/login` } })),
    '204': answered(
      () => new Response(null, { status: 204, headers: { 'content-type': 'application/json' } }),
    ),
    array: answered(() => Response.json([{ issuer: ISSUER, jwks_uri: JWKS }])),
    'unknown members': answered(() => metadata({ nobody_knows: { this: ['member'] } })),
  })
}

proof(
  'MD-08',
  acts<unknown>(
    { 'http jwks_uri': 'http://as.example/jwks', 'jwks_uri absent': undefined },
    async (jwks_uri) => {
      const api = server(withMetadata(() => metadata({ jwks_uri })))
      const answer = await present(api, good)
      return { answer, startup: await startupOf(api) } as Facts
    },
  ),
)

{
  const enc = makeSigner('ES256', KEY.kid, { use: 'enc' })
  const signed = (token: string) => () => present(server(publishing([enc.jwk, KEY.jwk])), token)
  proof('MD-09', {
    'signed by the use:enc key of the same kid': signed(tokenOf(enc)),
    'signed by the use:sig key of the same kid': signed(good),
  })
}

proof('MD-10', {
  '50 MB body': async () => {
    const chunk = new Uint8Array(65_536).fill(0x20)
    let read = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += chunk.byteLength
        if (read > 50_000_000) controller.close()
        else controller.enqueue(chunk)
      },
    })
    const huge = () => new Response(body, { headers: { 'content-type': 'application/json' } })
    const answer = await present(server(site({ [METADATA]: metadata, [JWKS]: huge })), good)
    return { answer, boundedRead: read < 1_000_000 }
  },
  'slow drip': async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    try {
      const started = Date.now()
      const drip = (): Response => {
        const body = new ReadableStream<Uint8Array>({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 500))
            controller.enqueue(Uint8Array.of(0x20))
          },
        })
        return new Response(body, { headers: { 'content-type': 'application/json' } })
      }
      let seconds = -1
      const answer = present(server(site({ [METADATA]: metadata, [JWKS]: drip })), good).then((settled) => {
        seconds = (Date.now() - started) / 1000
        return settled
      })
      await vi.advanceTimersByTimeAsync(20_000)
      return { answer: await answer, seconds }
    } finally {
      vi.useRealTimers()
    }
  },
  'redirect to 169.254.169.254': async () => {
    const inner = 'http://169.254.169.254/latest/meta-data'
    const web = site({
      [METADATA]: metadata,
      [JWKS]: () => new Response(null, { status: 302, headers: { location: inner } }),
      [inner]: keys,
    })
    return { answer: await present(server(web), good), followed: web.fetched.includes(inner) }
  },
  'redirect, over a real connection': async () => {
    const asked: string[] = []
    const listening = await listen((req, res) => {
      asked.push(req.url as string)
      if (req.url === '/jwks') res.writeHead(302, { location: '/inner' }).end()
      else res.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [KEY.jwk] }))
    })
    try {
      const issuer = listening.origin
      const api = createResourceServer({
        issuer: { issuer, jwks: new URL('/jwks', issuer) },
        audience: AUDIENCE,
        [clock]: () => NOW,
        [allowInsecureRequests]: [issuer],
      })
      return { answer: await present(api, tokenOf(KEY, { iss: issuer })), asked }
    } finally {
      listening.close()
    }
  },
  'deeply nested document': async () => {
    const nested = `{"keys":[${JSON.stringify(KEY.jwk)}],"x":${'['.repeat(100)}${']'.repeat(100)}}`
    const deep = () => new Response(nested, { headers: { 'content-type': 'application/json' } })
    return { answer: await present(server(site({ [METADATA]: metadata, [JWKS]: deep })), good) }
  },
})

{
  const evil = tokenOf(KEY, { iss: 'https://evil' })
  const asked = (options: Parameters<typeof server>[1]) => async (): Promise<Facts> => {
    const web = publishing([KEY.jwk], 'https://evil')
    return { answer: await present(server(web, options), evil), requests: web.fetched }
  }
  proof('MD-11', {
    'iss https://evil': asked({}),
    'iss https://evil, which the resolver does not know': asked({
      issuer: async (iss) => (iss === ISSUER ? { issuer: ISSUER } : undefined),
    }),
  })
}

proof('MD-12', {
  "token of issuer A, signed by B's key of the same kid": async () => {
    const [a, b] = [makeSigner('ES256', 'same'), makeSigner('ES256', 'same')]
    const [webA, webB] = [publishing([a.jwk]), publishing([b.jwk], 'https://b.example')]
    const web: Site = {
      fetched: [],
      fetch: (input, init) => (String(input).startsWith(ISSUER) ? webA : webB).fetch(input, init),
    }
    const api = server(web, { issuer: [ISSUER, 'https://b.example'] })
    const own = await present(api, tokenOf(b, { iss: 'https://b.example' }))
    if (own !== 'PASS') throw new Error('the key of B does not serve B')
    return present(api, tokenOf(b))
  },
})

{
  // The name of the key is judged before the signature, so nothing has to be signed.
  const nameless = (kid: string) =>
    `${encode(header(KEY, { kid }))}.${encode(claims())}.${encode(new Uint8Array(64))}`
  const flood = Array.from({ length: 10_000 }, (_, i) => nameless(`random-${i}`))
  const world = async () => {
    const web = publishing([KEY.jwk])
    let now = NOW
    const api = server(web, { [clock]: () => now })
    await api.ready()
    const before = web.fetched.length
    return {
      api,
      facts: (answers: readonly Answer[]): Facts => ({
        answers: [...new Set(answers)],
        fetches: web.fetched.length - before,
      }),
      wait: (seconds: number) => {
        now += seconds
      },
    }
  }
  const inOrder = async (api: ResourceServer, tokens: readonly string[]): Promise<Answer[]> => {
    const answers: Answer[] = []
    // oxlint-disable-next-line no-await-in-loop -- one after the other is what is asked
    for (const token of tokens) answers.push(await present(api, token))
    return answers
  }
  proof('MD-13', {
    '10 000 random kids in a second': async () => {
      const { api, facts } = await world()
      return facts(await inOrder(api, flood))
    },
    '10 000 random kids in a second, at the same time': async () => {
      const { api, facts } = await world()
      return facts(await Promise.all(flood.map((token) => present(api, token))))
    },
    'another one 30 s later': async () => {
      const { api, facts, wait } = await world()
      const before = await inOrder(api, flood.slice(0, 100))
      wait(30)
      return facts([...before, ...(await inOrder(api, flood.slice(100, 200)))])
    },
    'a new key after a rotation': async () => {
      const issuer = await createTestIssuer({ issuer: ISSUER, audience: AUDIENCE, clock: () => NOW })
      const api = server({ fetch: issuer.fetch, fetched: [] })
      await api.ready()
      await issuer.rotate()
      const before = issuer.fetched.length
      const answers = [await present(api, await issuer.issue())]
      return { answers, fetches: issuer.fetched.length - before }
    },
  })
}

{
  const down =
    (after: number | undefined): Act =>
    async () => {
      const issuer = await createTestIssuer({ issuer: ISSUER, audience: AUDIENCE, clock: () => NOW })
      let now = NOW
      const api = server({ fetch: issuer.fetch, fetched: [] }, { maxStale: 3600, [clock]: () => now })
      if (after === undefined) {
        issuer.outage()
        return present(api, await issuer.issue())
      }
      await api.ready()
      issuer.outage()
      now += after
      return present(api, await issuer.issue({ iat: now, exp: now + 300 }))
    }
  proof('MD-14', {
    'keys cannot be had at cold start': down(undefined),
    // Ten minutes fresh, then an hour.
    'keys cannot be had, stale ones known': down(600 + 3599),
    'keys cannot be had, known ones too stale': down(600 + 3600),
  })
}

proof('MD-15', {
  'signed_metadata which names another jwks_uri': async () => {
    const elsewhere = `${ISSUER}/elsewhere`
    const signed = `${encode({ alg: 'ES256' })}.${encode({ iss: ISSUER, issuer: ISSUER, jwks_uri: elsewhere })}.c2ln`
    const web = withMetadata(() => metadata({ signed_metadata: signed }))
    return { answer: await present(server(web), good), elsewhere: web.fetched.includes(elsewhere) }
  },
})

proof('MD-17', {
  'template in the document, nothing configured': async () => {
    const issuer = 'https://login.example/tenant-1/v2.0'
    const web: Site = {
      fetched: [],
      fetch: async (input) =>
        String(input).includes('/.well-known/')
          ? Response.json({
              issuer: 'https://login.example/{tenantid}/v2.0',
              jwks_uri: 'https://login.example/keys',
            })
          : keys(),
    }
    return present(server(web, { issuer }), tokenOf(KEY, { iss: issuer }))
  },
})
