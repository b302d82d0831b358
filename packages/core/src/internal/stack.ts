/**
 * Runs `make` with stack capture off: the frames of an error cost more than a verdict, and a flood of bad tokens must
 * not be dearer than good ones.
 */
export function withoutStack<T>(make: () => T): T {
  const limit = Error.stackTraceLimit
  try {
    Error.stackTraceLimit = 0
  } catch {
    // Frozen intrinsics: the frames stay, nothing else changes.
    return make()
  }
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}

/** What `read` returns, `undefined` when it throws: what is made of untrusted input is no news to anybody. */
export function unlessThrown<T>(read: () => T): T | undefined {
  return withoutStack(() => {
    try {
      return read()
    } catch {
      return undefined
    }
  })
}
