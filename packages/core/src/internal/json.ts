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
 * A text that equals the canonical serialisation of its own parse cannot hold a duplicate member, for the
 * serialisation has each name once; that proof costs two native calls. Whatever has another spelling (white space,
 * `1.0`, escapes) goes through the strict reader.
 */
export function parseJSON(text: string): unknown {
  if (nestsTooDeep(text)) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
    // A lone surrogate is written as an escape by JSON.stringify, and would pass for canonical.
    if (text.includes(String.raw`\ud`) || JSON.stringify(value) !== text) return new Reader(text).document()
  } catch {
    return undefined
  }
  const budget = { left: MAX_VALUES }
  const sealed = seal(value, 0, budget)
  return budget.left < 0 ? undefined : sealed
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

/**
 * Whether a text nests beyond {@link MAX_DEPTH}; asked first, because the native calls recurse: brackets alone, a few
 * thousand of them, would cost milliseconds. A text with few brackets is not walked through.
 */
function nestsTooDeep(text: string): boolean {
  if (countUpTo(MAX_DEPTH, '[', text) + countUpTo(MAX_DEPTH, '{', text) <= MAX_DEPTH) return false
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at += 1) {
    const c = text[at]
    if (quoted) {
      if (c === '\\') at += 1
      else if (c === '"') quoted = false
    } else if (c === '"') quoted = true
    else if (c === '[' || c === '{') {
      depth += 1
      if (depth > MAX_DEPTH) return true
    } else if (c === ']' || c === '}') depth -= 1
  }
  return false
}

function countUpTo(limit: number, character: string, text: string): number {
  let count = 0
  for (let at = text.indexOf(character); at !== -1 && count <= limit; at = text.indexOf(character, at + 1))
    count += 1
  return count
}

/** A frozen copy without prototypes: `__proto__` becomes a name like any other. */
function seal(value: unknown, depth: number, budget: { left: number }): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) budget.left = -1
  if (budget.left < 0) return undefined
  if (Array.isArray(value)) {
    budget.left -= value.length
    for (let i = 0; i < value.length; i += 1) {
      const element: unknown = value[i]
      if (typeof element === 'object' && element !== null) value[i] = seal(element, depth + 1, budget)
    }
    return Object.freeze(value)
  }
  const copy: Record<string, unknown> = Object.create(null)
  const source = value as Record<string, unknown>
  for (const name of Object.keys(source)) {
    budget.left -= 1
    copy[name] = seal(source[name], depth + 1, budget)
  }
  return Object.freeze(copy)
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
