import type { PrivateSlot } from './runtime.ts'

/** Returns the object it is given, so that a class which extends it adds its private fields to that object. */
// oxlint-disable-next-line typescript/no-extraneous-class -- nothing else adds a private field to another's object
class Given {
  constructor(object: object) {
    // oxlint-disable-next-line no-constructor-return -- the point of it
    return object
  }
}

/**
 * Keeps a value with objects of others, as a `WeakMap` does: nobody else sees or forges it, what inherits from the
 * object or is copied from it has none, and it goes when the object goes. The collector pays for each entry of a
 * `WeakMap` as long as it lives, a private field costs it nothing; and an entry is made for every request.
 */
export function privateSlot<Value>(): PrivateSlot<Value> {
  /** For objects which take no fields: engines may come to refuse private ones too where nothing can be added. */
  let closed: WeakMap<object, Value> | undefined
  return class Slot extends Given {
    #value: Value

    constructor(object: object, value: Value) {
      super(object)
      this.#value = value
    }

    static get(object: object): Value | undefined {
      // Who asks of something that is no object has made a mistake, which is told where it is known what was asked for.
      if (Object(object) !== object) return undefined
      return #value in object ? object.#value : closed?.get(object)
    }

    static set(object: object, value: Value): void {
      if (#value in object) {
        object.#value = value
        return
      }
      try {
        // oxlint-disable-next-line no-new -- the object is known, and has the field now
        new Slot(object, value)
      } catch {
        closed ??= new WeakMap()
        closed.set(object, value)
      }
    }
  }
}
