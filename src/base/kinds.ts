import { types } from 'node:util'

// Recognises values by what they are, not by their class: jsdom, vm and Jest each have their own Uint8Array and RegExp.

export const isBytes = (value: unknown): value is Uint8Array => types.isUint8Array(value)

export const isRegExp = (value: unknown): value is RegExp => types.isRegExp(value)

export const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value)

export const isURL = (value: unknown): value is URL => Object.prototype.toString.call(value) === '[object URL]'
