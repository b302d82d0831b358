import { setImmediate } from 'node:timers/promises'

/** Milliseconds of CPU which each run took alone; the loop is given back between two. */
export async function durations(times: number, run: () => unknown): Promise<number[]> {
  const taken: number[] = []
  for (let i = 0; i < times; i += 1) {
    const started = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(started)
    taken.push((user + system) / 1000)
    await setImmediate()
  }
  return taken
}
