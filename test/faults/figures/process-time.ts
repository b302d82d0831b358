const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  now: performance.now.bind(performance),
}

interface Timer {
  readonly due: number
  readonly fire: () => void
}

let ahead = 0
const timers = new Map<unknown, Timer>()

class ShiftedDate extends real.Date {
  constructor(...parts: unknown[]) {
    if (parts.length === 0) super(real.Date.now() + ahead)
    else super(...(parts as [number]))
  }

  static override now(): number {
    return real.Date.now() + ahead
  }
}

/**
 * Moves the clocks of this process ahead of real time, whichever of them a library reads; timers that fall due on the
 * way fire. Sockets stay in real time. For a process that runs nothing else.
 */
export function jump(seconds: number): void {
  ahead += seconds * 1000
  const now = real.now() + ahead
  for (const [timer, { due, fire }] of timers) {
    if (due > now) continue
    real.clearTimeout(timer as NodeJS.Timeout)
    timers.delete(timer)
    fire()
  }
}

/** Milliseconds of real time. */
export const realNow = real.now

/** Resolves after so many milliseconds of real time. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    real.setTimeout(resolve, milliseconds)
  })

/** To be called before the libraries are loaded. */
export function shiftClocks(): void {
  globalThis.Date = ShiftedDate as DateConstructor
  performance.now = () => real.now() + ahead
  globalThis.setTimeout = ((fire: (...args: unknown[]) => void, milliseconds = 0, ...args: unknown[]) => {
    const timer = real.setTimeout(() => {
      timers.delete(timer)
      fire(...args)
    }, milliseconds)
    timers.set(timer, {
      due: real.now() + ahead + milliseconds,
      fire: () => {
        fire(...args)
      },
    })
    return timer
  }) as typeof setTimeout
  globalThis.clearTimeout = (timer) => {
    timers.delete(timer)
    real.clearTimeout(timer)
  }
}
