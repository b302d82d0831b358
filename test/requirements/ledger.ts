import { isDeepStrictEqual, inspect } from 'node:util'

import type { ErrorCode } from '@atjwt/core'

import type { Input, Outcome, Requirement } from './requirement.ts'

type Provable = Extract<Input, { readonly note?: string }>

/** Whether an input is one that can be fed today. */
export function isProvable(input: Input): input is Provable {
  return !('status' in input)
}

/**
 * Which inputs of which rows were shown to come out as the row says. A pair is entered only after the outcome was
 * observed, so that the name of a row in a title or a comment proves nothing.
 */
export class Ledger {
  readonly #rows: ReadonlyMap<string, Requirement>
  readonly #takeReasons: () => readonly ErrorCode[]
  readonly #proven = new Map<string, Set<string>>()

  /** @param takeReasons the reasons of the refusals which were seen since it was last asked */
  constructor(rows: readonly Requirement[], takeReasons: () => readonly ErrorCode[] = () => []) {
    this.#takeReasons = takeReasons
    this.#rows = new Map(rows.map((row) => [row.id, row]))
  }

  /** The row and the input which a test cites; throws when there is no such thing. */
  cite(id: string, name: string): { readonly row: Requirement; readonly input: Provable } {
    const row = this.#rows.get(id)
    if (row === undefined) throw new Error(`citation does not exist: ${id}`)
    const input = row.inputs.find((candidate) => candidate.input === name)
    if (input === undefined) throw new Error(`citation does not exist: ${id} has no input '${name}'`)
    if (!isProvable(input))
      throw new Error(`${id} '${name}' is marked '${input.status}': it cannot be proven`)
    return { row, input }
  }

  /** Runs `act` and holds what it came to against the row; enters the pair only when both are equal, for the reason given. */
  async prove(id: string, name: string, act: () => Outcome | Promise<Outcome>): Promise<void> {
    const { row, input } = this.cite(id, name)
    this.#takeReasons()
    const actual = await act()
    if (!isDeepStrictEqual(actual, input.outcome)) {
      throw new Error(`${id} '${name}' came to ${inspect(actual)}, the row says ${inspect(input.outcome)}`)
    }
    const other = this.#takeReasons().filter((reason) => row.because?.includes(reason) !== true)
    if (other.length > 0)
      throw new Error(`${id} '${name}' was refused for another reason: ${other.join(', ')}`)
    const proven = this.#proven.get(id) ?? new Set()
    this.#proven.set(id, proven.add(name))
  }

  isProven(id: string, name: string): boolean {
    return this.#proven.get(id)?.has(name) === true
  }
}

/** Every reason for which the rows are not covered; empty when they are. */
export function findGaps(rows: readonly Requirement[], ledger: Pick<Ledger, 'isProven'>): readonly string[] {
  const gaps: string[] = []
  const ids = new Set<string>()
  for (const { id, level, section, text, status, reason, inputs } of rows) {
    if (ids.has(id)) gaps.push(`${id}: the id occurs twice`)
    ids.add(id)
    if (section === '' || text === '') gaps.push(`${id}: section or text is empty`)
    if (status !== 'delivered' && (reason ?? '') === '') gaps.push(`${id}: ${status} without a reason`)
    const names = new Set(inputs.map(({ input }) => input))
    if (names.size !== inputs.length) gaps.push(`${id}: an input occurs twice`)
    if (status === 'delivered' && !inputs.some(isProvable)) gaps.push(`${id}: delivered without an input`)
    for (const input of inputs) {
      if (!isProvable(input)) {
        if (input.reason === '') gaps.push(`${id} '${input.input}': ${input.status} without a reason`)
      } else if (!ledger.isProven(id, input.input)) {
        gaps.push(`${id} (${level}) '${input.input}': not proven`)
      }
    }
  }
  return gaps
}
