import { after } from './timer.ts'

/** Runs the user's `work`; rejects when it takes longer. The work itself cannot be stopped, only no longer waited for. */
export async function withDeadline<T>(seconds: number, work: () => T | Promise<T>): Promise<T> {
  const result = work()
  if (!isThenable(result)) return result
  let cancel: (() => void) | undefined
  const late = new Promise<never>((_resolve, reject) => {
    cancel = after(seconds, () => {
      reject(new Error(`no answer within ${seconds} s`))
    })
  })
  try {
    return await Promise.race([result, late])
  } finally {
    cancel?.()
  }
}

function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}
