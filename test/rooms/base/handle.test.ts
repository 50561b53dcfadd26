import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Handles } from '../../../src/base/handle.js'

interface Public {
  readonly name: string
  readonly secret: string
  readonly double: string
  greet(whom: string): string
  leave(whom: string): string
}

const inside = Symbol.for('proctor.test.inside')

class Inner {
  readonly #name: string
  reads = 0

  constructor(name: string) {
    this.#name = name
  }

  get name(): string {
    this.reads += 1
    return this.#name
  }

  get secret(): string {
    return `secret of ${this.#name}`
  }

  greet(whom: string): string {
    return `${this.#name} greets ${whom}`
  }

  peek(): string {
    return this.#name
  }
}

const handles = new Handles<Public, Inner>({
  name: 'Person',
  inside,
  members: {
    name: 'shown',
    secret: 'value',
    double: { get: (inner) => inner.peek().repeat(2) },
    greet: 'method',
    leave: { bound: (inner, whom: string) => `${inner.peek()} leaves ${whom}` },
  },
  print: (inner) => ({ name: inner.peek() }),
})

describe('a handle', () => {
  test('has the members of its interface and no more', () => {
    const ann = handles.of(new Inner('Ann'))
    expect(Object.keys(ann)).toEqual(['name'])
    expect([ann.name, ann.secret, ann.double, ann.greet('Bob')]).toEqual([
      'Ann',
      'secret of Ann',
      'AnnAnn',
      'Ann greets Bob',
    ])
    const leave = Reflect.get(ann, 'leave') as (whom: string) => string
    expect(leave('Bob')).toBe('Ann leaves Bob')
    expect(ann.constructor.name).toBe('Person')
    expect(Object.getOwnPropertyNames(Object.getPrototypeOf(ann) as object).toSorted()).toEqual([
      'constructor',
      'double',
      'greet',
      'leave',
      'name',
      'secret',
    ])
  })

  test('is always the same one', () => {
    const inner = new Inner('Ann')
    expect(handles.of(inner)).toBe(handles.of(inner))
    expect(Reflect.get(handles.of(inner), inside)).toBe(inner)
  })

  test('is printed without a look at its members', () => {
    const inner = new Inner('Ann')
    expect(inspect(handles.of(inner))).toBe("Person { name: 'Ann' }")
    expect(inner.reads).toBe(0)
  })

  test('is compared by what it shows', () => {
    expect(handles.of(new Inner('Ann'))).toEqual(handles.of(new Inner('Ann')))
    expect(handles.of(new Inner('Ann'))).not.toEqual(handles.of(new Inner('Bob')))
    expect(handles.of(new Inner('Ann'))).toMatchObject({ name: 'Ann' })
  })

  test('has a prototype and clones that can be walked', () => {
    const ann = handles.of(new Inner('Ann'))
    const prototype = Object.getPrototypeOf(ann) as Public
    for (const object of [prototype, Object.create(prototype) as Public]) {
      for (const name of Object.getOwnPropertyNames(prototype)) expect(() => Reflect.get(object, name)).not.toThrow()
      expect(() => object.greet('Bob')).toThrow('greet was called on something that is no Person.')
    }
    expect(inspect(Object.create(prototype))).toBe('Person {}')
    expect(structuredClone({ ...ann, leave: undefined })).toEqual({ name: 'Ann', leave: undefined })
  })

  test('for the current object looks it up at each use, and shows nothing if there is none', () => {
    let current: Inner | undefined
    const handle = handles.standIn(() => {
      if (current === undefined) throw new Error('nobody is here')
      return current
    })
    expect(inspect(handle)).toBe('Person {}')
    expect(() => handle.name).toThrow('nobody is here')
    current = new Inner('Ann')
    expect([handle.name, handle.leave('Bob')]).toEqual(['Ann', 'Ann leaves Bob'])
    current = new Inner('Eve')
    expect([handle.name, handle.leave('Bob')]).toEqual(['Eve', 'Eve leaves Bob'])
    expect(inspect(handle)).toBe("Person { name: 'Eve' }")
  })
})
