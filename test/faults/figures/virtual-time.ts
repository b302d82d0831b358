import { settle, START } from '../virtual-issuer.ts'

interface Due {
  readonly at: number
  readonly fire: () => void
}

/**
 * A clock which stands still until it is moved, and the timers of the process on it. What a history measures in
 * seconds is exact: an hour takes as long as its requests do.
 */
export class VirtualTime implements Disposable {
  /** Seconds since the epoch. */
  now = START
  readonly #due = new Set<Due>()
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout }

  /** Takes the timers of the process, so that deadlines pass when this clock does. */
  constructor() {
    const start = (fire: (...args: unknown[]) => void, milliseconds = 0, ...args: unknown[]): unknown =>
      this.after(milliseconds / 1000, () => {
        fire(...args)
      })
    globalThis.setTimeout = start as typeof setTimeout
    globalThis.clearTimeout = ((timer?: Due) => {
      if (timer !== undefined) this.#due.delete(timer)
    }) as typeof clearTimeout
  }

  after(seconds: number, fire: () => void): Due {
    const due: Due = { at: this.now + seconds, fire }
    this.#due.add(due)
    return due
  }

  /** Resolves `seconds` later on this clock. */
  async sleep(seconds: number): Promise<void> {
    if (seconds > 0) await new Promise<void>((resolve) => this.after(seconds, resolve))
  }

  /** Moves the clock; what falls due on the way happens in its order, with everything that follows from it. */
  async advance(seconds: number): Promise<void> {
    const end = this.now + seconds
    // What was begun before belongs to the time before.
    await settle()
    for (;;) {
      let next: Due | undefined
      for (const due of this.#due) if (due.at <= end && (next === undefined || due.at < next.at)) next = due
      if (next === undefined) break
      this.#due.delete(next)
      this.now = Math.max(this.now, next.at)
      next.fire()
      await settle()
    }
    this.now = end
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real)
  }
}

/** One turn of the event loop: whatever waits for nothing but promises is done after it. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })
