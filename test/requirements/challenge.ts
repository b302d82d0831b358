/** One challenge of a `WWW-Authenticate` field. */
export interface Challenge {
  readonly scheme: string
  /** In order, so that a repeated name is seen. */
  readonly params: readonly (readonly [name: string, value: string])[]
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const QUOTED = /"((?:[\t \x21\x23-\x5B\x5D-\x7E]|\\[\t\x20-\x7E])*)"/y

/**
 * Reads challenges by the grammar of RFC 9110 §11.6.1, strictly: what a client could read in two ways throws.
 *
 * @see [RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)
 */
export function parseChallenges(field: string): readonly Challenge[] {
  const challenges: { scheme: string; params: [string, string][] }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(field)
    if (match === null) return undefined
    at = pattern.lastIndex
    return match
  }
  const space = (): void => {
    while (field[at] === ' ' || field[at] === '\t') at += 1
  }
  const value = (): string => {
    const quoted = take(QUOTED)
    if (quoted !== undefined) return (quoted[1] as string).replaceAll(/\\(.)/g, '$1')
    const plain = take(TOKEN)
    if (plain === undefined) throw new Error(`no challenge: no value at ${at}`)
    return plain[0]
  }
  for (;;) {
    space()
    const name = take(TOKEN)?.[0]
    if (name === undefined) throw new Error(`no challenge: no name at ${at}`)
    if (field[at] === '=') {
      at += 1
      const current = challenges.at(-1)
      if (current === undefined) throw new Error('no challenge: a parameter before a scheme')
      current.params.push([name.toLowerCase(), value()])
    } else {
      const params: [string, string][] = []
      challenges.push({ scheme: name, params })
      if (field[at] === ' ') {
        space()
        const param = take(TOKEN)?.[0]
        if (param === undefined || field[at] !== '=') throw new Error(`no challenge: no parameter at ${at}`)
        at += 1
        params.push([param.toLowerCase(), value()])
      }
    }
    space()
    if (at === field.length) return challenges
    if (field[at] !== ',') throw new Error(`no challenge: no comma at ${at}`)
    at += 1
  }
}
