import { isPromise } from './promise.ts'

/**
 * Goes on with a value: at once where it is there, so that what is synchronous stays so, else when it is. `rest` is
 * handed on to `next`, which so needs no closure, and by name, which needs no list: every token would pay for either.
 */
export function chain<T, U, R extends readonly unknown[]>(
  value: T | Promise<T>,
  next: (value: T, ...rest: R) => U | Promise<U>,
  ...rest: R
): U | Promise<U>
export function chain(
  value: unknown,
  next: (...all: unknown[]) => unknown,
  a?: unknown,
  b?: unknown,
  c?: unknown,
  d?: unknown,
  e?: unknown,
): unknown {
  return isPromise(value) ? later(value, next, a, b, c, d, e) : next(value, a, b, c, d, e)
}

/** {@link chain} for what has to be waited for. */
export function later<T, U, R extends readonly unknown[]>(
  value: Promise<T>,
  next: (value: T, ...rest: R) => U | Promise<U>,
  ...rest: R
): Promise<U> {
  return value.then((settled) => next(settled, ...rest))
}

/**
 * A promise which rejects a moment later, when whoever called waits for it: engines report every promise that is
 * rejected before, and take the report back when somebody comes, which costs more than the refusal.
 */
export function rejection(reason: Error): Promise<never> {
  return new Promise((_resolve, reject) => {
    void Promise.resolve().then(() => {
      reject(reason)
    })
  })
}
