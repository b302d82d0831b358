import { randomBytes } from 'node:crypto'

import { AUDIENCE, claimsOf, encodeText, type Signer } from './tokens.ts'
import { Words } from './words.ts'

/** What a hostile token says beside the header and the claims which every access token has. */
interface Content {
  /** Members of the claims, as JSON without braces. */
  readonly claims?: string
  /** Members of the header, likewise. */
  readonly header?: string
  readonly audience?: readonly string[]
}

/** A kind of hostile token, of any size: with each size its content is new. */
export interface Shape {
  readonly name: string
  content(size: number, words: Words): Content
}

const list = (size: number, one: (index: number) => string): string =>
  Array.from({ length: size }, (_none, index) => one(index)).join(',')
const repeated = (size: number, one: (index: number) => string): Content => ({ claims: list(size, one) })
const listed = (size: number, one: (index: number) => string): Content => ({
  claims: `"list":[${list(size, one)}]`,
})
/** Of one to ten letters in turns: of strings as short as that an engine keeps one copy. */
const short = (index: number): number => 1 + (index % 10)
/** Likewise, where no two may be equal. */
const shortName = (index: number): number => 3 + (index % 8)
/** A word of which the first letter is written by its number. */
const escaped = (words: Words): string => `\\u0061${words.next(5)}`
/** Of so many digits that none was met before. */
const fraction = (): string => `0.${1e15 + Math.floor(Math.random() * 8e15)}`
const objectOf = (names: number, length: number, words: Words, value = '1'): string =>
  `{${list(names, () => `"${words.next(length)}":${value}`)}}`
/** An object in an object, each with a name of its own. */
const nested = (depth: number, words: Words): string =>
  Array.from({ length: depth }, () => `{"${words.next(5)}":`).join('') + '1' + '}'.repeat(depth)

/** Distance of whole numbers which share the low bits, by which a table of an engine may order them. */
const STRIDE = 2 ** 11
let offset = 0
/** Other whole numbers each time. */
function wholeNumbers(): (index: number) => number {
  offset = (offset + 1) % STRIDE
  const first = offset
  return (index) => index * STRIDE + first
}

/**
 * Shapes which are read to the end and refused for their signature, when they are just small enough. Each is made as
 * large as the reader of JSON takes it.
 *
 * @param depth how deep a value may lie in a list of the claims
 */
