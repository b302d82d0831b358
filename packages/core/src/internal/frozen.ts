/**
 * Whether nothing that is read from `value` can change: plain data, frozen through and through. A URL can, whatever
 * froze it; so can what an accessor returns, or an object has from its prototype.
 */
export function isDeepFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (!Object.isFrozen(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && prototype !== Array.prototype) return false
  return Object.values(Object.getOwnPropertyDescriptors(value)).every(
    (member) => 'value' in member && isDeepFrozen(member.value),
  )
}
