import type { Call, Expectation } from './calls.ts'

/** What came of a call. */
export interface Outcome {
  readonly framework: string
  readonly call: string
  readonly status: number
  readonly code: string | undefined
  readonly challenge: string | undefined
  readonly asExpected: boolean
}

/** What of an answer is judged and shown. */
export interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly challenge: string | undefined
}

/** Makes a call, and judges the answer. */
export async function makeCall(framework: string, base: string, call: Call): Promise<Outcome> {
  const headers: Record<string, string> =
    call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }
  const response = await fetch(base + call.path, { method: call.method, headers })
  const answer: Answer = {
    status: response.status,
    code: codeOf(await response.text()),
    challenge: response.headers.get('www-authenticate') ?? undefined,
  }
  return { framework, call: call.name, ...answer, asExpected: isAsExpected(answer, call.expected) }
}

/** Whether status, reason code and challenge are what they must be; a good answer has neither code nor challenge. */
export function isAsExpected(answer: Answer, expected: Expectation): boolean {
  const refused = expected.status >= 400
  return (
    answer.status === expected.status &&
    answer.code === expected.code &&
    refused === (answer.challenge?.startsWith('Bearer realm="') ?? false) &&
    errorOf(answer.challenge) === expected.error
  )
}

/** The exit code of a run: 1 when any outcome was not the expected one, or there was none at all. */
export function exitCodeOf(outcomes: readonly Pick<Outcome, 'asExpected'>[]): 0 | 1 {
  return outcomes.length > 0 && outcomes.every(({ asExpected }) => asExpected) ? 0 : 1
}

function errorOf(challenge: string | undefined): string | undefined {
  return /\berror="([^"]*)"/.exec(challenge ?? '')?.[1]
}

function codeOf(body: string): string | undefined {
  try {
    const { code } = JSON.parse(body) as { code?: unknown }
    return typeof code === 'string' ? code : undefined
  } catch {
    return undefined
  }
}
