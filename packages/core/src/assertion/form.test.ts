import { describe, expect, test } from 'vitest'

import { Denial } from './errors.ts'
import { type Form, parseForm, readForm } from './form.ts'

const codeOf = (form: Form | Denial): string => (form instanceof Denial ? form.code : 'read')

describe('parseForm()', () => {
  test('refuses more than a hundred parts, empty ones included, instead of leaving out the last', () => {
    const full = Array.from({ length: 99 }, (_, i) => `p${i}=1`).join('&')
    expect(codeOf(parseForm(`${full}&scope=a`))).toBe('read')
    expect(codeOf(parseForm(`${full}&scope=a&scope=b`))).toBe('body_malformed')
    expect(codeOf(parseForm(`scope=a${'&'.repeat(99)}`))).toBe('read')
    expect(codeOf(parseForm(`scope=a${'&'.repeat(99)}scope=b`))).toBe('parameter_repeated')
    for (const hidden of ['', 'scope=b', 'client_secret=x', '%'])
      expect(codeOf(parseForm(`scope=a${'&'.repeat(101)}${hidden}`))).toBe('body_malformed')
  })
})

describe('readForm()', () => {
  const posted = (body: ReadableStream<Uint8Array>): Request =>
    new Request('https://as.example/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
      duplex: 'half',
    })

  test('cancels a body which is no UTF-8, so that nothing goes on sending it', async () => {
    let cancelled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Uint8Array.of(0xff)),
      cancel: () => {
        cancelled += 1
      },
    })
    expect(codeOf(await readForm(posted(endless), 65_536))).toBe('body_malformed')
    expect(cancelled).toBe(1)
  })

  test('refuses a body which breaks off, or which somebody else reads', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('reset')),
    })
    expect(codeOf(await readForm(posted(broken), 65_536))).toBe('body_malformed')
    const request = posted(new ReadableStream<Uint8Array>())
    request.body?.getReader()
    expect(codeOf(await readForm(request, 65_536))).toBe('body_malformed')
  })
})
