import { expect, test } from 'vitest'
import { withoutEscapes } from '../../../src/base/escape-sequences.js'

const esc = '\u001B'

test.each([
  ['a colour, and a bell behind it', `${esc}[31mred\u0007 text`, 'red\u0007 text'],
  ['a colour of 24 bits', `${esc}[38;2;1;2;3mrgb${esc}[0m`, 'rgb'],
  ['a colour with colons', `${esc}[38:2::1:2:3mrgb${esc}[0m`, 'rgb'],
  ['a control sequence of one character', '\u009B31mred\u009B0m', 'red'],
  ['a link that ends with a bell', `${esc}]8;;http://a.b\u0007link${esc}]8;;\u0007`, 'link'],
  ['a link that ends with ST', `${esc}]8;;http://a.b${esc}\\link${esc}]8;;${esc}\\`, 'link'],
  ['a title', `${esc}]0;title\u0007text`, 'text'],
  ['a picture', `${esc}Pq#0;2;0;0;0#0~~${esc}\\text`, 'text'],
  ['a saved cursor', `${esc}7text${esc}8`, 'text'],
  ['a character set', `${esc}(Btext`, 'text'],
  ['the shape of the cursor', `${esc}[0 qtext`, 'text'],
  ['an answer about the device', `${esc}[>0;276;0ctext`, 'text'],
  ['a title that does not end', `${esc}]0;text`, `${esc}]0;text`],
  ['no sequence at all', 'text\r\n', 'text\r\n'],
])('%s is not read', (_, written, read) => {
  expect(withoutEscapes(written)).toBe(read)
})
