import { expect, test } from 'vitest'
import type { Outcome } from './outcome.ts'
import { renderTable, shorten } from './table.ts'

const CHALLENGE = 'Bearer realm="a", error="invalid_token", error_description="The token", scope="b"'
const OUTCOMES: Outcome[] = [
  {
    framework: 'express',
    call: 'expired',
    status: 401,
    code: 'token_expired',
    challenge: CHALLENGE,
    asExpected: true,
  },
  {
    framework: 'koa',
    call: 'good',
    status: 500,
    code: undefined,
    challenge: undefined,
    asExpected: false,
  },
]

test('renderTable() shows each outcome on one line and marks what was not expected', () => {
  expect(renderTable(OUTCOMES, { width: 200, colours: false }).split('\n')).toEqual([
    'server   call     status  reason         challenge',
    `express  expired  401     token_expired  ${CHALLENGE}`,
    '',
    'koa      good     500     -              -  <- unexpected',
  ])
})

test.each([60, 80, 100])('renderTable() keeps to a terminal of %i columns', (width) => {
  for (const line of renderTable(OUTCOMES, { width, colours: false }).split('\n'))
    expect(line.length).toBeLessThanOrEqual(width)
})

test('renderTable() colours only when told to', () => {
  expect(renderTable(OUTCOMES, { width: 80, colours: false })).not.toContain('\u001B')
  expect(renderTable(OUTCOMES, { width: 80, colours: true })).toContain('\u001B[31mkoa')
})

test('shorten() drops the description first, then the realm, and cuts last', () => {
  expect(shorten(CHALLENGE, 200)).toBe(CHALLENGE)
  expect(shorten(CHALLENGE, 60)).toBe('Bearer realm="a", error="invalid_token", scope="b"')
  expect(shorten(CHALLENGE, 40)).toBe('Bearer error="invalid_token", scope="b"')
  expect(shorten(CHALLENGE, 20)).toBe('Bearer error="inval…')
})

test('shorten() never shows a challenge without anything in it', () => {
  const alone = 'Bearer realm="https://api.example"'
  expect(shorten(alone, 34)).toBe(alone)
  expect(shorten(alone, 20)).toBe('Bearer realm="https…')
})
