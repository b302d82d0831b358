// Without digits: a name which is a number costs more than another.
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
/** From this length on there are more words than any run asks for. */
const ENOUGH = 5

/**
 * Words which did not occur before: an engine keeps one copy of each short string and of each name of a member, and
 * what it has met before costs it a fraction. Words of fewer than five letters come again after all others of that
 * length.
 */
export class Words {
  readonly #last: number[] = []
  readonly #reserved: ReadonlySet<string>

  /** @param reserved words which mean something where these are to mean nothing */
  constructor(reserved: Iterable<string> = []) {
    this.#reserved = new Set(reserved)
  }

  /** A word of so many letters. */
  next(length: number): string {
    let word = this.#any(length)
    while (this.#reserved.has(word)) word = this.#any(length)
    return word
  }

  #any(length: number): string {
    if (length > ENOUGH) return this.#any(ENOUGH) + this.#any(length - ENOUGH)
    const count = LETTERS.length ** length
    // By the golden section, so that neighbours share no first letters; odd and no multiple of 13, so that all are met.
    const step = STEPS[length] as number
    const serial = ((this.#last[length] ?? 0) + step) % count
    this.#last[length] = serial
    return spell(serial, length)
  }
}

const STEPS = Array.from({ length: ENOUGH + 1 }, (_none, length) => stepFor(LETTERS.length ** length))

function stepFor(count: number): number {
  let step = Math.floor(count * 0.618) | 1
  while (step % 13 === 0) step += 2
  return step
}

function spell(serial: number, length: number): string {
  let word = ''
  let rest = serial
  for (let i = 0; i < length; i += 1) {
    word += LETTERS[rest % LETTERS.length] as string
    rest = Math.floor(rest / LETTERS.length)
  }
  return word
}
