import type { ErrorCode } from '@atjwt/core'

/** What a request, a bare token or a configuration came to, by the shorthand of the rows. */
export type Answer =
  | 'PASS'
  | 'PASS anonymous'
  | '401 bare'
  | '401 it'
  | '400 ir'
  | '403 is'
  | '403'
  | '503'
  /** Thrown when configured: a `TypeError` which names the option. */
  | 'CFG'

/** More than an answer: what else was seen, each fact with its name. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[]>>

export type Outcome = Answer | Facts

export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'LIB'
export type Status = 'delivered' | 'later' | 'not offered'

/** What is fed in, and what must come out. An input with a `status` is one which cannot be fed yet, or never. */
export type Input =
  | { readonly input: string; readonly outcome: Outcome; readonly note?: string }
  | {
      readonly input: string
      readonly outcome: string
      readonly status: 'later' | 'not offered'
      readonly reason: string
    }

/** One rule for a resource server. */
export interface Requirement {
  readonly id: string
  /** `LIB`: no standard demands it; it is our own rule. */
  readonly level: Level
  readonly section: string
  readonly text: string
  readonly status: Status
  /** Why it is not delivered; for a delivered row, why it says something else than its source. */
  readonly reason?: string
  /** The reasons for which its inputs are refused: one refused for another reason proves nothing. */
  readonly because?: readonly ErrorCode[]
  readonly inputs: readonly Input[]
}

/** Inputs which all come to the same. */
export function each(outcome: Outcome, ...inputs: readonly string[]): readonly Input[] {
  return inputs.map((input) => ({ input, outcome }))
}

/** An input which cannot be fed, with the outcome it would have. */
export function open(status: 'later' | 'not offered', input: string, outcome: string, reason: string): Input {
  return { input, outcome, status, reason }
}
