import { coldStart } from './cold-start.ts'
import { failingStart } from './failing-start.ts'
import type { History } from './figure.ts'
import { fleet } from './fleet.ts'
import { outageHour } from './outage-hour.ts'
import { removedKey } from './removed-key.ts'
import { resolvedIssuers } from './resolved-issuers.ts'
import { slowIssuer } from './slow-issuer.ts'
import { unknownKids } from './unknown-kids.ts'

/** Every history, in the order in which it is told. */
export const HISTORIES: readonly History[] = [
  outageHour,
  slowIssuer,
  coldStart,
  unknownKids,
  failingStart,
  fleet,
  removedKey,
  resolvedIssuers,
]
