import { expect, test } from 'vitest'

import { HISTORIES } from './figures/histories.ts'

test.for(HISTORIES.map((history) => [history.name, history] as const))('%s', async ([, history]) => {
  const figures = await history.run({ quick: true })
  // The heap and real time are the script's to judge: here other tests run beside.
  const judged = figures.filter(({ machine }) => machine !== true)
  expect(judged.length).toBeGreaterThan(0)
  expect(judged.filter(({ met }) => !met)).toEqual([])
})
