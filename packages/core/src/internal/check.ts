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

/** A name which is none of the known ones is a typing mistake: the option it meant would silently not be set. */
export function knownMembers(option: string, value: object, known: readonly (string | symbol)[]): void {
  for (const name of Reflect.ownKeys(value)) {
    if (known.includes(name)) continue
    // A name is a symbol of one copy of this package, and another in the next.
    check(
      !(typeof name === 'symbol' && known.map(String).includes(String(name))),
      option,
      `has ${String(name)} from another copy of this package`,
    )
    fail(`${option} has no member ${String(name).slice(0, 40)};`, `known are ${known.map(String).join(', ')}`)
  }
}

/** A string or a list of them, none empty, no duplicates lost silently; copied. */
export function listOf(option: string, value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  check(list.length > 0, option, 'must not be empty')
  for (const element of list) {
    check(
      typeof element === 'string' && element !== '',
      option,
      'must be a string which is not empty, or a list of such',
    )
  }
  return [...(list as readonly string[])]
}

/** A duration; `NaN`, infinities and strings are no durations. */
export function seconds(
  option: string,
  value: unknown,
  standard: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number },
): number {
  if (value === undefined) return standard
  check(
    typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max,
    option,
    `must be a number of seconds from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}`,
  )
  return value as number
}

export function checkFunctions<T extends object>(options: T, names: readonly (keyof T)[]): void {
  for (const name of names) {
    check(
      options[name] === undefined || typeof options[name] === 'function',
      String(name),
      'must be a function',
    )
  }
}
