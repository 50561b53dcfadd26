// ECMA-48: what a program sends to a terminal to steer it, and nobody reads.

/** `ESC [ … m` and its like: parameters, intermediates, a final byte. */
const control = String.raw`(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]`
/** Titles, links, pictures: a text up to its terminator. One that is not there yet is no sequence. */
const string = String.raw`\u001b[\]PX^_][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)`
/** All others: `ESC ( B`, `ESC 7`, `ESC c`. */
const short = String.raw`\u001b[ -/]*[0-OQ-WYZ\\\x60a-~]`

const sequences = new RegExp(`${control}|${string}|${short}`, 'g')

const hasEscape = (text: string): boolean => text.includes('\u001b') || text.includes('\u009b')

/** A text as a person reads it on a terminal: without colours, links and what else steers it. */
export const withoutEscapes = (text: string): string => (hasEscape(text) ? text.replaceAll(sequences, '') : text)
