import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'

import { type History, makeHistories } from './equality/cases.ts'
import { replay, replayCorpus, type Replayed, type Row } from './equality/replay.ts'
import type { Report } from './equality/replay-process.ts'
import { EXPECTED } from './expected-codes.ts'
import { setupOf, TOKEN_CASES } from './hostile.ts'

/** `ATJWT_EQUALITY_CASES` raises the number of tokens presented, `ATJWT_EQUALITY_SEED` presents others. */
const CASES = Number(process.env['ATJWT_EQUALITY_CASES'] ?? 5000)
const SEED = Number(process.env['ATJWT_EQUALITY_SEED'] ?? 1)
const PATIENCE = 600_000

/** Replays in another process; `web` takes its cryptography from WebCrypto. */
async function replayElsewhere(
  histories: readonly History[],
  how: { readonly web: boolean; readonly cache: boolean },
): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'atjwt-equality-'))
  try {
    const [from, to] = [join(folder, 'histories.json'), join(folder, 'rows.json')]
    await writeFile(from, JSON.stringify(histories))
    const conditions = ['--conditions=@atjwt/source', ...(how.web ? ['--conditions=atjwt-web'] : [])]
    const script = fileURLToPath(new URL('equality/replay-process.ts', import.meta.url))
    const cached = how.cache ? 'cached' : 'uncached'
    // A child of the tests must not take their settings for its own.
    const env = { ...process.env, NODE_OPTIONS: '' }
    await promisify(execFile)(process.execPath, [...conditions, script, from, to, cached], { env })
    return JSON.parse(await readFile(to, 'utf8')) as Report
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Where two lists of verdicts differ, with the words of both. */
function differences(a: readonly Row[], b: readonly Row[]): string[] {
  const found = a.flatMap((row, n) =>
    row === b[n] ? [] : [`#${n}: ${row.split(' ')[0]} / ${b[n]?.split(' ')[0]}`],
  )
  return a.length === b.length ? found : [...found, `${a.length} rows / ${b.length} rows`]
}

const histories = makeHistories(CASES, SEED)
let uncached: Replayed[]
let corpus: Replayed

beforeAll(async () => {
  uncached = []
  for (const history of histories) uncached.push(await replay(history, false))
  corpus = await replayCorpus(false)
}, PATIENCE)

describe('the cases', () => {
  test('are as many as were asked for, and of every kind', () => {
    const rows = uncached.flatMap((one) => one.rows)
    expect(rows.length).toBeGreaterThanOrEqual(CASES)
    const words = new Map<string, number>()
    for (const row of rows) {
      const word = row.split(' ')[0] as string
      words.set(word, (words.get(word) ?? 0) + 1)
    }
    expect((words.get('accepted') ?? 0) / rows.length).toBeGreaterThan(0.05)
    expect([...words.keys()]).toEqual(
      expect.arrayContaining([
        'accepted',
        'missing_scope',
        'policy_denied',
        'token_expired',
        'token_not_yet_valid',
        'token_revoked',
        'token_malformed',
        'signature_invalid',
        'audience_mismatch',
        'issuer_not_trusted',
        'issuer_unreachable',
        'claim_missing',
        'claim_invalid',
        'type_mismatch',
        'algorithm_not_allowed',
        'kid_unknown',
        'kid_unknown_throttled',
      ]),
    )
  })

  test('of the corpus are judged as the corpus expects', () => {
    const first = corpus.rows.slice(0, TOKEN_CASES.length)
    const accepted = TOKEN_CASES.filter(({ id, kind }) => EXPECTED[id] === 'accepted' && kind === 'token')
    expect(accepted.length).toBeGreaterThan(20)
    for (const { id } of accepted) {
      expect(first.find((row) => row.startsWith(`${id}@0:`))).toMatch(/@0:accepted /)
    }
    expect(new Set(TOKEN_CASES.map(setupOf)).size).toBe(3)
  })
})

describe('a verdict is the same in every field', () => {
  test('with the cache and without it', { timeout: PATIENCE }, async () => {
    let remembered = 0
    for (const [n, history] of histories.entries()) {
      const cached = await replay(history, true)
      remembered += cached.remembered
      expect(differences((uncached[n] as Replayed).rows, cached.rows), `history ${n}`).toEqual([])
    }
    expect(uncached.some((one) => one.remembered > 0)).toBe(false)
    // Otherwise the cache was not in the way of anything.
    expect(remembered).toBeGreaterThan(CASES / 20)
    const warm = await replayCorpus(true)
    expect(differences(corpus.rows, warm.rows)).toEqual([])
    expect(warm.remembered).toBeGreaterThan(60)
  })

  test.each([
    { name: 'native cryptography in another process', web: false, cache: true },
    { name: 'WebCrypto', web: true, cache: false },
    { name: 'WebCrypto with the cache', web: true, cache: true },
  ])('by $name', { timeout: PATIENCE }, async ({ web, cache }) => {
    const report = await replayElsewhere(histories, { web, cache })
    // The right one did the work.
    if (web) expect(report.verifiedByWebCrypto).toBeGreaterThan(CASES / 20)
    else expect(report.verifiedByWebCrypto).toBe(0)
    expect(differences(corpus.rows, report.corpus)).toEqual([])
    expect(report.rows).toHaveLength(uncached.length)
    for (const [n, rows] of report.rows.entries()) {
      expect(differences((uncached[n] as Replayed).rows, rows), `history ${n}`).toEqual([])
    }
  })
})
