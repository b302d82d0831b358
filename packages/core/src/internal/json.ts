import { withoutStack } from './stack.ts'

/** A JSON object as this library hands it on: without a prototype, frozen through and through. */
export type JSONObject = { readonly [name: string]: unknown }

/** Nesting deeper than this is refused: nothing that OAuth defines comes near, and readers behind us may recurse. */
const MAX_DEPTH = 20
/**
 * What one document may cost to read, in steps of about 50 ns: a token which nobody signed must not keep a thread for
 * long. What is dear to a JavaScript engine is not length, but what it meets for the first time.
 */
const MAX_COST = 9500
/** An object or an array. */
const COST_OF_CONTAINER = 3
/** A value of a few letters: engines look for each among all they know, and add it. */
const COST_OF_SHORT_STRING = 8
const SHORT = 10
/** A name after others behind which it never stood in this document: engines learn a new shape of objects, and forget it. */
const COST_OF_SHAPE = 50
/** So many names may all make new shapes, and need not be told apart. */
const FEW_NAMES = 100

/**
 * Reads a JSON text strictly: no duplicate member names, finite numbers only, well-formed Unicode, bounded depth and
 * size. `undefined` for anything else; never throws. Two parsers which read one text differently are an attack
 * (RFC 7515 §4, RFC 7519 §4 let a reader choose the last of two members).
 *
 * The native parser reads it, which is strict but for duplicate names, of which it keeps the last: when as many members
 * come out as names stand in the text, no name stood there twice.
 */
export function parseJSON(text: string, maxCost: number = MAX_COST): unknown {
  const glance = glanceAt(text, maxCost)
  let names = glance ?? countNames(text, maxCost)
  if (names === undefined) return undefined
  const value = parse(text)
  const seal = new Seal(text.includes('\\u') || !text.isWellFormed())
  if (value === undefined || !seal.isStrict(value)) return undefined
  // A glance may see too many names, for example in a string that begins with a colon.
  if (glance !== undefined && seal.members < glance) names = countNames(text, maxCost)
  return seal.members === names ? value : undefined
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

/** `undefined` for what is no JSON. The text of most garbage is known by its first character, without an error made. */
function parse(text: string): unknown {
  if (text.charCodeAt(0) !== OPEN_BRACE && !START.test(text)) return undefined
  return withoutStack(() => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      return undefined
    }
  })
}

const START = /^[\t\n\r ]*["{[\-0-9tfn]/

/**
 * No fewer names than a text has, quickly: a name's last quotation mark stands before a colon. `undefined` where it has
 * to be looked at letter by letter: white space before a colon hides a name, brackets may nest, many letters may cost
 * too much.
 */
function glanceAt(text: string, maxCost: number): number | undefined {
  // However a text this short is filled, it does not take long.
  if (2 * text.length > maxCost) return undefined
  let names = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    const before = text.charCodeAt(at - 1)
    if (before === QUOTE) names += 1
    else if (isSpace(before)) return undefined
  }
  if (names > FEW_NAMES) return undefined
  return occurrences(text, '{') + occurrences(text, '[') > MAX_DEPTH ? undefined : names
}

function occurrences(text: string, letter: string): number {
  let count = 0
  for (let at = text.indexOf(letter); at !== -1; at = text.indexOf(letter, at + 1)) count += 1
  return count
}

/**
 * The number of member names in a JSON text; `undefined` when it is nested too deep or costs too much. That is judged
 * here, before the native parser, whose work is not to be had for a few thousand brackets.
 */
function countNames(text: string, maxCost: number): number | undefined {
  let names = 0
  let depth = 0
  let cost = 0
  const shapes = new Map<string, number>()
  // An escaped letter takes up to six.
  const short = (text.includes('\\') ? 6 * SHORT : SHORT) + 1
  /** Of each open object, as far as it has come. */
  const shapeAt: number[] = []
  for (let at = 0; at < text.length; at += 1) {
    const c = text.charCodeAt(at)
    if (c === QUOTE) {
      const end = endOfString(text, at)
      let next = end + 1
      while (isSpace(text.charCodeAt(next))) next += 1
      if (text.charCodeAt(next) !== COLON) {
        if (end - at <= short) cost += COST_OF_SHORT_STRING
      } else if ((names += 1) > FEW_NAMES) {
        const step = `${shapeAt[depth]} ${text.slice(at, end)}`
        const known = shapes.get(step)
        if (known === undefined) cost += COST_OF_SHAPE
        shapes.set(step, (shapeAt[depth] = known ?? shapes.size))
      }
      at = end
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      if ((depth += 1) > MAX_DEPTH) return undefined
      shapeAt[depth] = -1
      cost += COST_OF_CONTAINER
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth -= 1
    } else if (c === COMMA) {
      cost += 1
    }
    if (cost > maxCost) return undefined
  }
  return names
}

/** Where the string that begins at `start` ends; the end of the text when it does not. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = at
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1
    if ((at - escapes) % 2 === 0) return at
  }
  return text.length
}

const isSpace = (c: number): boolean => c === 0x20 || c === 0x09 || c === 0x0a || c === 0x0d

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Freezes what the native parser made, and takes the prototypes of its objects: `__proto__` is a name like any other.
 * The objects stay as they are, for a copy without a prototype would be many times slower to read.
 */
class Seal {
  members = 0
  readonly #strings: boolean

  /** @param strings whether half of a surrogate pair may stand in one */
  constructor(strings: boolean) {
    this.#strings = strings
  }

  /** `false` for what a strict reader refuses. */
  isStrict(value: unknown): boolean {
    // Most values are strings, and most texts can hold no half of a pair.
    if (typeof value === 'string') return !this.#strings || value.isWellFormed()
    // 1e400 parses to Infinity: an expiry that never comes.
    if (typeof value === 'number') return Number.isFinite(value)
    if (typeof value !== 'object' || value === null) return true
    return Array.isArray(value) ? this.#array(value) : this.#object(value as JSONObject)
  }

  #array(array: readonly unknown[]): boolean {
    for (const element of array) if (!this.isStrict(element)) return false
    Object.freeze(array)
    return true
  }

  #object(object: JSONObject): boolean {
    Object.setPrototypeOf(object, null)
    let members = 0
    for (const name in object) {
      members += 1
      if (!this.isStrict(object[name]) || (this.#strings && !name.isWellFormed())) return false
    }
    this.members += members
    Object.freeze(object)
    return true
  }
}
