import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import { decodeBase64url, decodedLength } from './base64url.ts'

describe('decodeBase64url()', () => {
  test.each([0, 1, 2, 3, 31, 256])('gives %i octets back, and decodedLength() says so before', (length) => {
    const octets = Uint8Array.from({ length }, (_value, at) => (at * 37) & 255)
    const text = Buffer.from(octets).toString('base64url')
    expect(decodeBase64url(text)).toEqual(octets)
    expect(decodedLength(text)).toBe(length)
  })
})
