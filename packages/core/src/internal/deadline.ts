import { isPromise } from './promise.ts'
import { after } from './timer.ts'

/**
 * Runs the user's `work`: its value at once when it has one, else a promise which rejects when it takes longer. The
 * work itself cannot be stopped, only no longer waited for.
 */
export function withDeadline<T>(seconds: number, work: () => T | Promise<T>): T | Promise<T> {
  const result = work()
  return isPromise(result) ? waitFor(result, seconds) : result
}

async function waitFor<T>(result: PromiseLike<T>, seconds: number): Promise<T> {
  let cancel: (() => void) | undefined
  const late = new Promise<never>((_resolve, reject) => {
    cancel = after(seconds, () => {
      reject(new Error('no answer in time'))
    })
  })
  try {
    return await Promise.race([result, late])
  } finally {
    cancel?.()
  }
}
