// How many columns a character takes. xterm's own table is Unicode 6's, where an emoji takes one column: terminals and
// programs count two. docs/decisions/terminal-widths.md says why its addon is not used.

/** What xterm asks for widths. */
export interface WidthTable {
  readonly version: string
  wcwidth(codepoint: number): 0 | 1 | 2
  charProperties(codepoint: number, preceding: number): number
}

/** A character that xterm's table has in two columns. */
const wide = 0x4e_00

const emoji = /\p{Emoji_Presentation}/u
/** Letters of one column each, two of which make a flag. */
const flagLetter = /\p{Regional_Indicator}/u

const isWideEmoji = (codepoint: number): boolean => {
  if (codepoint < 0x2000) return false
  const character = String.fromCodePoint(codepoint)
  return emoji.test(character) && !flagLetter.test(character)
}

/** A character that takes as many columns, in a table that knows no emoji. */
const likeness = (codepoint: number): number => (isWideEmoji(codepoint) ? wide : codepoint)

/** The same table, with emoji in two columns. */
export const withEmoji = (table: WidthTable): WidthTable => ({
  version: 'emoji',
  wcwidth: (codepoint) => table.wcwidth(likeness(codepoint)),
  charProperties: (codepoint, preceding) => table.charProperties(likeness(codepoint), preceding),
})
