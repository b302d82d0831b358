import { subscribe, unsubscribe } from 'node:diagnostics_channel'

import { describe, expect, test } from 'vitest'

import { ISSUER_CHANNEL, type IssuerEvent, tell } from './events.ts'

const event: IssuerEvent = { type: 'kid_throttled', issuer: 'https://as.example' }

describe('tell()', () => {
  test('gives the listener an event which it cannot change', () => {
    const seen: IssuerEvent[] = []
    tell({ ...event }, (given) => seen.push(given))
    expect(seen).toEqual([event])
    expect(Object.isFrozen(seen[0])).toBe(true)
  })

  test('swallows what a listener throws, at once or later', async () => {
    const fail = (): never => {
      throw new Error('x')
    }
    expect(() => tell(event, fail)).not.toThrow()
    const later = async (): Promise<never> => fail()
    expect(() => tell(event, later as unknown as () => void)).not.toThrow()
    await new Promise((resolve) => setImmediate(resolve))
  })

  test('publishes on the channel too', () => {
    const seen: unknown[] = []
    const listen = (message: unknown): void => void seen.push(message)
    subscribe(ISSUER_CHANNEL, listen)
    try {
      tell(event, undefined)
    } finally {
      unsubscribe(ISSUER_CHANNEL, listen)
    }
    expect(seen).toEqual([event])
  })
})
