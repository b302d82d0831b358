import { createResourceServer, evaluate, scope } from '@atjwt/core'
import { accessToken, createTestIssuer } from '@atjwt/testing'

/** Code units: all of two octets of UTF-8 and less, and of all others those whose half is a letter of base64url. */
const UNITS = [
  ...Array.from({ length: 0x800 }, (_unit, unit) => unit),
  ...Array.from({ length: 0xf8 }, (_unit, high) => ((high + 8) << 8) | 0x41),
].filter((unit) => !/[A-Za-z0-9_.-]/.test(String.fromCharCode(unit)))

/** The code units which verification reads over: decoders are the runtime's, and forgive in ways of their own. */
async function misread(verify: (token: string) => Promise<unknown>, token: string): Promise<string[]> {
  const found: string[] = []
  for (const at of [10, token.indexOf('.') + 10, token.length - 10]) {
    for (const unit of UNITS) {
      const code = await verify(token.slice(0, at) + String.fromCharCode(unit) + token.slice(at + 1)).then(
        () => 'accepted',
        (error: unknown) => (error as { code?: unknown }).code,
      )
      if (code !== 'token_malformed') found.push(`${unit} at ${at}: ${String(code)}`)
    }
  }
  return found
}

/** What the test kit does without a port, as one finding; the same in every runtime. */
export async function exerciseKit(): Promise<Readonly<Record<string, unknown>>> {
  const issuer = await createTestIssuer()
  issuer.clock.set(1_800_000_000)
  const api = createResourceServer({ ...issuer.options, maxStale: 0 })
  const request = new Request('https://api.example/orders')
  const ask = async (asked: Request): Promise<string> => {
    const result = await api.authorize(asked, scope('orders:read'))
    return result.ok ? 'authorized' : result.error.code
  }
  const bearing = (token: string): Request =>
    new Request(request, { headers: { authorization: `Bearer ${token}` } })
  const good = { scope: 'orders:read' }
  const verdicts = [
    await ask(request),
    await ask(await issuer.withToken(request)),
    await ask(await issuer.withToken(request, good)),
  ]
  let forgeries = 0
  const unlike: string[] = []
  for await (const { name, token, expect } of issuer.forgeries(good)) {
    forgeries += 1
    const code = await ask(bearing(token))
    if (code !== expect) unlike.push(`${name}: ${code}`)
  }
  const overread = await misread((token) => api.verify(token), await issuer.issue(good))
  await issuer.rotate({ retire: true })
  issuer.clock.advance(120)
  const rotated = await ask(await issuer.withToken(request, good))
  issuer.outage('truncated JSON')
  issuer.clock.advance(7200)
  const out = await ask(await issuer.withToken(request, good))
  issuer.recover()
  issuer.clock.advance(120)
  const recovered = await ask(await issuer.withToken(request, good))
  const decision = await evaluate(scope('a'), await accessToken({ scope: 'a b' }))
  return {
    verdicts,
    forged: forgeries > 100,
    unlike,
    overread,
    rotated,
    out,
    recovered,
    granted: decision.granted,
  }
}

export const KIT_FINDING = {
  verdicts: ['no_credentials', 'missing_scope', 'authorized'],
  forged: true,
  unlike: [],
  overread: [],
  rotated: 'authorized',
  out: 'issuer_metadata_unusable',
  recovered: 'authorized',
  granted: true,
}
