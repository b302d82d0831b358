import type { Run } from './figure.ts'
import { generator } from './statistics.ts'

/** Something of which a round is measured. */
export interface Contender<Input> {
  readonly name: string
  /** Made before the clock starts; a round gets nothing which an earlier one touched. */
  prepare(round: number): readonly Input[]
  /** Handles one input; a promise is awaited before the next. */
  run(input: Input): unknown
}

/** Rounds for the compilers, not counted: what runs hot for hours is not to be judged by its first seconds. */
const WARM_UP = 40

/** Microseconds of CPU per input, by contender and round. */
export type Costs = ReadonlyMap<string, readonly number[]>

/**
 * Measures contenders in turns, in another order each round, so that what slows the machine down slows them all.
 * CPU time of the whole process, threads included: work that is moved to a pool is not free.
 */
export async function measure(
  contenders: readonly Contender<never>[],
  { rounds }: Pick<Run, 'rounds'>,
): Promise<Costs> {
  const costs = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  const random = generator(contenders.length)
  for (let round = -WARM_UP; round < rounds; round += 1) {
    for (const contender of shuffled(contenders, random)) {
      const inputs = contender.prepare(round + WARM_UP)
      globalThis.gc?.({ type: 'minor' })
      const cost = await cpuOf(contender.run, inputs)
      if (round >= 0) (costs.get(contender.name) as number[]).push(cost)
    }
  }
  return costs
}

async function cpuOf(run: (input: never) => unknown, inputs: readonly never[]): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < inputs.length; i += 1) {
    const done = run(inputs[i] as never)
    // A verdict that is there at once costs nobody a turn of the loop.
    if (done instanceof Promise) await done
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / inputs.length
}

export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const left = [...list]
  const result: T[] = []
  while (left.length > 0) result.push(...left.splice(Math.floor(random() * left.length), 1))
  return result
}
