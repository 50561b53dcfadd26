import { leadingBack } from './call-site.js'
import { keepingAlive } from './clock.js'

// Users hold handles. A handle has the members of a public interface and nothing else, and stands for an inner object
// that they never see. A printer, an equality check or a deep clone may walk a handle, and a clone lacks some of it: no
// getter throws there.

/**
 * How a member of a handle comes from the inner object.
 * - `shown`: a value that printers show and equality compares; the object has it of its own.
 * - `value` and `method`: the same member of the inner object.
 * - `get`: a value made of the inner object.
 * - `bound`: a method that may be taken off the object.
 */
export type Member<Inner> =
  | 'shown'
  | 'value'
  | 'method'
  | { readonly get: (inner: Inner) => unknown }
  | { readonly bound: (inner: Inner, ...parameters: never[]) => unknown }

export interface HandleSettings<Public, Inner> {
  /** The name that printers show. */
  readonly name: string
  /** The key under which every copy of this package finds the inner object, the ES module and the CommonJS one. */
  readonly inside: symbol
  readonly members: Readonly<Record<keyof Public, Member<Inner>>>
  /** What `console.log` shows. It must not count as the test looking at the exit. */
  readonly print: (inner: Inner) => object
}

/** Whoever waits for one of these waits for processes, not for a timer. */
const endings: ReadonlySet<string | symbol> = new Set([
  'kill',
  'terminate',
  'loseParent',
  'teardown',
  Symbol.asyncDispose,
])

const inspected = Symbol.for('nodejs.util.inspect.custom')

/** A class without members that printers show by this name. */
function classNamed(name: string): new () => object {
  const named = { [name]: class {} }
  return named[name]!
}

/** The handles of one public interface. */
export class Handles<Public extends object, Inner extends object> {
  readonly #class: new () => object
  readonly #inners = new WeakMap<object, () => Inner>()
  readonly #made = new WeakMap<Inner, Public>()
  readonly #own: PropertyDescriptorMap = {}
  readonly #bound: readonly string[]

  constructor({ name, inside, members, print }: HandleSettings<Public, Inner>) {
    this.#class = classNamed(name)
    const kinds = Reflect.ownKeys(members).map((key) => [key, members[key as keyof Public]] as const)
    this.#bound = kinds.filter(([, kind]) => typeof kind === 'object' && 'bound' in kind).map(([key]) => String(key))
    for (const [key, kind] of kinds) {
      const descriptor = this.#describe(name, key, kind)
      Object.defineProperty(this.prototype, key, descriptor)
      if (kind === 'shown') this.#own[key as string] = { ...descriptor, enumerable: true }
    }
    const innerOf = (handle: object): Inner | undefined => this.#inners.get(handle)?.()
    Object.defineProperty(this.prototype, inside, {
      get(this: object) {
        return innerOf(this)
      },
    })
    const Printed = classNamed(name)
    const printed = (handle: object): object => {
      try {
        const inner = innerOf(handle)
        return Object.assign(new Printed(), inner === undefined ? {} : print(inner))
      } catch {
        // Outside of a test there is no current object.
        return new Printed()
      }
    }
    Object.defineProperty(this.prototype, inspected, {
      value(this: object) {
        return printed(this)
      },
    })
  }

  get prototype(): object {
    return this.#class.prototype as object
  }

  #describe(name: string, key: string | symbol, kind: Member<Inner>): PropertyDescriptor {
    if (kind === 'shown' || kind === 'value') return this.#getter((inner) => Reflect.get(inner, key))
    if (typeof kind === 'object' && 'get' in kind) return this.#getter(kind.get)
    const call = (inner: Inner, parameters: readonly unknown[]): unknown => {
      if (typeof kind === 'object') return kind.bound(inner, ...(parameters as never[]))
      const result: unknown = Reflect.apply(Reflect.get(inner, key) as () => unknown, inner, parameters)
      return endings.has(key) ? keepingAlive(result as Promise<unknown>) : result
    }
    return this.#method(`${String(key)} was called on something that is no ${name}.`, call)
  }

  #getter(read: (inner: Inner) => unknown): PropertyDescriptor {
    const inners = this.#inners
    return {
      configurable: true,
      get(this: object) {
        const current = inners.get(this)
        return current === undefined ? undefined : read(current())
      },
    }
  }

  #method(refusal: string, call: (inner: Inner, parameters: readonly unknown[]) => unknown): PropertyDescriptor {
    const inners = this.#inners
    return {
      configurable: true,
      writable: true,
      value(this: object, ...parameters: unknown[]): unknown {
        const current = inners.get(this)
        if (current === undefined) throw new TypeError(refusal)
        return leadingBack(() => call(current(), parameters))
      },
    }
  }

  /** The handle of an inner object, which is always the same one. */
  of(inner: Inner): Public {
    const known = this.#made.get(inner)
    if (known !== undefined) return known
    const handle = this.#make(() => inner)
    Object.defineProperties(handle, this.#own)
    this.#made.set(inner, handle)
    return handle
  }

  /**
   * A handle that stands for another inner object at each use. Printers show nothing of it, because there may be none.
   */
  standIn(current: () => Inner): Public {
    return this.#make(current)
  }

  #make(current: () => Inner): Public {
    const handle = new this.#class()
    this.#inners.set(handle, current)
    for (const key of this.#bound) {
      const method = Reflect.get(handle, key) as () => unknown
      Object.defineProperty(handle, key, { configurable: true, writable: true, value: method.bind(handle) })
    }
    return handle as Public
  }
}
