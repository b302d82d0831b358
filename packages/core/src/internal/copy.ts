/**
 * A copy of what configuration is made of: lists, plain objects and URLs, through and through. Functions and objects
 * of a class stay what they are.
 */
export function copyOf<T>(value: T): T
export function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((element: unknown) => copyOf(element))
  if (value instanceof URL) return new URL(value)
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return value
  const copy: Record<string | symbol, unknown> = { ...value }
  for (const name of Reflect.ownKeys(copy)) {
    // Defined, not assigned: a member named __proto__ is a member.
    Object.defineProperty(copy, name, {
      value: copyOf(copy[name]),
      configurable: true,
      enumerable: true,
      writable: true,
    })
  }
  return copy
}
