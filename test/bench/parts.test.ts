import { expect, test } from 'vitest'

import { type Heard, PARTS, runAside } from './parts.ts'

const hearNothing = (_said: Heard): void => {}

test('a part which fails says why, and is not taken for one which found nothing', async () => {
  const none = runAside(PARTS.length + 1, { rounds: 1, full: false }, hearNothing)
  await expect(none).rejects.toThrow(/^Cannot read properties of undefined/)
})
