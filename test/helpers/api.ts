import {
  createResourceServer,
  type ResourceServer,
  type ResourceServerOptions,
  clock,
  customFetch,
} from '../../packages/core/src/index.ts'
import { createTestIssuer, type TestIssuer } from '../../packages/testing/src/index.ts'

/** A resource server and its issuer on one clock that stands still, without any network. */
export interface TestApi<Claims = {}> {
  readonly api: ResourceServer<Claims>
  readonly issuer: TestIssuer
  /** Seconds since the epoch. */
  now(): number
  advance(seconds: number): void
}

export async function createTestApi<Claims = {}>(
  options: Partial<ResourceServerOptions<Claims>> = {},
): Promise<TestApi<Claims>> {
  let time = 1_800_000_000
  const now = (): number => time
  const issuer = await createTestIssuer({ clock: now })
  const api = createResourceServer<Claims>({
    issuer: issuer.issuer,
    audience: issuer.audience,
    [customFetch]: issuer.fetch,
    [clock]: now,
    ...options,
  })
  const advance = (seconds: number): void => {
    time += seconds
  }
  return { api, issuer, now, advance }
}

/** A request with a bearer token, or with none. */
export function bearer(token: string | undefined): Request {
  return new Request('https://api.example/orders', {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
}
