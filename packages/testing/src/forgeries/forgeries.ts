import { ERRORS } from '@atjwt/core'

import { ALGORITHM } from './algorithm.ts'
import { AUDIENCE, BINDING, CLAIMS, TIME } from './claims.ts'
import { FORM } from './form.ts'
import type { Forgery, Recipe, Workshop } from './forgery.ts'
import { HEADER, TYPE } from './header.ts'
import { KEY } from './key.ts'

/** In this order: what makes a resource server ask for unknown keys comes first, because it may ask seldom. */
const FAMILIES: readonly (readonly [Forgery['family'], readonly Recipe[]])[] = [
  ['key', KEY],
  ['algorithm', ALGORITHM],
  ['type', TYPE],
  ['header', HEADER],
  ['form', FORM],
  ['claims', CLAIMS],
  ['audience', AUDIENCE],
  ['time', TIME],
  ['binding', BINDING],
]

/** Makes one forgery after the other, each when it is asked for. */
export async function* makeForgeries(workshop: Workshop): AsyncGenerator<Forgery, void, undefined> {
  for (const [family, recipes] of FAMILIES) {
    for (const { make, when, ...recipe } of recipes) {
      if (when !== undefined && !when(workshop.key.alg)) continue
      // oxlint-disable-next-line no-await-in-loop -- whoever stops reading stops the making
      const token = await make(workshop)
      yield { ...recipe, family, token, status: ERRORS[recipe.expect].status }
    }
  }
}
