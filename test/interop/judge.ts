import type { ErrorCode, Policy, ResourceServer } from '@atjwt/core'

/** What becomes of a request with this token: `authorized`, or the reason of the refusal. */
export async function judge(
  api: ResourceServer,
  token: string,
  policy?: Policy,
  scheme = 'Bearer',
): Promise<ErrorCode | 'authorized'> {
  const request = new Request('https://api.example/orders', {
    headers: { authorization: `${scheme} ${token}` },
  })
  const result = await (policy === undefined ? api.authorize(request) : api.authorize(request, policy))
  return result.ok ? 'authorized' : result.error.code
}
