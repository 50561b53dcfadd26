import { types } from 'node:util'

// Recognises values by what they are, not by their class: jsdom, vm and Jest each have their own Uint8Array and RegExp.

export const isBytes = (value: unknown): value is Uint8Array => types.isUint8Array(value)

export const isRegExp = (value: unknown): value is RegExp => types.isRegExp(value)

export const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value)

/** `Object` for an object of names, `Date`, `Map`, `Promise` and so on for others. */
export const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

export const isURL = (value: unknown): value is URL => tagOf(value) === 'URL'

/** Whether a value is an object of names as `{ … }` makes it, in whatever realm. An instance of a class may have getters. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (tagOf(value) !== 'Object') return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
