import { readNatively } from '#runtime'

import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isSpace,
  MAX_DEPTH,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './json-grammar.ts'
import { unlessThrown } from './stack.ts'

/** A JSON object as this library hands it on: without a prototype, frozen through and through. */
export type JSONObject = { readonly [name: string]: unknown }

/**
 * What a text may cost to read, in steps of 50 ns at most, what it leaves to the collector of garbage included: a token
 * which nobody signed must not keep a thread for long.
 */
const MAX_COST = 10_000

/**
 * Reads a JSON text strictly: no duplicate member names, finite numbers only, well-formed Unicode, bounded depth and
 * cost. `undefined` for anything else; never throws. Two parsers which read one text differently are an attack
 * (RFC 7515 §4, RFC 7519 §4 let a reader choose the last of two members).
 */
export function parseJSON(text: string, maxCost: number = MAX_COST): unknown {
  return readNatively?.(text, maxCost) ?? unlessThrown(() => readLetters(text, maxCost))
}

/** {@link parseJSON} for a text which must be an object. */
export function parseJSONObject(text: string, maxCost?: number): JSONObject | undefined {
  const value = parseJSON(text, maxCost)
  return isObject(value) ? value : undefined
}

/** Whether `value` is a JSON object: neither `null` nor an array. */
export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether `value` is a string which says something. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

const COST_OF_ELEMENT = 5
const COST_OF_MEMBER = 3
/** Beside what it costs as a value, as all that follow. */
const COST_OF_OBJECT = 14
const COST_OF_LITERAL = 3
/** Of a string with escapes, or with letters which take two places in a string. */
const COST_OF_SPECIAL = 4
/** Of a name which did not stand in this text before: engines keep one copy of each, in a table which has to grow. */
const COST_OF_NEW_NAME = 34
/** Of a name which is a number. */
const COST_OF_INDEX = 10

const LITERAL = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[Ee][+-]?\d+)?|true|false|null/y
/** What may stand for something else in a string, or must not stand there. */
// oxlint-disable-next-line no-control-regex -- which JSON does not allow in a string
const SPECIAL = /[\0-\x1f\\\ud800-\udfff]/
/** Engines keep one copy also of each string of up to ten letters that their parser reads, which here it shall not be. */
const PADDING = '          '
/** V8 makes a view of the whole of so long a part: the text would live for as long as a group that somebody keeps. */
const VIEWED = 13

/**
 * Reads JSON letter by letter (RFC 8259). The native parser can be made to take long: for each short string and each
 * shape of objects which it meets for the first time it changes tables of the whole process, which at times takes
 * milliseconds. Here strings are parts of the text, and objects are tables themselves.
 *
 * @param left what it may cost
 * @returns `undefined` for what a strict reader refuses
 * @throws {SyntaxError} for an escape which there is not
 */
function readLetters(text: string, left: number): unknown {
  const isSpecial = SPECIAL.test(text)
  /** One copy of each, for engines look at another one letter by letter. */
  const names = new Map<string, string>()
  let at = 0
  let depth = 0

  const value = readValue(0)
  return Number.isNaN(nextLetter()) && left >= 0 ? value : undefined

  /** White space is passed over. */
  function nextLetter(): number {
    let letter = text.charCodeAt(at)
    while (isSpace(letter)) letter = text.charCodeAt((at += 1))
    return letter
  }

  function takes(letter: number): boolean {
    if (nextLetter() !== letter) return false
    at += 1
    return true
  }

  function readValue(cost: number): unknown {
    left -= cost
    if (left < 0) return undefined
    const letter = nextLetter()
    if (letter === QUOTE) return readString()
    if (letter !== OPEN_BRACE && letter !== OPEN_BRACKET) return readLiteral()
    if (depth === MAX_DEPTH) return undefined
    at += 1
    depth += 1
    const container = letter === OPEN_BRACE ? readObject() : readArray()
    depth -= 1
    return container && Object.freeze(container)
  }

  function readArray(): unknown[] | undefined {
    const array: unknown[] = []
    if (takes(CLOSE_BRACKET)) return array
    do {
      const element = readValue(COST_OF_ELEMENT)
      if (element === undefined) return undefined
      array.push(element)
    } while (takes(COMMA))
    return takes(CLOSE_BRACKET) ? array : undefined
  }

  function readObject(): JSONObject | undefined {
    const object: Record<string, unknown> = Object.create(null)
    left -= COST_OF_OBJECT
    if (takes(CLOSE_BRACE)) return object
    do {
      const name = readName()
      if (name === undefined || name in object || !takes(COLON)) return undefined
      const member = readValue(COST_OF_MEMBER)
      if (member === undefined) return undefined
      if (Number(name) >= 0) {
        // By an assignment a few numbers far apart would make engines reserve all places between them.
        Object.defineProperty(object, name, { value: member, enumerable: true })
        left -= COST_OF_INDEX
      } else object[name] = member
    } while (takes(COMMA))
    return takes(CLOSE_BRACE) ? object : undefined
  }

  function readName(): string | undefined {
    const name = nextLetter() === QUOTE ? readString() : undefined
    if (name === undefined || names.has(name)) return name && names.get(name)
    left -= COST_OF_NEW_NAME
    names.set(name, name)
    return name
  }

  function readString(): string | undefined {
    const start = at + 1
    const end = endOfString(start)
    if (end === -1) return undefined
    at = end + 1
    const string = text.slice(start, end)
    if (!isSpecial || !SPECIAL.test(string))
      return string.length < VIEWED ? string : (JSON.parse(text.slice(start - 1, at)) as string)
    left -= COST_OF_SPECIAL
    const read = JSON.parse(`"${string}${PADDING}"`) as string
    return read.isWellFormed() ? read.slice(0, -PADDING.length) : undefined
  }

  function readLiteral(): unknown {
    const start = (LITERAL.lastIndex = at)
    left -= COST_OF_LITERAL
    if (!LITERAL.test(text)) return undefined
    at = LITERAL.lastIndex
    const literal: unknown = JSON.parse(text.slice(start, at))
    // 1e400 is read as Infinity: an expiry that never comes.
    return Math.abs(literal as number) === Infinity ? undefined : literal
  }

  /** Where the string of which the first letter stands at `start` ends; -1 when it does not. */
  function endOfString(start: number): number {
    for (let end = text.indexOf('"', start); end !== -1; end = text.indexOf('"', end + 1)) {
      let escapes = end
      while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1
      if ((end - escapes) % 2 === 0) return end
    }
    return -1
  }
}
