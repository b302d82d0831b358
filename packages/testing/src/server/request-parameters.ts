import { type DevelopmentClient, type DevelopmentConfig, isRecord } from './config.ts'
import { OAuthProblem } from './oauth-error.ts'

/** What a request asks a token to be good for. */
export interface Asked {
  readonly scope: readonly string[]
  readonly resource: readonly string[]
  readonly authorization_details: readonly unknown[] | undefined
}

/** Reads `scope`, `resource` and `authorization_details`, each by its RFC. */
export function readAsked(
  params: URLSearchParams,
  client: DevelopmentClient | undefined,
  config: DevelopmentConfig,
): Asked {
  return {
    scope: readScope(params.get('scope'), client),
    resource: readResource([...params.getAll('resource')], config),
    authorization_details: readDetails(params.get('authorization_details')),
  }
}

/** RFC 6749 §3.3. */
export function readScope(scope: string | null, client: DevelopmentClient | undefined): readonly string[] {
  const values = (scope ?? '').split(' ').filter((value) => value !== '')
  if (!values.every((value) => /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(value)))
    throw new OAuthProblem('invalid_scope', 'The scope is malformed')
  const allowed = client?.scope?.split(' ')
  if (allowed !== undefined && !values.every((value) => allowed.includes(value)))
    throw new OAuthProblem('invalid_scope', 'The client may not ask for this scope')
  return [...new Set(values)]
}

/** RFC 8707 §2. */
function readResource(values: readonly string[], { resources }: DevelopmentConfig): readonly string[] {
  for (const value of values) {
    if (!URL.canParse(value) || value.includes('#'))
      throw new OAuthProblem('invalid_target', 'A resource is an absolute URI without a fragment')
    if (resources !== undefined && !resources.includes(value))
      throw new OAuthProblem('invalid_target', 'The resource is unknown')
  }
  return [...new Set(values)]
}

/** RFC 9396 §2. */
function readDetails(text: string | null): readonly unknown[] | undefined {
  if (text === null) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (!Array.isArray(value) || !value.every((entry) => isRecord(entry) && typeof entry['type'] === 'string'))
    throw new OAuthProblem(
      'invalid_authorization_details',
      'authorization_details is a JSON list of objects with a type',
    )
  return value
}

/** The one value of a parameter which must be there. */
export function required(params: URLSearchParams, name: string): string {
  const value = params.get(name)
  if (value === null || value === '')
    throw new OAuthProblem('invalid_request', `The parameter ${name} is missing`)
  return value
}
