// How many columns a character takes. xterm's own table is that of Unicode 6, where an emoji takes one column, while
// terminals and programs count two. docs/decisions/terminal-widths.md says why xterm's addon is not used.

/** The interface that xterm asks for widths. */
export interface WidthTable {
  readonly version: string
  wcwidth(codepoint: number): 0 | 1 | 2
  charProperties(codepoint: number, preceding: number): number
}

/** A character with two columns in xterm's table. */
const wide = 0x4e_00

const emoji = /\p{Emoji_Presentation}/u
/** The regional indicators. Each has one column, and two of them make a flag. */
const flagLetter = /\p{Regional_Indicator}/u

const isWideEmoji = (codepoint: number): boolean => {
  if (codepoint < 0x2000) return false
  const character = String.fromCodePoint(codepoint)
  return emoji.test(character) && !flagLetter.test(character)
}

/** A character that takes the same number of columns and is in xterm's table. */
const likeness = (codepoint: number): number => (isWideEmoji(codepoint) ? wide : codepoint)

/** The same table, but with two columns for emoji. */
export const withEmoji = (table: WidthTable): WidthTable => ({
  version: 'emoji',
  wcwidth: (codepoint) => table.wcwidth(likeness(codepoint)),
  charProperties: (codepoint, preceding) => table.charProperties(likeness(codepoint), preceding),
})
