import { shiftClocks } from './process-time.ts'

// One validator in one history; its clocks are this process's own.
const [, , validator = '', history = ''] = process.argv
shiftClocks()
const { VALIDATORS } = await import('./peer-validators.ts')
const { PEER_HISTORIES } = await import('./peer-histories.ts')
const make = VALIDATORS[validator]
const play = PEER_HISTORIES[history]
if (make === undefined || play === undefined) throw new Error('no such validator or history')
const told = await play(make)
process.stdout.write(told, () => {
  // Connections and timers of a library may still be open.
  process.exit(0)
})
