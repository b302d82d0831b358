/** A value kept with somebody else's object, which nobody else sees or forges, and which goes when the object goes. */
export interface PrivateSlot<Value> {
  get(object: object): Value | undefined
  set(object: object, value: Value): void
}

/** What differs between the runtimes outside cryptography: `#runtime` resolves to one of the files beside this. */
export interface Runtime {
  /** Keeps `work` going after the answer was sent, where the platform would stop it; `undefined` elsewhere. */
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  /** Whether a promise made for one request may be awaited by another. */
  readonly sharesPromises: boolean
  /** Whether the platform may freeze the process between requests. Asked at run time, not at import. */
  freezes(): boolean
  /** Reads JSON by the native parser, where that is worth the code; `undefined` for what it leaves to the other reader. */
  readonly readNatively: ((text: string, maxCost: number) => unknown) | undefined
  /** Whether a process serves for long, so that what is compiled before the first request is worth its time. */
  readonly servesLong: boolean
  /** For a value per object; an entry is made for every request. */
  privateSlot<Value>(): PrivateSlot<Value>
  /** Under it an object says what `console.log` shows of it; `undefined` where nobody asks. */
  readonly inspection: symbol | undefined
  /** Gives a message to the named channel; `undefined` where there are none. */
  readonly publish: ((channel: string, message: unknown) => void) | undefined
  /** Looks a host up: why it must not be asked, if so. `undefined` where the runtime cannot look it up. */
  readonly resolveHost: ((host: string) => Promise<'origin_refused' | 'network' | undefined>) | undefined
}
