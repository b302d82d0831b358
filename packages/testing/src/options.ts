/** What an option must be where it is given. */
export interface Rule {
  readonly passes: (value: unknown) => boolean
  readonly problem: string
}

/** Every option by its rule; what has none is no option. */
export type Rules<Options> = Readonly<Record<keyof Options & string, Rule>>

/** Throws a `TypeError` which names the option. A name without a rule is a typing mistake: what it meant would not be set. */
export function checkOptions<Options extends object>(
  action: string,
  options: Options,
  rules: Rules<Options>,
  name: string = 'options',
): void {
  const fail = (option: string, problem: string): never => {
    throw new TypeError(`Cannot ${action}: ${option} ${problem}`)
  }
  if (typeof options !== 'object' || options === null) fail(name, 'must be an object')
  const prefix = name === 'options' ? '' : `${name}.`
  const known = new Map<unknown, Rule>(Object.entries(rules))
  for (const member of Reflect.ownKeys(options)) {
    const rule = known.get(member)
    if (rule === undefined) {
      const names = [...known.keys()].join(', ')
      return fail(name, `has no member ${String(member).slice(0, 40)}; known are ${names}`)
    }
    const value = (options as Readonly<Record<string | symbol, unknown>>)[member]
    if (value !== undefined && !rule.passes(value)) fail(`${prefix}${String(member)}`, rule.problem)
  }
}

/** The algorithms whose keys `makeKey` makes. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
]

export const ALGORITHM: Rule = {
  passes: (value) => ALGORITHMS.includes(value as string),
  problem: `must be one of ${ALGORITHMS.join(', ')}`,
}

export const FUNCTION: Rule = {
  passes: (value) => typeof value === 'function',
  problem: 'must be a function',
}

export const FLAG: Rule = {
  passes: (value) => typeof value === 'boolean',
  problem: 'must be true or false',
}

export const TEXT: Rule = {
  passes: (value) => typeof value === 'string' && value !== '',
  problem: 'must be a string which is not empty',
}

export const POSITIVE_INTEGER: Rule = {
  passes: (value) => Number.isSafeInteger(value) && (value as number) > 0,
  problem: 'must be a positive integer',
}

/** RFC 8414 §2, and http for what runs on this machine. */
export const ISSUER_IDENTIFIER: Rule = {
  passes: isIssuerIdentifier,
  problem: 'must be an http or https URL without credentials, query and fragment, of 512 characters at most',
}

export function isIssuerIdentifier(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 512 || !/^https?:\/\/[^?#\\\s]+$/.test(value)) return false
  const url = URL.parse(value)
  return url !== null && url.username === '' && url.password === ''
}
