import { expect, test } from 'vitest'
import { EmulatedScreen } from '../../../src/terminal/screen.js'

const columnsOf = (text: string): number => {
  const screen = new EmulatedScreen({ columns: 80, rows: 2 })
  screen.draw(Buffer.from(text))
  return screen.cursor.column
}

test.each([
  ['a letter', 'a', 1],
  ['an accent that joins its letter', 'e\u0301', 1],
  ['a Chinese character', '漢', 2],
  ['an emoji of Unicode 6', '😀', 2],
  ['an emoji that was a symbol before', '⌚', 2],
  ['an emoji of Unicode 12', '🪐', 2],
  ['an emoji of Unicode 14', '🫠', 2],
  ['an emoji of Unicode 15', '🫨', 2],
  ['a flag', '🇩🇪', 2],
  ['two flags', '🇩🇪🇫🇷', 4],
  ['a sign that is text unless it is said otherwise', '⚠', 1],
])('%s takes its columns', (_, text, columns) => {
  expect(columnsOf(text)).toBe(columns)
})
