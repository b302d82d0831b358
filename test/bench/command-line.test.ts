import { describe, expect, test } from 'vitest'

import { planOf, readCommandLine, USAGE } from './command-line.ts'
import { PARTS, roundsOf } from './parts.ts'

const order = (...args: string[]) => {
  const read = readCommandLine(args)
  if (read.kind !== 'run') throw new Error(`${args.join(' ')} was ${read.kind}`)
  return read.order
}

describe('the command line', () => {
  test('without anything runs everything in the short form', () => {
    expect(order()).toEqual({ full: false, only: [1, 2, 3, 4, 5, 6, 7], rounds: undefined, json: undefined })
  })

  test('takes what it knows', () => {
    expect(order('--full', '--only', '7,1,7', '--rounds=21', '--json', 'figures.json')).toEqual({
      full: true,
      only: [1, 7],
      rounds: 21,
      json: 'figures.json',
    })
  })

  test.each([
    ['--onyl', '1'],
    ['--only'],
    ['--only', '1.5'],
    ['--only', '0'],
    ['--only', '8'],
    ['--only', '9'],
    ['--only', ''],
    ['--only', '1,,2'],
    ['--only', '1,x'],
    ['--only', '-1'],
    ['--only=1e0'],
    ['--rounds'],
    ['--rounds', '6'],
    ['--rounds', '7.5'],
    ['--rounds', '7,8'],
    ['--rounds', ''],
    ['--rounds', 'many'],
    ['--rounds', 'Infinity'],
    ['--rounds', '1001'],
    ['--json'],
    ['--json', ''],
    ['1'],
    ['--full=yes'],
  ])('refuses %s %s', (...args: string[]) => {
    expect(readCommandLine(args)).toEqual({ kind: 'refused', reason: expect.stringMatching(/./) as string })
  })

  test('helps where it is asked to', () => {
    expect(readCommandLine(['--help'])).toEqual({ kind: 'help' })
    for (const { title } of PARTS) expect(USAGE).toContain(title)
    for (const option of ['--full', '--only', '--rounds', '--json', '--help']) expect(USAGE).toContain(option)
  })
})

describe('rounds', () => {
  test('are those which were asked for, in every part which has some', () => {
    for (const { rounds } of PARTS)
      expect(roundsOf(rounds, order('--rounds', '9'))).toBe(rounds && 9 * (rounds.times ?? 1))
  })

  test('are more in the full form', () => {
    for (const { rounds } of PARTS.filter(({ rounds }) => rounds !== undefined))
      expect(roundsOf(rounds, order('--full'))).toBeGreaterThan(roundsOf(rounds, order()) as number)
  })
})

test('the plan says what runs, with how many rounds, and how long it takes', () => {
  const plan = planOf(order('--only', '2,5', '--rounds', '7'))
  expect(plan).toHaveLength(3)
  expect(plan[0]).toMatch(/2\. Tokens verified before +56 rounds +about [\d.]+ min/)
  expect(plan[1]).toMatch(/5\. Memory +once +about [\d.]+ min/)
  expect(plan[2]).toMatch(/about \d+ min in all/)
})
