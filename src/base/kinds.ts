import { types } from 'node:util'

// What a value is, and not whose class made it: jsdom, vm and Jest each have an Uint8Array and a RegExp of their own.

export const isBytes = (value: unknown): value is Uint8Array => types.isUint8Array(value)

export const isRegExp = (value: unknown): value is RegExp => types.isRegExp(value)

export const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value)

export const isURL = (value: unknown): value is URL => Object.prototype.toString.call(value) === '[object URL]'
