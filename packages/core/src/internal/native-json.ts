import { isSpace, MAX_DEPTH, OPEN_BRACE, QUOTE } from './json-grammar.ts'
import type { JSONObject } from './json.ts'
import { unlessThrown } from './stack.ts'

/** Letters; with more the native parser can be made to take milliseconds. */
const MAX_LETTERS = 2000
/**
 * Bounds of what the other reader counts, so that nothing is read here which it would refuse as too dear. An element has
 * two letters at least and costs 8; a member has five, and with a new name that is a number and a number as its value it
 * costs 50, which is 30 more than its letters stand for; an object costs what it costs there.
 */
const [COST_OF_LETTER, COST_OF_NAME, COST_OF_OBJECT] = [4, 32, 14]

/**
 * Reads most of what a strict reader reads, in half the time: by the native parser, which is strict but for duplicate
 * names, of which it keeps the last. When as many members come out as names stand in the text, no name stood there
 * twice. `undefined` for what it leaves to the other reader: what is refused, long or unusual.
 */
export function readNatively(text: string, maxCost: number): unknown {
  if (text.length > MAX_LETTERS) return undefined
  // V8 guesses names by texts which it read before, and takes some that are written with escapes for others: one token
  // which nobody signed would change what later ones say (https://github.com/nodejs/node/issues/63785).
  if (text.includes('\\') || !text.isWellFormed()) return undefined
  const names = glanceAt(text, maxCost)
  if (names === undefined) return undefined
  if (text.charCodeAt(0) !== OPEN_BRACE && !START.test(text)) return undefined
  const value = unlessThrown(() => JSON.parse(text) as unknown)
  const seal = new Seal()
  return value !== undefined && seal.isStrict(value) && seal.members === names ? value : undefined
}

/** The text of most garbage is known by its first letter, without an error made. */
const START = /^[\t\n\r ]*["{[\-0-9tfn]/

/**
 * No fewer names than a text has, quickly: a name's last quotation mark stands before a colon. `undefined` where it has
 * to be looked at letter by letter: white space before a colon hides a name, brackets may nest, it may cost too much.
 */
function glanceAt(text: string, maxCost: number): number | undefined {
  let names = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    const before = text.charCodeAt(at - 1)
    if (before === QUOTE) names += 1
    else if (isSpace(before)) return undefined
  }
  const objects = occurrences(text, '{')
  const most = COST_OF_LETTER * text.length + COST_OF_NAME * names + COST_OF_OBJECT * objects
  return most > maxCost || objects + occurrences(text, '[') > MAX_DEPTH ? undefined : names
}

function occurrences(text: string, letter: string): number {
  let count = 0
  for (let at = text.indexOf(letter); at !== -1; at = text.indexOf(letter, at + 1)) count += 1
  return count
}

/**
 * Freezes what the native parser made, and takes the prototypes of its objects: `__proto__` is a name like any other.
 * The objects stay as they are, for a copy without a prototype would be many times slower to read.
 */
class Seal {
  members = 0

  /** `false` for what a strict reader refuses. */
  isStrict(value: unknown): boolean {
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
      if (!this.isStrict(object[name])) return false
    }
    this.members += members
    Object.freeze(object)
    return true
  }
}
