/** `1 process`, `2 processes`. */
export const count = (number: number): string => (number === 1 ? '1 process' : `${number} processes`)

/** Characters of a command line in a report. */
const mostWidth = 60

/** The beginning of a text, with an ellipsis where it was cut. */
export const clip = (text: string): string => (text.length <= mostWidth ? text : `${text.slice(0, mostWidth - 1)}…`)
