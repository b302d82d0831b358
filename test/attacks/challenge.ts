/** One challenge of a `WWW-Authenticate` field. */
export interface Challenge {
  readonly scheme: string
  readonly params: ReadonlyMap<string, string>
}

const SCHEME = /([!#$%&'*+.^_`|~0-9A-Za-z-]+) /y
const PARAM = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)="((?:[\x20\x21\x23-\x5B\x5D-\x7E]|\\[\x20-\x7E])*)"(, |$)/y

/**
 * Reads a challenge as RFC 9110 §11.6.1 writes it, and nothing more lenient: a client which has another parser than
 * ours must read the same. Throws on anything else, also on a parameter which occurs twice (§11.2).
 */
export function parseChallenge(field: string): Challenge {
  SCHEME.lastIndex = 0
  const scheme = SCHEME.exec(field)?.[1]
  if (scheme === undefined) throw new Error('no scheme which parameters follow')
  const params = new Map<string, string>()
  let at = scheme.length + 1
  while (at < field.length) {
    PARAM.lastIndex = at
    const match = PARAM.exec(field)
    if (match === null) throw new Error(`no parameter at ${at}`)
    const [, name, value] = match as unknown as [string, string, string]
    if (params.has(name)) throw new Error(`${name} occurs twice`)
    params.set(name, value.replaceAll(/\\(.)/g, '$1'))
    at = PARAM.lastIndex
  }
  return { scheme, params }
}
