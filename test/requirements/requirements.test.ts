/* oxlint-disable import/no-unassigned-import -- a proof registers its tests when it is loaded */
import './at.proof.ts'
import './bt.proof.ts'
import './md.proof.ts'
import './jo.proof.ts'
import './bj.proof.ts'
import './ja.proof.ts'
/* oxlint-enable import/no-unassigned-import */
import { fileURLToPath } from 'node:url'

import type { ErrorCode } from '@atjwt/core'
import { describe, expect, test } from 'vitest'

import { citationsIn, readCitations } from './citations.ts'
import { findGaps, Ledger } from './ledger.ts'
import { ledger, REQUIREMENTS } from './proof.ts'
import { each, open, type Requirement } from './requirement.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

describe('coverage', () => {
  test('the rows of a family are numbered without a hole', () => {
    const counts = Object.entries({ AT: 29, BT: 25, MD: 17, JO: 28, BJ: 7, JA: 21 })
    const ids = counts.flatMap(([family, count]) =>
      Array.from({ length: count }, (_, i) => `${family}-${String(i + 1).padStart(2, '0')}`),
    )
    expect(REQUIREMENTS.map(({ id }) => id)).toEqual(ids)
  })

  test('every citation in a test names a row', async () => {
    const known = new Set(REQUIREMENTS.map(({ id }) => id))
    const citations = await readCitations(ROOT)
    expect(citations.length).toBeGreaterThan(known.size)
    expect(citations.filter(({ id }) => !known.has(id))).toEqual([])
  })

  // Last: it reads what the proofs above have entered.
  test('every input of every row is proven, and what is not delivered says why', () => {
    expect(findGaps(REQUIREMENTS, ledger)).toEqual([])
  })
})

describe('the checker of coverage', () => {
  const id = ['AT', '01'].join('-')
  const row: Requirement = {
    id,
    level: 'MUST',
    section: 'RFC 0 §0',
    text: 'something',
    status: 'delivered',
    inputs: each('PASS', 'a', 'b'),
  }
  const fresh = (...rows: readonly Requirement[]) => new Ledger(rows)

  test('reports each input which was not proven', async () => {
    const book = fresh(row)
    await book.prove(id, 'a', () => 'PASS')
    expect(findGaps([row], book)).toEqual([`${id} (MUST) 'b': not proven`])
    await book.prove(id, 'b', () => 'PASS')
    expect(findGaps([row], book)).toEqual([])
  })

  test('does not take an outcome which differs for a proof', async () => {
    const book = fresh(row)
    await expect(book.prove(id, 'a', () => '401 it')).rejects.toThrow("came to '401 it', the row says 'PASS'")
    await expect(book.prove(id, 'a', () => ({ answer: 'PASS' }))).rejects.toThrow('the row says')
    await expect(
      book.prove(id, 'b', () => {
        throw new Error('broken')
      }),
    ).rejects.toThrow('broken')
    expect(findGaps([row], book)).toHaveLength(2)
  })

  test('does not take a refusal for another reason for a proof', async () => {
    const refusing: Requirement = { ...row, because: ['token_expired'], inputs: each('401 it', 'a') }
    const reasons: ErrorCode[][] = [[], ['type_mismatch'], [], ['token_expired']]
    const book = new Ledger([refusing], () => reasons.shift() as ErrorCode[])
    await expect(book.prove(id, 'a', () => '401 it')).rejects.toThrow('for another reason: type_mismatch')
    expect(findGaps([refusing], book)).toHaveLength(1)
    await book.prove(id, 'a', () => '401 it')
    expect(findGaps([refusing], book)).toEqual([])
  })

  test('refuses the citation of a row or an input which does not exist', async () => {
    const book = fresh(row, { ...row, id: 'later', inputs: [open('later', 'x', 'PASS', 'not yet')] })
    const never = (): never => {
      throw new Error('ran')
    }
    await expect(book.prove('no such row', 'a', never)).rejects.toThrow(
      'citation does not exist: no such row',
    )
    await expect(book.prove(id, 'c', never)).rejects.toThrow(
      `citation does not exist: ${id} has no input 'c'`,
    )
    await expect(book.prove('later', 'x', never)).rejects.toThrow("marked 'later'")
  })

  test('reports a delivered row without an input', () => {
    const empty: Requirement = { ...row, inputs: [] }
    const postponed: Requirement = { ...row, inputs: [open('later', 'x', 'PASS', 'not yet')] }
    expect(findGaps([empty], fresh(empty))).toEqual([`${id}: delivered without an input`])
    expect(findGaps([postponed], fresh(postponed))).toEqual([`${id}: delivered without an input`])
  })

  test('reports what is not delivered without a reason', () => {
    const later: Requirement = { ...row, status: 'later', inputs: [open('not offered', 'x', 'PASS', '')] }
    expect(findGaps([later], fresh(later))).toEqual([
      `${id}: later without a reason`,
      `${id} 'x': not offered without a reason`,
    ])
  })

  test('reports a row or an input which occurs twice', () => {
    const twice: Requirement = { ...row, status: 'later', reason: 'not yet', inputs: [] }
    expect(findGaps([twice, twice], fresh(twice))).toEqual([`${id}: the id occurs twice`])
    const same: Requirement = {
      ...twice,
      inputs: [open('later', 'x', 'PASS', 'not yet'), open('later', 'x', '503', 'not yet')],
    }
    expect(findGaps([same], fresh(same))).toEqual([`${id}: an input occurs twice`])
  })

  test('finds a citation wherever it stands', () => {
    const [first, second] = [['AT', '98'].join('-'), ['BJ', '99'].join('-')]
    expect(citationsIn('a.ts', `// ${first}: text ${second}, ${first}\nX${first} ${first}0`)).toEqual([
      { id: first, file: 'a.ts' },
      { id: second, file: 'a.ts' },
    ])
  })
})
