// Replays histories in a process of its own, whose conditions choose the cryptography: FILE with histories, FILE for rows.
import { readFileSync, writeFileSync } from 'node:fs'

import type { History } from './cases.ts'
import { replay, replayCorpus, type Row } from './replay.ts'

/** What this process says of itself and of the histories. */
export interface Report {
  /** Signatures which WebCrypto verified: none where `node:crypto` does it. */
  readonly verifiedByWebCrypto: number
  readonly corpus: readonly Row[]
  readonly rows: readonly (readonly Row[])[]
}

let verifiedByWebCrypto = 0
const { subtle } = globalThis.crypto
const verify = subtle.verify.bind(subtle)
Object.defineProperty(subtle, 'verify', {
  value: (...args: Parameters<typeof verify>) => {
    verifiedByWebCrypto += 1
    return verify(...args)
  },
})

const [from, to, cached] = process.argv.slice(2) as [string, string, string]
const cache = cached === 'cached'
const histories = JSON.parse(readFileSync(from, 'utf8')) as History[]
const corpus = (await replayCorpus(cache)).rows
const rows: (readonly Row[])[] = []
for (const history of histories) rows.push((await replay(history, cache)).rows)
writeFileSync(to, JSON.stringify({ verifiedByWebCrypto, corpus, rows } satisfies Report))
