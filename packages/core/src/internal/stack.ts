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
