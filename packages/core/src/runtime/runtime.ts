/** What differs between the runtimes outside cryptography: `#runtime` resolves to one of the files beside this. */
export interface Runtime {
  /** Keeps `work` going after the answer was sent, where the platform would stop it; `undefined` elsewhere. */
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  /** Whether a promise made for one request may be awaited by another. */
  readonly sharesPromises: boolean
  /** Whether the platform may freeze the process between requests. Asked at run time, not at import. */
  freezes(): boolean
  /** Whether a process serves for long, so that what is compiled before the first request is worth its time. */
  readonly servesLong: boolean
  /** Whether anybody listens to the named channel. */
  hasSubscribers(channel: string): boolean
  /** Gives a message to the named channel. */
  publish(channel: string, message: unknown): void
  /** Looks a host up: why it must not be asked, if so. Nothing is known where the runtime cannot look it up. */
  resolveHost(host: string): Promise<'origin_refused' | 'network' | undefined> | undefined
}
