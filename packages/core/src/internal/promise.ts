/**
 * Whether a value is still to come. To be asked of what code of the application or an async function returned: where
 * somebody put another class in the place of the global `Promise` (zone.js, some tracers), what an async function
 * returns is no instance of it.
 */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise || isThenable(value)
}

/** Whether a value can be waited for. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

/** For a value for which nobody waits: if it is a promise, nobody would hear that it failed, but the process. */
export function dismiss(value: unknown): void {
  if (isPromise(value)) void value.then(undefined, () => {})
}
