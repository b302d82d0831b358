import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** One measured value beside the bar it is held to; a figure without a bar is only told. */
export interface Figure {
  readonly what: string
  readonly measured: string
  readonly bar: string
  readonly met: boolean
  /** Of this machine at this moment: real time, or the heap. The script judges it, a test does not. */
  readonly machine?: true
}

export function ofMachine(figure: Figure): Figure {
  return { ...figure, machine: true }
}

export interface Extent {
  /** Fewer requests, for a run in seconds. */
  readonly quick: boolean
}

/** A history of an issuer and its requests, and what was measured on the way. */
export interface History {
  readonly name: string
  readonly run: (extent: Extent) => Promise<readonly Figure[]>
}

const text = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(4)))

/** Seconds to the millisecond: the clock counts from the epoch, and its last digits are noise. */
export const toMilliseconds = (seconds: number): number => Math.round(seconds * 1000) / 1000

export function atMost(what: string, measured: number, bar: number, unit = ''): Figure {
  return { what, measured: text(measured) + unit, bar: `≤ ${text(bar)}${unit}`, met: measured <= bar }
}

export function below(what: string, measured: number, bar: number, unit = ''): Figure {
  return { what, measured: text(measured) + unit, bar: `< ${text(bar)}${unit}`, met: measured < bar }
}

export function exactly(what: string, measured: number, bar: number, unit = ''): Figure {
  return { what, measured: text(measured) + unit, bar: text(bar) + unit, met: measured === bar }
}

export function told(what: string, measured: number, unit = ''): Figure {
  return { what, measured: text(measured) + unit, bar: '', met: true }
}

let collect: (() => void) | undefined

/** Octets in use after garbage was collected. */
export function heapInUse(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  // Finalizers need more than one pass, and code that is not used any more ages over several.
  for (let pass = 0; pass < 8; pass += 1) collect()
  return process.memoryUsage().heapUsed
}

export const MIB = 1024 * 1024

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
