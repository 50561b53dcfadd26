import { expect, test } from 'vitest'
import { encodeKey, type Key, type KeyModes } from '../../../src/terminal/keys.js'

const plain: KeyModes = { applicationCursorKeys: false, bracketedPaste: false }
const asked: KeyModes = { applicationCursorKeys: true, bracketedPaste: true }

// What xterm sends, according to `infocmp -x xterm-256color`.
test.for<[Key, string]>([
  ['Enter', '\r'],
  ['Tab', '\t'],
  ['Escape', '\x1b'],
  ['Backspace', '\x7f'],
  ['Space', ' '],
  ['ArrowUp', '\x1b[A'],
  ['ArrowLeft', '\x1b[D'],
  ['Home', '\x1b[H'],
  ['End', '\x1b[F'],
  ['Delete', '\x1b[3~'],
  ['PageDown', '\x1b[6~'],
  ['F1', '\x1bOP'],
  ['F5', '\x1b[15~'],
  ['F12', '\x1b[24~'],
  ['a', 'a'],
  ['A', 'A'],
  ['é', 'é'],
  ['👩‍🚀', '👩‍🚀'],
  ['+', '+'],
  ['Ctrl+C', '\x03'],
  ['Ctrl+c', '\x03'],
  ['Control+C', '\x03'],
  ['Ctrl+Space', '\0'],
  ['Ctrl+[', '\x1b'],
  ['Ctrl+\\', '\x1c'],
  ['Ctrl+/', '\x1f'],
  ['Ctrl+?', '\x7f'],
  ['Ctrl+Backspace', '\b'],
  ['Ctrl+Enter', '\r'],
  ['Alt+x', '\x1bx'],
  ['Alt+Enter', '\x1b\r'],
  ['Ctrl+Alt+x', '\x1b\x18'],
  ['Alt+Ctrl+x', '\x1b\x18'],
  ['Shift+a', 'A'],
  ['Shift+Tab', '\x1b[Z'],
  ['Shift+ArrowUp', '\x1b[1;2A'],
  ['Ctrl+ArrowLeft', '\x1b[1;5D'],
  ['Ctrl+Alt+Shift+ArrowLeft', '\x1b[1;8D'],
  ['Alt+F1', '\x1b[1;3P'],
  ['Ctrl+Delete', '\x1b[3;5~'],
  [{ paste: 'one\ntwo\r\n' }, 'one\rtwo\r'],
])('%o is sent as %o', ([key, sent]) => {
  expect(encodeKey('press', key, plain)).toBe(sent)
})

test('keys follow the modes that the program has set', () => {
  expect(encodeKey('press', 'ArrowUp', asked)).toBe('\x1bOA')
  expect(encodeKey('press', 'Ctrl+ArrowUp', asked)).toBe('\x1b[1;5A')
  expect(encodeKey('press', { paste: 'a\nb' }, asked)).toBe('\x1b[200~a\rb\x1b[201~')
  // Pasted text cannot end the bracketed paste and continue as typed keys.
  expect(encodeKey('press', { paste: 'a\x1b[201~rm' }, asked)).toBe('\x1b[200~arm\x1b[201~')
})

test.for<[unknown, string]>([
  ['Return', '"Return" is no key that is known here'],
  ['enter', '"enter" is no key that is known here'],
  ['hello', '"hello" is no key that is known here'],
  ['', ' is no key'],
  ['Ctrl+', '"Ctrl+" is no key that is known here'],
  ['Hyper+x', '"Hyper+x" is no key that is known here'],
  ['Ctrl+Ctrl+x', '"Ctrl+Ctrl+x" has a modifier twice'],
  ['Ctrl+é', '"Ctrl+é" is a combination that a terminal cannot send'],
  ['constructor', '"constructor" is no key that is known here'],
  [7, '7 is no key'],
  [undefined, 'undefined is no key'],
  [null, 'null is no key'],
  [{ paste: 7 }, 'is no key'],
])('%o is refused, and the message names what is known', ([key, message]) => {
  expect(() => encodeKey('press', key as Key, plain)).toThrow(message)
  expect(() => encodeKey('press', key as Key, plain)).toThrow(/Known are Enter, Tab, .*F12, single characters.*write/)
})
