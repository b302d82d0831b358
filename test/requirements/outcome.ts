import { AuthorizationError, type AuthorizeResult, type ErrorCode, type HeaderList } from '@atjwt/core'

import { type Challenge, parseChallenges } from './challenge.ts'
import type { Answer } from './requirement.ts'

const ANSWERS: Readonly<Record<string, Answer>> = {
  '400 invalid_request': '400 ir',
  '401 -': '401 bare',
  '401 invalid_token': '401 it',
  '403 insufficient_scope': '403 is',
  '403 -': '403',
}

/** The challenges of an answer. */
export function challengesOf(headers: Iterable<readonly [string, string]>): readonly Challenge[] {
  return [...headers]
    .filter(([name]) => name.toLowerCase() === 'www-authenticate')
    .flatMap(([, value]) => parseChallenges(value))
}

/** The parameters of the Bearer challenge of an answer. */
export function bearerParams(headers: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  const bearer = challengesOf(headers).filter(({ scheme }) => scheme === 'Bearer')
  if (bearer.length !== 1) throw new Error(`${bearer.length} Bearer challenges`)
  return Object.fromEntries((bearer[0] as Challenge).params)
}

/** What an HTTP answer says to a client which can read only its status and its challenge. */
export function outcomeOfAnswer(status: number, headers: Iterable<readonly [string, string]>): Answer {
  const fields = [...headers]
  if (status >= 200 && status < 300) return 'PASS'
  if (status === 503) {
    // An outage is nothing which other credentials would mend.
    if (challengesOf(fields).length > 0) throw new Error('503 with a challenge')
    return '503'
  }
  const params = bearerParams(fields)
  // RFC 6750 §3: a naked scheme is no challenge; and what is no error comes without a description of one.
  if (Object.keys(params).length === 0) throw new Error('a naked challenge')
  if (params['error'] === undefined && params['error_description'] !== undefined) {
    throw new Error('a description of no error')
  }
  const key = `${status} ${params['error'] ?? '-'}`
  const answer = ANSWERS[key]
  if (answer === undefined) throw new Error(`no outcome of any row: ${key}`)
  return answer
}

const seen = new Set<ErrorCode>()

/** The reasons of the refusals which were looked at since the last call. */
export function takeReasons(): readonly ErrorCode[] {
  const reasons = [...seen]
  seen.clear()
  return reasons
}

/** What a verdict of `authorize` comes to. */
export function outcomeOf(result: AuthorizeResult<unknown>): Answer {
  if (result.ok) return result.auth === undefined ? 'PASS anonymous' : 'PASS'
  seen.add(result.error.code)
  const { status, headers } = result.response
  return outcomeOfAnswer(status, headers)
}

/** What the error of a refusal would be answered with. */
export function outcomeOfError(error: unknown): Answer {
  if (!AuthorizationError.is(error)) throw error
  seen.add(error.code)
  return outcomeOfAnswer(error.status, Object.entries(error.headers))
}

/** What `verify` and `demand` come to: the refusal they throw, as it would be answered. */
export async function outcomeOfThrown(work: Promise<unknown>): Promise<Answer> {
  try {
    await work
  } catch (error) {
    return outcomeOfError(error)
  }
  return 'PASS'
}

/** `CFG` when `make` throws a `TypeError` which names the option at fault. */
export function outcomeOfConfiguring(option: string, make: () => unknown): Answer {
  try {
    make()
  } catch (error) {
    if (error instanceof TypeError && error.message.includes(option)) return 'CFG'
    throw error
  }
  return 'PASS'
}

/** The fields of a WHATWG answer. */
export function fieldsOf(response: Response): HeaderList {
  return [...response.headers].map(([name, value]) => [name, value])
}
