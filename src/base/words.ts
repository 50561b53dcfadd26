import { isPlain, tagOf } from './kinds.js'

/** `1 process`, `2 processes`. */
export const count = (number: number, one = 'process', many = 'processes'): string =>
  `${number} ${number === 1 ? one : many}`

/** `64.2 MB`. */
export const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** How many characters of a command line a report has. */
const mostWidth = 60

/** The beginning of a text, with an ellipsis if it was cut. */
export const clip = (text: string, most = mostWidth): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`

/**
 * The beginning and the end of a text. The end of a command line tells most, because Node's options come before the
 * program.
 */
export const clipMiddle = (text: string, most = mostWidth): string =>
  text.length <= most ? text : `${text.slice(0, most / 3)}…${text.slice(1 - (most * 2) / 3)}`

/** The end of a text. */
export const clipStart = (text: string, most: number): string => (text.length <= most ? text : `…${text.slice(-most)}`)

/** A value as messages show it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return showObject(value)
  return String(value)
}

/** A Date, a Map or a promise is named: as an object of names it would be empty. */
function showObject(value: object): string {
  if (Array.isArray(value)) return 'an array'
  const tag = tagOf(value)
  if (tag !== 'Object') return `${/^[AEIO]/.test(tag) ? 'an' : 'a'} ${tag}`
  return isPlain(value) ? 'an object' : 'an instance of a class'
}
