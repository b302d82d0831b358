/** A JSON object as this library hands it on: without a prototype, frozen through and through. */
export type JSONObject = { readonly [name: string]: unknown }

/** Nesting deeper than this is refused: nothing that OAuth defines comes near, and readers behind us may recurse. */
const MAX_DEPTH = 20
/** Object members and array elements in one document. */
const MAX_VALUES = 20_000

/**
 * Reads a JSON text strictly: no duplicate member names, finite numbers only, well-formed Unicode, bounded depth and
 * size. `undefined` for anything else; never throws. Two parsers which read one text differently are an attack
 * (RFC 7515 §4, RFC 7519 §4 let a reader choose the last of two members).
 *
 * A text without white space and escapes, as most issuers write it, is read by the native parser: in it a member name is a
 * quote followed by a colon, and when there are as many of these as members came out, none stood there twice. Whatever
 * has another spelling goes through the strict reader.
 */
export function parseJSON(text: string): unknown {
  try {
    const names = countNames(text)
    if (names === UNUSUAL) return new Reader(text).document()
    const value: unknown = JSON.parse(text)
    const sealed = new Seal()
    sealed.value(value)
    return sealed.members === names && sealed.values <= MAX_VALUES ? value : undefined
  } catch {
    return undefined
  }
}

/** {@link parseJSON} for a text which must be an object. */
export function parseJSONObject(text: string): JSONObject | undefined {
  const value = parseJSON(text)
  return isObject(value) ? value : undefined
}

/** Whether `value` is a JSON object: neither `null` nor an array. */
export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const UNUSUAL = -1

/**
 * The number of member names in a compact JSON text; {@link UNUSUAL} when it has white space between its tokens,
 * escapes, or surrogates, of which one may stand alone. Throws on a text that nests too deep: the native calls behind it recurse, and a few thousand brackets would
 * cost milliseconds.
 */
function countNames(text: string): number {
  let names = 0
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at += 1) {
    const c = text.charCodeAt(at)
    if (quoted) {
      if (c === QUOTE) {
        quoted = false
        if (text.charCodeAt(at + 1) === COLON) names += 1
      } else if (c === BACKSLASH || isSurrogate(c)) return UNUSUAL
    } else if (c === QUOTE) {
      quoted = true
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      depth += 1
      if (depth > MAX_DEPTH) throw invalid
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth -= 1
    } else if (c <= SPACE) {
      return UNUSUAL
    }
  }
  return names
}
const isSurrogate = (c: number): boolean => c >= 0xd8_00 && c <= 0xdf_ff
const SPACE = 0x20
const QUOTE = 0x22
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
  values = 0

  value(value: unknown): void {
    if (typeof value === 'number') {
      // 1e400 parses to Infinity: an expiry that never comes.
      if (!Number.isFinite(value)) throw invalid
      return
    }
    if (typeof value !== 'object' || value === null) return
    const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
    this.values += parts.length
    for (const part of parts) if (typeof part !== 'string') this.value(part)
    if (!Array.isArray(value)) {
      this.members += parts.length
      Object.setPrototypeOf(value, null)
    }
    Object.freeze(value)
  }
}

class Invalid extends Error {}
const invalid = new Invalid('not strict JSON')

/** RFC 8259, plus the restrictions named above. */
class Reader {
  readonly #text: string
  #at = 0
  #left = MAX_VALUES

  constructor(text: string) {
    this.#text = text
  }

  document(): unknown {
    const value = this.#value(0)
    this.#space()
    if (this.#at !== this.#text.length) throw invalid
    return value
  }

  #space(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at)
      if (c !== 0x20 && c !== 0x09 && c !== 0x0a && c !== 0x0d) return
      this.#at += 1
    }
  }

  #value(depth: number): unknown {
    if (--this.#left < 0) throw invalid
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string()
      case 't':
        return this.#literal('true', true)
      case 'f':
        return this.#literal('false', false)
      case 'n':
        return this.#literal('null', null)
      default:
        return this.#number()
    }
  }

  #object(depth: number): JSONObject {
    if (depth >= MAX_DEPTH) throw invalid
    const object: Record<string, unknown> = Object.create(null)
    this.#at += 1
    this.#space()
    if (this.#text[this.#at] === '}') {
      this.#at += 1
      return Object.freeze(object)
    }
    for (;;) {
      this.#space()
      if (this.#text[this.#at] !== '"') throw invalid
      const name = this.#string()
      if (name in object) throw invalid
      this.#space()
      if (this.#text[this.#at] !== ':') throw invalid
      this.#at += 1
      object[name] = this.#value(depth + 1)
      this.#space()
      const c = this.#text[this.#at]
      this.#at += 1
      if (c === '}') return Object.freeze(object)
      if (c !== ',') throw invalid
    }
  }

  #array(depth: number): readonly unknown[] {
    if (depth >= MAX_DEPTH) throw invalid
    const array: unknown[] = []
    this.#at += 1
    this.#space()
    if (this.#text[this.#at] === ']') {
      this.#at += 1
      return Object.freeze(array)
    }
    for (;;) {
      array.push(this.#value(depth + 1))
      this.#space()
      const c = this.#text[this.#at]
      this.#at += 1
      if (c === ']') return Object.freeze(array)
      if (c !== ',') throw invalid
    }
  }

  #string(): string {
    STRING.lastIndex = this.#at
    const match = STRING.exec(this.#text)
    if (match === null) throw invalid
    this.#at = STRING.lastIndex
    const value = JSON.parse(match[0]) as string
    if (!value.isWellFormed()) throw invalid
    return value
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw invalid
    this.#at += word.length
    return value
  }

  #number(): number {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) throw invalid
    this.#at = NUMBER.lastIndex
    const value = Number(match[0])
    // 1e400 parses to Infinity: an expiry that never comes.
    if (!Number.isFinite(value)) throw invalid
    return value
  }
}

/* oxlint-disable-next-line no-control-regex -- RFC 8259 §7 bans exactly these in a string */
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\u0000-\u001f]*)*"/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
