import { Agent, request } from 'node:http'
import { performance } from 'node:perf_hooks'

import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** What a flood sends, and what must be answered to each kind of it. */
export const KINDS = {
  malformed: [401, 'invalid_client'],
  oversized: [413, 'invalid_request'],
  'too large an assertion': [401, 'invalid_client'],
  'wrongly signed': [401, 'invalid_client'],
  'of an unknown client': [401, 'invalid_client'],
  replayed: [401, 'invalid_client'],
  'without a grant type': [400, 'invalid_request'],
} as const
export type Kind = keyof typeof KINDS

/** What came of a flood. */
export interface Flooded {
  readonly seconds: number
  readonly perSecond: number
  /** Answers by kind, status and error; only what was expected when all is well. */
  readonly answers: Readonly<Record<string, number>>
  /** Requests of a valid client during the flood, how many got a token, and how long the slowest took. */
  readonly valid: { readonly sent: number; readonly granted: number; readonly slowestMs: number }
  /** MiB of the heap of the server's process, at the start and after each quarter. */
  readonly heap: readonly number[]
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A client whose key the server knows, and one who pretends to be it. */
export interface Party {
  readonly jwk: object
  sign(claims: { readonly jti: string }): Promise<string>
}

export async function makeParty(client_id: string, audience: () => string): Promise<Party> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  return {
    jwk: { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' },
    sign: ({ jti }) =>
      new SignJWT({ jti })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .setIssuer(client_id)
        .setSubject(client_id)
        .setAudience(audience())
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey),
  }
}

export interface FloodOptions {
  readonly issuer: string
  readonly valid: Party
  readonly forger: Party
  readonly seconds: number
  readonly connections: number
  /** MiB of the server's heap, after a collection. */
  readonly heap: () => number | Promise<number>
}

/** Sends everything that is wrong as fast as it is answered, and in between what is right. */
export async function flood({
  issuer,
  valid,
  forger,
  seconds,
  connections,
  heap,
}: FloodOptions): Promise<Flooded> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections + 1 })
  const send = (body: string): Promise<[status: number, error: string]> =>
    new Promise((resolve, reject) => {
      const req = request(
        `${issuer}/token`,
        {
          method: 'POST',
          agent,
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'content-length': Buffer.byteLength(body),
          },
        },
        (res) => {
          let text = ''
          res.setEncoding('utf8').on('data', (piece: string) => {
            text += piece
          })
          res.on('end', () => {
            const { error = 'granted' } = JSON.parse(text) as { error?: string }
            resolve([res.statusCode as number, error])
          })
        },
      )
      req.once('error', reject)
      req.end(body)
    })
  const form = (client_assertion: string, grant_type = 'client_credentials'): string =>
    String(new URLSearchParams({ grant_type, client_assertion_type: ASSERTION_TYPE, client_assertion }))

  const used = await valid.sign({ jti: 'used' })
  const [first] = await send(form(used))
  if (first !== 200) throw new Error(`the assertion to be replayed was answered ${first}`)
  // Made before, so that the generator is not what is measured.
  const forged = await Promise.all(Array.from({ length: 64 }, (_, i) => forger.sign({ jti: `forged-${i}` })))
  const unknown = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const party = await makeParty(`nobody-${i}`, () => issuer)
      return party.sign({ jti: `unknown-${i}` })
    }),
  )
  const bodies: Readonly<Record<Kind, (i: number) => string>> = {
    malformed: (i) => form(`${'A'.repeat(i % 200)}.B.C`),
    oversized: () => form('A'.repeat(70_000)),
    'too large an assertion': () => form(`${used.slice(0, -9)}${'A'.repeat(40_000)}`),
    'wrongly signed': (i) => form(forged[i % forged.length] as string),
    'of an unknown client': (i) => form(unknown[i % unknown.length] as string),
    replayed: () => form(used),
    'without a grant type': () => `client_assertion=${used}`,
  }
  const kinds = Object.keys(bodies) as Kind[]

  const answers = new Map<string, number>()
  const heaps = [await heap()]
  const started = performance.now()
  const end = started + seconds * 1000
  let sent = 0
  const worker = async (offset: number): Promise<void> => {
    for (let i = offset; performance.now() < end; i += 1) {
      const kind = kinds[i % kinds.length] as Kind
      const [status, error] = await send(bodies[kind](i))
      const name = `${kind}: ${status} ${error}`
      answers.set(name, (answers.get(name) ?? 0) + 1)
      sent += 1
    }
  }
  const legitimate = { sent: 0, granted: 0, slowestMs: 0 }
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const body = form(await valid.sign({ jti: `valid-${legitimate.sent}` }))
      const asked = performance.now()
      const [status] = await send(body)
      legitimate.sent += 1
      if (status === 200) legitimate.granted += 1
      legitimate.slowestMs = Math.max(legitimate.slowestMs, performance.now() - asked)
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
    }
  }
  const measure = async (): Promise<void> => {
    for (let quarter = 1; quarter <= 4; quarter += 1) {
      const at = started + (seconds * 1000 * quarter) / 4
      await new Promise((resolve) => {
        setTimeout(resolve, Math.max(0, at - performance.now()))
      })
      heaps.push(await heap())
    }
  }
  await Promise.all([...Array.from({ length: connections }, (_, i) => worker(i)), client(), measure()])
  agent.destroy()
  const elapsed = (performance.now() - started) / 1000
  return {
    seconds: elapsed,
    perSecond: Math.round(sent / elapsed),
    answers: Object.fromEntries([...answers].toSorted(([a], [b]) => a.localeCompare(b))),
    valid: legitimate,
    heap: heaps,
  }
}
