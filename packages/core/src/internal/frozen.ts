const PLAIN: readonly unknown[] = [Object.prototype, Array.prototype, null]

/**
 * Whether nothing that is read from `value` can change: plain data, frozen through and through. A URL can, whatever
 * froze it; so can what an accessor returns, or an object has from its prototype.
 */
export function isDeepFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (!Object.isFrozen(value) || !PLAIN.includes(Object.getPrototypeOf(value))) return false
  return Object.values(Object.getOwnPropertyDescriptors(value)).every(
    (member) => 'value' in member && isDeepFrozen(member.value),
  )
}
