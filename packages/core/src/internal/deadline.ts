/** Runs the user's `work`; rejects when it takes longer. The work itself cannot be stopped, only no longer waited for. */
export async function withDeadline<T>(seconds: number, work: () => T | Promise<T>): Promise<T> {
  const result = work()
  if (!isThenable(result)) return result
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${seconds} s`))
    }, seconds * 1000)
  })
  try {
    return await Promise.race([result, late])
  } finally {
    clearTimeout(timer)
  }
}

function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
