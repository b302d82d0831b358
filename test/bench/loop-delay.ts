import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long one input took, in milliseconds. */
export interface Taken {
  /**
   * How long it held the loop: wall time in which that did not wait for anything, or the CPU time of the process where
   * that is less. Neither can be less than the loop was held; the one also holds what others did on this machine, the
   * other what threads did beside.
   */
  readonly held: number
  /** Wall time until it was done. */
  readonly wall: number
  /** CPU time of the whole process, with the threads which compute, compile and collect garbage. */
  readonly cpu: number
}

/**
 * What each input took alone; the loop is given back between two. Each is made right before it is measured, for inputs
 * that lie about are garbage which is not theirs.
 */
export async function durations<Source, Input>(
  sources: readonly Source[],
  make: (source: Source) => Input,
  run: (input: Input) => unknown,
): Promise<Taken[]> {
  const taken: Taken[] = []
  for (const source of sources) {
    const input = make(source)
    const before = process.cpuUsage()
    const idle = performance.nodeTiming.idleTime
    const started = performance.now()
    await run(input)
    const wall = performance.now() - started
    const waited = performance.nodeTiming.idleTime - idle
    const { user, system } = process.cpuUsage(before)
    const cpu = (user + system) / 1000
    taken.push({ held: Math.min(wall - waited, cpu), wall, cpu })
    await nextTurn()
  }
  return taken
}

/** What somebody saw who wanted a turn of the loop again and again. In milliseconds. */
export interface Stalls {
  readonly longest: number
  /** How many were longer than {@link STALL}. */
  readonly count: number
  readonly elapsed: number
}

export const STALL = 5

/** Watches the loop while `work` gets one turn after the other, until it returns false. Collections of garbage are seen too. */
export async function stallsDuring(work: () => boolean | Promise<boolean>): Promise<Stalls> {
  let [longest, count, working] = [0, 0, true]
  const started = performance.now()
  let last = started
  const look = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    if (now - last > STALL) count += 1
    last = now
    if (working) setImmediate(look)
  }
  setImmediate(look)
  try {
    do await nextTurn()
    while (await work())
  } finally {
    working = false
  }
  // One more look, which sees the last turn of work.
  await nextTurn()
  return { longest, count, elapsed: performance.now() - started }
}

/** The same loop for as long, with nothing in it: what the machine alone holds up. */
export async function stallsOfNothing(milliseconds: number): Promise<Stalls> {
  const until = performance.now() + milliseconds
  return stallsDuring(() => performance.now() < until)
}