export const readable = (depth: number): readonly Shape[] => [
  { name: 'names of 3 to 10 letters', content: (n, w) => repeated(n, (i) => `"${w.next(shortName(i))}":1`) },
  { name: 'names of 24 letters', content: (n, w) => repeated(n, () => `"${w.next(24)}":1`) },
  { name: 'escaped names', content: (n, w) => repeated(n, () => `"${escaped(w)}":1`) },
  { name: 'names, blanks around', content: (n, w) => repeated(n, () => ` "${w.next(5)}" : 1 `) },
  {
    name: 'whole numbers as names',
    content: (n) => {
      const at = wholeNumbers()
      return repeated(n, (i) => `"${at(i)}":1`)
    },
  },
  {
    name: 'names and strings of 5 letters',
    content: (n, w) => repeated(n, () => `"${w.next(5)}":"${w.next(5)}"`),
  },
  { name: 'strings of 1 to 10 letters', content: (n, w) => listed(n, (i) => `"${w.next(short(i))}"`) },
  { name: 'strings of 5 letters', content: (n, w) => listed(n, () => `"${w.next(5)}"`) },
  { name: 'strings of 24 letters', content: (n, w) => listed(n, () => `"${w.next(24)}"`) },
  { name: 'escaped strings', content: (n, w) => listed(n, () => `"${escaped(w)}"`) },
  {
    name: 'whole numbers as strings',
    content: (n) => {
      const at = wholeNumbers()
      return listed(n, (i) => `"${at(i)}"`)
    },
  },
  { name: 'fractions', content: (n) => listed(n, fraction) },
  { name: 'small numbers', content: (n) => listed(n, (i) => String(i % 10)) },
  { name: 'objects without names', content: (n) => listed(n, () => '{}') },
  { name: 'lists without elements', content: (n) => listed(n, () => '[]') },
  { name: 'objects of 1 name', content: (n, w) => listed(n, () => objectOf(1, 5, w)) },
  { name: 'objects of 2 names', content: (n, w) => listed(n, () => objectOf(2, 5, w)) },
  { name: 'objects of 2 names of 10 letters', content: (n, w) => listed(n, () => objectOf(2, 10, w)) },
  { name: 'objects of 2 names of 24 letters', content: (n, w) => listed(n, () => objectOf(2, 24, w)) },
  {
    name: 'objects of 2 escaped names',
    content: (n, w) => listed(n, () => `{"${escaped(w)}":1,"${escaped(w)}":1}`),
  },
  {
    name: 'objects of 2 names with strings',
    content: (n, w) => listed(n, () => `{"${w.next(5)}":"${w.next(5)}","${w.next(5)}":"${w.next(5)}"}`),
  },
  { name: 'objects of 5 names', content: (n, w) => listed(n, () => objectOf(5, 5, w)) },
  {
    name: 'objects of value and display',
    content: (n, w) => listed(n, () => `{"value":"${w.next(20)}","display":"${w.next(12)}"}`),
  },
  { name: 'objects of 4 names, of the same', content: (n) => listed(n, () => '{"a":1,"b":1,"c":1,"d":1}') },
  { name: 'objects of 2 numbers far apart', content: (n) => listed(n, () => '{"1023":1,"2575":1}') },
  { name: 'objects in objects', content: (n, w) => listed(n, () => nested(depth, w)) },
  { name: 'lists in lists', content: (n) => listed(n, () => '['.repeat(depth) + ']'.repeat(depth)) },
  { name: 'one string', content: (n, w) => ({ claims: `"text":"${w.next(10)}${'a'.repeat(n)}"` }) },
  {
    name: 'one string beyond ASCII',
    content: (n, w) => ({ claims: `"text":"${w.next(10)}${'é'.repeat(n)}"` }),
  },
  {
    name: 'one string of escapes',
    content: (n, w) => ({ claims: `"text":"${w.next(10)}${'\\u00e9'.repeat(n)}"` }),
  },
  {
    name: 'one string of escaped pairs',
    content: (n, w) => ({ claims: `"text":"${w.next(10)}${'\\ud83d\\ude00'.repeat(n)}"` }),
  },
  {
    name: 'audiences',
    content: (n, w) => ({ audience: [...Array.from({ length: n }, () => w.next(5)), AUDIENCE] }),
  },
  {
    name: 'names in header and claims',
    content: (n, w) => ({
      header: list(n, () => `"${w.next(5)}":1`),
      claims: list(n, () => `"${w.next(5)}":1`),
    }),
  },
  {
    name: 'strings in header and claims',
    content: (n, w) => ({
      header: `"list":[${list(n, () => `"${w.next(5)}"`)}]`,
      claims: `"list":[${list(n, () => `"${w.next(5)}"`)}]`,
    }),
  },
  {
    name: 'objects of 2 names in header and claims',
    content: (n, w) => ({
      header: `"list":[${list(n, () => objectOf(2, 5, w))}]`,
      claims: `"list":[${list(n, () => objectOf(2, 5, w))}]`,
    }),
  },
]

/** Values in values, to find out how deep they may lie. */
export const DEEP: Shape = {
  name: 'depth',
  content: (depth, words) => ({ claims: `"list":[${nested(depth, words)}]` }),
}

/** Names which would occur twice, or be judged. */
const MEANINGFUL = [
  ...Object.keys(claimsOf({})),
  ...['nbf', 'cnf', 'alg', 'typ', 'kid', 'crit', 'b64', 'zip', 'list', 'text', 'twice'],
]

/** Of all who forge, so that none repeats another. */
const words = new Words(MEANINGFUL)

/** Writes tokens which look like good ones up to their signature. */
export class Forger {
  readonly #header: string
  readonly #signature: string

  /** @param signer whose key they name; the signature is one of its own, of something else */
  constructor({ alg, kid, token }: Signer) {
    this.#header = `"alg":"${alg}","typ":"at+jwt","kid":"${kid}"`
    const signed = token()
    this.#signature = signed.slice(signed.lastIndexOf('.') + 1)
  }

  /** A token of this shape and size, with names and strings of its own. */
  forge(shape: Shape, size: number): string {
    const { claims, header, audience } = shape.content(size, words)
    const usual = JSON.stringify(claimsOf(audience === undefined ? {} : { aud: audience })).slice(1, -1)
    return this.#token(joined(this.#header, header), joined(usual, claims))
  }

  #token(header: string, claims: string): string {
    return `${encodeText(`{${header}}`)}.${encodeText(`{${claims}}`)}.${this.#signature}`
  }

  /** Tokens of nearly `length` characters which are refused before a key is asked, with the code of each. */
  refusedEarly(length: number): readonly { readonly name: string; readonly code: string; make(): string }[] {
    const room = Math.floor((length - 1000) * 0.75)
    const claims = JSON.stringify(claimsOf({})).slice(1, -1)
    const left = room - claims.length
    const tokenOf = (more: string): string => this.#token(this.#header, `${claims},${more}`)
    const word = (): string => words.next(5)
    const malformed = 'claims_malformed'
    /** A thousand names of so many letters fill a token. */
    const long = Math.floor(left / 1000) - 6
    return [
      {
        name: 'too many names',
        code: malformed,
        make: () => tokenOf(list(left / 10, () => `"${word()}":1`)),
      },
      {
        name: 'too many names, blanks around',
        code: malformed,
        make: () => tokenOf(list(left / 14, () => ` "${word()}" : 1 `)),
      },
      {
        name: 'too many elements',
        code: malformed,
        make: () => tokenOf(`"list":[${'1,'.repeat(left / 2 - 20)}1]`),
      },
      {
        name: 'too many objects',
        code: malformed,
        make: () => tokenOf(`"list":[${list(left / 12, () => `{"${word()}":1}`)}]`),
      },
      { name: 'too deep', code: malformed, make: () => tokenOf(`"list":${'['.repeat(left - 20)}`) },
      {
        name: 'one number of many digits',
        code: malformed,
        make: () => tokenOf(`"list":${'9'.repeat(left - 20)}`),
      },
      {
        name: 'a string without an end',
        code: malformed,
        make: () => tokenOf(`"${word()}":"${'a'.repeat(left - 20)}`),
      },
      {
        name: 'names with one twice',
        code: malformed,
        make: () => tokenOf(`${list(1000, () => `"${words.next(long)}":1`)},"twice":1,"twice":1`),
      },
      {
        name: 'a long header of another type',
        code: 'type_mismatch',
        make: () =>
          this.#token(`"alg":"RS256","typ":"at+jwt-not","text":"${word()}${'a'.repeat(left - 200)}"`, claims),
      },
      {
        name: 'a long signature',
        code: 'signature_invalid',
        make: () =>
          `${encodeText(`{${this.#header}}`)}.${encodeText(`{${claims}}`)}.${randomBytes(left).toString('base64url')}`,
      },
      { name: 'dots', code: 'token_opaque', make: () => '.'.repeat(length) },
      { name: 'letters', code: 'token_opaque', make: () => randomBytes(room).toString('base64url') },
      { name: 'no grammar', code: 'token_malformed', make: () => '%'.repeat(length) },
    ]
  }
}

const joined = (usual: string, more: string | undefined): string =>
  more === undefined ? usual : `${usual},${more}`

/**
 * The largest size at which a token is read to the end. Found by trying, so that no limit is written down twice: what
 * is larger by one is refused for its size.
 *
 * @param isRead whether a token of this size is
 */
export async function largest(isRead: (size: number) => Promise<boolean>): Promise<number> {
  let [below, above] = [0, 1]
  while (await isRead(above)) {
    below = above
    above *= 2
    if (above > 2 ** 20) throw new Error('there is no limit to what is read')
  }
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2)
    if (await isRead(middle)) below = middle
    else above = middle
  }
  return below
}
