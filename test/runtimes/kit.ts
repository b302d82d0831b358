import { createResourceServer, evaluate, scope } from '@atjwt/core'
import { accessToken, createTestIssuer } from '@atjwt/testing'

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
  return { verdicts, forged: forgeries > 100, unlike, rotated, out, recovered, granted: decision.granted }
}

export const KIT_FINDING = {
  verdicts: ['no_credentials', 'missing_scope', 'authorized'],
  forged: true,
  unlike: [],
  rotated: 'authorized',
  out: 'issuer_metadata_unusable',
  recovered: 'authorized',
  granted: true,
}
