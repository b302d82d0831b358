import { describe, test } from 'vitest'

import { AT } from './at.ts'
import { BJ } from './bj.ts'
import { BT } from './bt.ts'
import { JA } from './ja.ts'
import { JO } from './jo.ts'
import { Ledger } from './ledger.ts'
import { MD } from './md.ts'
import { takeReasons } from './outcome.ts'
import type { Outcome, Requirement } from './requirement.ts'

export const REQUIREMENTS: readonly Requirement[] = [...AT, ...BT, ...MD, ...JO, ...BJ, ...JA]
export const ledger: Ledger = new Ledger(REQUIREMENTS, takeReasons)

/** What feeds one input of a row and observes what comes out. */
export type Act = () => Outcome | Promise<Outcome>

/** One test per input of a row; citing a row or an input which does not exist throws at once. */
export function proof(id: string, proofs: Readonly<Record<string, Act>>): void {
  const cited = Object.entries(proofs).map(([name, act]) => ({ cited: ledger.cite(id, name), name, act }))
  const [first] = cited
  if (first === undefined) throw new Error(`${id}: a proof of nothing`)
  const { level, section, text } = first.cited.row
  describe(`${id} (${level}, ${section}): ${text}`, () => {
    for (const {
      name,
      act,
      cited: { input },
    } of cited) {
      const outcome = typeof input.outcome === 'string' ? input.outcome : JSON.stringify(input.outcome)
      test(`${name} comes to ${outcome}`, async ({ expect }) => {
        await ledger.prove(id, name, act)
        expect(ledger.isProven(id, name)).toBe(true)
      })
    }
  })
}

/** Several inputs which are fed alike. */
export function acts<T>(
  inputs: Readonly<Record<string, T>>,
  feed: (value: T) => Outcome | Promise<Outcome>,
): Record<string, Act> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, () => feed(value)]))
}
