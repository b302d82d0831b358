/** A clock which a test sets: for the issuer, and for the resource server as `[clock]`. */
export interface TestClock {
  /** Seconds since the epoch; needs no `this`, so that it can be handed on as it is. */
  readonly now: () => number
  /** Moves the time by so many seconds, back too. */
  advance(seconds: number): void
  /** Stops the clock at this time, in seconds since the epoch; `advance` moves it from there. */
  set(seconds: number): void
}

/** @param base the time that passes until `set` stops it; the real one by default */
export function createTestClock(base: () => number = () => Math.floor(Date.now() / 1000)): TestClock {
  let read = base
  let offset = 0
  return {
    now: () => read() + offset,
    advance(seconds) {
      offset += finite('advance()', seconds)
    },
    set(seconds) {
      finite('set()', seconds)
      read = () => seconds
      offset = 0
    },
  }
}

function finite(name: string, seconds: number): number {
  if (!Number.isFinite(seconds)) throw new TypeError(`Cannot ${name}: the seconds must be a finite number`)
  return seconds
}
