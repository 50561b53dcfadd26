/** `1 process`, `2 processes`. */
export const count = (number: number, one = 'process', many = 'processes'): string =>
  `${number} ${number === 1 ? one : many}`

/** `64.2 MB`. */
export const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** Characters of a command line in a report. */
const mostWidth = 60

/** The beginning of a text, with an ellipsis where it was cut. */
export const clip = (text: string, most = mostWidth): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`

/** The beginning and the end of a text. The end of a command line tells most: Node's options stand before the program. */
export const clipMiddle = (text: string, most = mostWidth): string =>
  text.length <= most ? text : `${text.slice(0, most / 3)}…${text.slice(1 - (most * 2) / 3)}`

/** The end of a text. */
export const clipStart = (text: string, most: number): string => (text.length <= most ? text : `…${text.slice(-most)}`)

/** A value as a message names it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return String(value)
}
