/** Nesting deeper than this is refused: nothing that OAuth defines comes near, and readers behind us may recurse. */
export const MAX_DEPTH = 20

/** White space, RFC 8259 §2. */
export const isSpace = (letter: number): boolean =>
  letter === 0x20 || letter === 0x09 || letter === 0x0a || letter === 0x0d

export const QUOTE = 0x22
export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_BRACKET = 0x5d
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d
