import { isText } from './json.ts'

let thing = 'a resource server'

/** Misconfiguration: throws a `TypeError` which names the option. */
export function fail(option: string, problem: string): never {
  throw new TypeError(`Cannot create ${thing}: ${option} ${problem}`)
}

/** Runs `make`, whose misconfigurations are those of `what`; the checks are the same for everything that has options. */
export function creating<T>(what: string, make: () => T): T {
  const outer = thing
  thing = what
  try {
    return make()
  } finally {
    thing = outer
  }
}

export function check(condition: boolean, option: string, problem: string): void {
  if (!condition) fail(option, problem)
}

/** Reads one member of configuration: what it says when it is right, else {@link fail}. */
export type Reader<T = unknown> = (option: string, value: unknown) => T

/** Reads an object of which every member that may be there has its reader. */
export function readMembers<Readers extends Readonly<Record<string | symbol, Reader>>>(
  option: string,
  value: unknown,
  readers: Readers,
  prefix: string = `${option}.`,
): { readonly [Name in keyof Readers]: ReturnType<Readers[Name]> } {
  const names = Reflect.ownKeys(readers)
  knownMembers(option, value, names)
  const members = value as Readonly<Record<string | symbol, unknown>>
  return Object.fromEntries(
    names.map((name) => [name, (readers[name] as Reader)(`${prefix}${String(name)}`, members[name])]),
  ) as { [Name in keyof Readers]: ReturnType<Readers[Name]> }
}

/** A name which is none of the known ones is a typing mistake: the option it meant would silently not be set. */
export function knownMembers(
  option: string,
  value: unknown,
  known: readonly (string | symbol)[],
): asserts value is object {
  if (typeof value !== 'object' || value === null) fail(option, 'must be an object')
  const unknown = Reflect.ownKeys(value).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const names = known.map(String).join(', ')
  fail(option, `has no member ${String(unknown).slice(0, 40)}; known are ${names}`)
}

/** A string or a list of them, none empty, no duplicates lost silently; copied. */
export function listOf(option: string, value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? [...value] : [value]
  check(list.length > 0 && list.every(isText), option, 'must be a string or a list of strings, none empty')
  return list as readonly string[]
}

interface Bounds {
  readonly min?: number
  readonly max?: number
}

/** A number, of seconds most often; `NaN`, infinities and strings are none. */
export function seconds(
  option: string,
  value: unknown,
  standard: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds = {},
): number {
  if (value === undefined) return standard
  const right = Number.isFinite(value) && (value as number) >= min && (value as number) <= max
  check(right, option, `must be a number from ${min} to ${max}`)
  return value as number
}

export function count(option: string, value: unknown, standard: number, bounds: Bounds): number {
  const number = seconds(option, value, standard, bounds)
  check(Number.isInteger(number), option, 'must be an integer')
  return number
}

/** Reads what may be missing, and else has to pass as it is. */
export function ifGiven(passes: (value: unknown) => boolean, problem: string): Reader {
  return (option, value) => {
    check(value === undefined || passes(value), option, problem)
    return value
  }
}

export const readFunction: Reader = ifGiven((value) => typeof value === 'function', 'must be a function')

export function checkFunctions<T extends object>(options: T, names: readonly (keyof T)[]): void {
  for (const name of names) readFunction(String(name), options[name])
}
