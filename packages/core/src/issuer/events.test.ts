import { subscribe, unsubscribe } from 'node:diagnostics_channel'

import { describe, expect, test } from 'vitest'

import { EventSink, ISSUER_CHANNEL, type IssuerEvent } from './events.ts'

const event: IssuerEvent = { type: 'kid_throttled', issuer: 'https://as.example' }

describe('EventSink.emit()', () => {
  test('gives the listener an event which it cannot change', () => {
    const seen: IssuerEvent[] = []
    new EventSink((given) => seen.push(given)).emit({ ...event })
    expect(seen).toEqual([event])
    expect(Object.isFrozen(seen[0])).toBe(true)
  })

  test('swallows what a listener throws, at once or later', async () => {
    const fail = (): never => {
      throw new Error('x')
    }
    expect(() => new EventSink(fail).emit(event)).not.toThrow()
    const later = async (): Promise<never> => fail()
    expect(() => new EventSink(later as unknown as () => void).emit(event)).not.toThrow()
    await new Promise((resolve) => setImmediate(resolve))
  })

  test('publishes on the channel too', () => {
    const seen: unknown[] = []
    const listen = (message: unknown): void => void seen.push(message)
    subscribe(ISSUER_CHANNEL, listen)
    try {
      new EventSink(undefined).emit(event)
    } finally {
      unsubscribe(ISSUER_CHANNEL, listen)
    }
    expect(seen).toEqual([event])
  })
})
