import type { Issuer } from './issuer.ts'
import { shorten } from './table.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** What came of a token request, and of the call with its token. */
export interface TokenOutcome {
  readonly name: string
  readonly status: number
  readonly error: string | undefined
  readonly description: string | undefined
  /** The status of the API; `undefined` when there was no token. */
  readonly called: number | undefined
  readonly asExpected: boolean
}

type Form = Readonly<Record<string, string>>
type Step = readonly [name: string, form: Form, refusal?: readonly [status: number, error: string]]

const authenticating = (client_assertion: string): Form => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion,
})

/** Asks the token endpoint in every way which the demonstration shows, and the API with each token that comes of it. */
export async function makeTokenRequests(issuer: Issuer, api: string): Promise<readonly TokenOutcome[]> {
  const { server, clientAssertion, forgedAssertion, grantAbout } = issuer
  const read = { scope: 'orders:read' }
  const own = { grant_type: 'client_credentials', ...read }
  const client = async (): Promise<Form> => authenticating(await clientAssertion())
  const grant = async (sub: string, exp?: number): Promise<Form> => ({
    grant_type: JWT_BEARER,
    assertion: await grantAbout(sub, exp === undefined ? {} : { exp }),
    ...read,
  })
  const used = await client()
  const exchange = {
    grant_type: TOKEN_EXCHANGE,
    subject_token: await server.issue({ sub: 'alice', scope: 'orders:read' }),
    subject_token_type: ACCESS_TOKEN,
  }
  const now = Math.floor(Date.now() / 1000)
  const steps: readonly Step[] = [
    ['client credentials, private_key_jwt', { ...own, ...used }],
    ['the same assertion again', { ...own, ...used }, [401, 'invalid_client']],
    [
      'an assertion of another key',
      { ...own, ...authenticating(await forgedAssertion()) },
      [401, 'invalid_client'],
    ],
    [
      'an assertion for another server',
      { ...own, ...authenticating(await clientAssertion({ aud: 'https://as.example' })) },
      [401, 'invalid_client'],
    ],
    ['no client at all', own, [401, 'invalid_client']],
    ['JWT grant alone', await grant('alice')],
    ['JWT grant with private_key_jwt', { ...(await grant('alice')), ...(await client()) }],
    ['JWT grant which expired', await grant('alice', now - 60), [400, 'invalid_grant']],
    ['JWT grant about nobody', await grant('nobody'), [400, 'invalid_grant']],
    [
      'good JWT grant, wrong client',
      { ...(await grant('alice')), ...authenticating(await forgedAssertion()) },
      [401, 'invalid_client'],
    ],
    ['token exchange', { ...exchange, ...(await client()) }],
    [
      'token exchange for more scope',
      { ...exchange, scope: 'orders:write', ...(await client()) },
      [400, 'invalid_scope'],
    ],
    ['the password grant', { grant_type: 'password', ...(await client()) }, [400, 'unsupported_grant_type']],
  ]
  const outcomes: TokenOutcome[] = []
  // In order: an assertion can be used again only after it was used.
  // oxlint-disable-next-line no-await-in-loop
  for (const step of steps) outcomes.push(await makeTokenRequest(`${server.origin}/token`, api, step))
  return outcomes
}

async function makeTokenRequest(
  endpoint: string,
  api: string,
  [name, form, refusal]: Step,
): Promise<TokenOutcome> {
  const response = await fetch(endpoint, { method: 'POST', body: new URLSearchParams(form) })
  const answer = (await response.json()) as {
    access_token?: string
    error?: string
    error_description?: string
  }
  const called = answer.access_token === undefined ? undefined : await call(api, answer.access_token)
  const asExpected =
    refusal === undefined
      ? response.status === 200 && called === 200
      : response.status === refusal[0] && answer.error === refusal[1] && called === undefined
  return {
    name,
    status: response.status,
    error: answer.error,
    description: answer.error_description,
    called,
    asExpected,
  }
}

async function call(api: string, token: string): Promise<number> {
  const response = await fetch(api, { headers: { authorization: `Bearer ${token}` } })
  await response.body?.cancel()
  return response.status
}

/** Outcomes as a table, one line each; whatever was not expected is marked at the end of its line. */
export function renderTokenRequests(outcomes: readonly TokenOutcome[], width: number): string {
  const rows = [
    ['token request', 'status', 'error', 'API', 'description'],
    ...outcomes.map(({ name, status, error, called, description }) => [
      name,
      String(status),
      error ?? '-',
      String(called ?? '-'),
      description ?? '-',
    ]),
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)))
  return rows
    .map((row, at) => {
      const left = widths.map((room, column) => (row[column] as string).padEnd(room)).join('  ')
      const mark = outcomes[at - 1]?.asExpected === false ? '  <- unexpected' : ''
      return `${left}  ${shorten(row[4] as string, width - left.length - 2 - mark.length)}${mark}`
    })
    .join('\n')
}
