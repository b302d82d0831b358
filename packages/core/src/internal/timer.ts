/** Runs `fire` after so many seconds, without keeping the process alive for it; the result takes it back. */
export function after(seconds: number, fire: () => void): () => void {
  const timer: unknown = setTimeout(fire, seconds * 1000)
  // Node, Bun and Deno return an object; elsewhere it is a number and there is no process.
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
  return () => {
    clearTimeout(timer as ReturnType<typeof setTimeout>)
  }
}
