/** Whether nothing reachable from `value` by its members can be changed; a URL can, whatever froze it. */
export function isDeepFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return !(value instanceof URL) && Object.isFrozen(value) && Object.values(value).every(isDeepFrozen)
}
