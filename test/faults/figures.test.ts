import { expect, test } from 'vitest'

import { HISTORIES } from './figures/histories.ts'

test.for(HISTORIES.map((history) => [history.name, history] as const))('%s', async ([, history]) => {
  const figures = await history.run({ quick: true })
  expect(figures.length).toBeGreaterThan(0)
  expect(figures.filter(({ met }) => !met)).toEqual([])
})
