/**
 * Whether a value is still to come. Not whether it is an instance of `Promise`: where somebody put another class in the
 * place of the global one (zone.js, some tracers), what an async function returns is none.
 */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

/** For a value for which nobody waits: if it is a promise, nobody would hear that it failed, but the process. */
export function dismiss(value: unknown): void {
  if (isPromise(value)) void value.then(undefined, () => {})
}
