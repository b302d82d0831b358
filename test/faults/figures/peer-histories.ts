import { randomUUID } from 'node:crypto'

import { forger, type IssuerKey, makeKey, makeToken } from '../virtual-issuer.ts'
import { LOOPBACK_FAULTS, type LoopbackFault, LoopbackIssuer } from './loopback-issuer.ts'
import type { MakeValidator, Validate } from './peer-validators.ts'
import { jump, pause, realNow } from './process-time.ts'

/** Milliseconds of real time after which a request counts as not answered; to a hang nobody listens for long. */
const PATIENCE = { usual: 5000, hang: 300 } as const

interface World {
  readonly issuer: LoopbackIssuer
  /** Whether a token is accepted, soon. */
  readonly accepts: (token: string) => Promise<boolean>
  readonly key: (kid: string) => IssuerKey
  readonly invented: () => string
}

async function inWorld<T>(make: MakeValidator, history: (world: World) => Promise<T>): Promise<T> {
  await using issuer = new LoopbackIssuer()
  await issuer.listen()
  const validate: Validate = make(issuer.issuer, issuer.jwksURL)
  const iat = Math.floor(Date.now() / 1000) - 60
  const times = { iat, exp: iat + 365 * 86_400 }
  return await history({
    issuer,
    accepts: (token) =>
      Promise.race([
        Promise.resolve()
          .then(() => validate(token))
          .catch(() => false),
        pause(issuer.fault === 'hang' ? PATIENCE.hang : PATIENCE.usual).then(() => false),
      ]),
    key: (kid) => {
      const key = makeKey(kid)
      return { ...key, token: makeToken(kid, key.privateKey, { iss: issuer.issuer, ...times }) }
    },
    invented: () => makeToken(randomUUID(), forger, { iss: issuer.issuer, ...times }),
  })
}

/** Accepted of 60 requests, one a minute, while the issuer misbehaves. */
const hour = (fault: LoopbackFault) => (make: MakeValidator) =>
  inWorld(make, async ({ issuer, accepts, key }) => {
    const k1 = key('k1')
    issuer.keys = [k1]
    if (!(await accepts(k1.token))) return 'refused when all is well'
    issuer.fault = fault
    issuer.asked = []
    let accepted = 0
    for (let minute = 0; minute < 60; minute += 1) {
      jump(60)
      if (await accepts(k1.token)) accepted += 1
      // What was begun in the background must end before the clocks jump again.
      await pause(15)
    }
    const followed = issuer.asked.filter((path) => path === '/elsewhere').length
    return `${accepted}/60${followed === 0 ? '' : `, followed ${followed}`}`
  })

async function coldStart(make: MakeValidator): Promise<string> {
  return inWorld(make, async ({ issuer, accepts, key }) => {
    const k1 = key('k1')
    issuer.keys = [k1]
    const verdicts = await Promise.all(Array.from({ length: 1000 }, () => accepts(k1.token)))
    const sets = issuer.asked.filter((path) => path === '/jwks').length
    return `${verdicts.filter(Boolean).length} accepted, ${issuer.asked.length - sets} metadata, ${sets} key sets`
  })
}

/** 4,000 invented names in two minutes; a new key after the first third. */
async function unknownKids(make: MakeValidator): Promise<string> {
  return inWorld(make, async ({ issuer, accepts, key, invented }) => {
    const [k1, k2] = [key('k1'), key('k2')]
    issuer.keys = [k1]
    if (!(await accepts(k1.token))) return 'refused when all is well'
    issuer.asked = []
    let valid = 0
    let known: number | undefined
    for (let second = 0; second < 120; second += 1) {
      jump(1)
      if (second === 40) issuer.keys = [k1, k2]
      await Promise.all(Array.from({ length: 33 }, () => accepts(invented())))
      if (await accepts(k1.token)) valid += 1
      if (second >= 40 && known === undefined && (await accepts(k2.token))) known = second - 40
    }
    const fetches = issuer.asked.length
    return `${fetches} fetches, ${valid}/120 valid, new key ${known === undefined ? 'not yet' : `after ${known} s`}`
  })
}

/** 1,000 requests in 8 s to an issuer that fails from the start; then it is there. */
const failingStart = (fault: LoopbackFault) => (make: MakeValidator) =>
  inWorld(make, async ({ issuer, accepts, key }) => {
    const k1 = key('k1')
    issuer.keys = [k1]
    issuer.fault = fault
    let slowest = 0
    for (let i = 0; i < 1000; i += 1) {
      const started = realNow()
      await accepts(k1.token)
      if (i > 0) slowest = Math.max(slowest, realNow() - started)
      jump(0.008)
    }
    const fetches = issuer.asked.length
    issuer.fault = undefined
    let recovery: number | undefined
    for (let tenth = 0; tenth < 300 && recovery === undefined; tenth += 1) {
      if (await accepts(k1.token)) recovery = tenth / 10
      jump(0.1)
    }
    return `${fetches} fetches, ${Math.ceil(slowest)} ms, back ${recovery === undefined ? 'not in 30 s' : `after ${recovery} s`}`
  })

/** What is measured of each validator, in words. */
export const PEER_HISTORIES: Readonly<Record<string, (make: MakeValidator) => Promise<string>>> = {
  ...Object.fromEntries(LOOPBACK_FAULTS.map((fault) => [`an hour of ${fault}`, hour(fault)])),
  '1,000 cold requests at once': coldStart,
  '4,000 invented names in 120 s': unknownKids,
  '500 from the start, 1,000 requests': failingStart('500'),
  'reset from the start, 1,000 requests': failingStart('reset'),
}
