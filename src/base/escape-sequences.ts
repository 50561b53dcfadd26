import stripAnsi from 'strip-ansi'

/** A text as a person reads it on a terminal: without colours, links and other escape sequences. */
export const withoutEscapes: (text: string) => string = stripAnsi
