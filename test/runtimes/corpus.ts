import { readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

interface Case {
  readonly id: string
  readonly class: string
  readonly title: string
  readonly kind: 'token' | 'authz' | 'request'
  readonly jwks: string
  readonly token?: string
  readonly request?: { method: string; url: string; headers: [string, string][] }
  readonly require?: { scope?: string[]; role?: string[] }
  readonly expect: {
    readonly status?: number | number[]
    readonly error?: string | null | (string | null)[]
  }
}

interface Corpus {
  readonly now: number
  readonly issuer: string
  readonly audience: string
  readonly jwks: Readonly<Record<string, { keys: object[] }>>
  readonly cases: readonly Case[]
}

/** One attack or control as an HTTP request. */
export interface Attack {
  readonly id: string
  readonly title: string
  readonly path: string
  readonly headers: readonly [string, string][]
  readonly statuses: readonly number[]
  /** The `error` of the challenge, `null` for none; `undefined` where the case leaves it open. */
  readonly errors: readonly (string | null)[] | undefined
}

const file = path.join(import.meta.dirname, '../attacks/corpus/hostile.json.gz')
const hostile = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Corpus

/** A signature and the same number raised by the modulus, which some runtimes reduce again (RFC 8017 §5.2.2). */
const { jwk, input, genuine, raised } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'raised-signature.json'), 'utf8'),
) as { jwk: object; input: string; genuine: string; raised: string }
const ofNumbers = { class: 'signature', kind: 'token', jwks: 'raised' } as const

export const corpus: Corpus = {
  ...hostile,
  jwks: { ...hostile.jwks, raised: { keys: [jwk] } },
  cases: [
    ...hostile.cases,
    {
      ...ofNumbers,
      id: 'raised-0',
      title: 'a PS256 signature',
      token: `${input}.${genuine}`,
      expect: { status: 200 },
    },
    {
      ...ofNumbers,
      id: 'raised-1',
      title: 'a PS256 signature above the modulus',
      token: `${input}.${raised}`,
      expect: { status: 401, error: 'invalid_token' },
    },
  ],
}

/** Where the corpus leaves both outcomes open: what is chosen here, and so has to be the same in every runtime. */
const CHOSEN: Readonly<Record<string, number>> = { 'S-sig-ecdsa-900': 200, 'S-shape-013': 401 }

/** Node's limit for all header fields is 16 KiB; longer ones never reach an application. */
const MAX_HEADER = 15_000
const asList = <T>(value: T | readonly T[]): readonly T[] =>
  Array.isArray(value) ? (value as T[]) : [value as T]

/** What of the corpus a client can send as a header field, and no proxy or server changes on the way. */
export const ATTACKS: readonly Attack[] = corpus.cases.flatMap((testCase): Attack[] => {
  const { id, title, kind, jwks, token = '', request, require, expect } = testCase
  // Proofs of possession are not delivered yet.
  if (testCase.class === 'dpop') return []
  const headers = request?.headers ?? [['Authorization', `Bearer ${token}`] as [string, string]]
  if (!headers.every(([, value]) => isFieldValue(value))) return []
  const guard = require === undefined ? '' : require.scope === undefined ? '/role/admin' : '/scope/admin'
  // A header which is no credentials by its grammar is a bad request, whatever the token would have been worth.
  const malformed = kind !== 'request' && !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)
  return [
    {
      id,
      title,
      path: `/corpus/${jwks}${guard}${request === undefined ? '' : new URL(request.url).search}`,
      headers,
      statuses: malformed ? [400] : asList(expect.status ?? (CHOSEN[id] as number)),
      errors: malformed
        ? ['invalid_request']
        : expect.error === undefined
          ? undefined
          : asList<string | null>(expect.error),
    },
  ]
})

function isFieldValue(value: string): boolean {
  return value.length <= MAX_HEADER && /^[\x20-\x7E]*$/.test(value) && value.trim() === value
}
