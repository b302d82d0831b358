import type { TestIssuer } from '@atjwt/testing'

/** Seconds a sample token lives: long enough to play with. */
const LIFETIME = 3600

/** A token which may read, and one which may do everything. */
export async function issueSampleTokens(
  issuer: Pick<TestIssuer, 'issue'>,
): Promise<{ READER: string; ADMIN: string }> {
  const exp = Math.floor(Date.now() / 1000) + LIFETIME
  const [READER, ADMIN] = await Promise.all([
    issuer.issue({ exp, sub: 'reader', scope: 'orders:read' }),
    issuer.issue({
      exp,
      sub: 'admin',
      scope: 'orders:read orders:write',
      roles: ['admin'],
      entitlements: ['reports'],
    }),
  ])
  return { READER, ADMIN }
}

/** Lines for a POSIX shell: the tokens as variables, then calls which use them. */
export function curlLines(url: string, tokens: { READER: string; ADMIN: string }): string[] {
  const as = (name: keyof typeof tokens): string => `-H "Authorization: Bearer $${name}"`
  return [
    ...Object.entries(tokens).map(([name, token]) => `${name}='${token}'`),
    `curl -i ${url}/orders`,
    `curl -i ${url}/whoami ${as('READER')}`,
    `curl -i ${url}/orders ${as('READER')}`,
    `curl -i -X DELETE ${url}/orders/1 ${as('READER')}`,
    `curl -i -X DELETE ${url}/orders/1 ${as('ADMIN')}`,
    `curl -i ${url}/orders ${as('ADMIN')} -H 'Content-Type: application/json' -d '{"item":"Cup","quantity":6}'`,
    `curl -i ${url}/reports ${as('ADMIN')}`,
  ]
}
