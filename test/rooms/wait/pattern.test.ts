// oxlint-disable eslint/no-control-regex -- they are what is looked for.
import { expect, test } from 'vitest'
import { withoutEscapes } from '../../../src/base/escape-sequences.js'
import { isInOutput, isOutput, lookFor } from '../../../src/wait/pattern.js'

test.each([
  ['colours', '\x1b[31mred\x1b[39m \x1b[38;5;208mpalette\x1b[0m \x1b[38:2::1:2:3mrgb\x1b[m', 'red palette rgb'],
  ['the cursor', '\x1b[2J\x1b[H\x1b[?25lready\x1b[?25h\x1b[10;20Hhere', 'readyhere'],
  ['a title', '\x1b]0;a title\x07ready', 'ready'],
  ['a link', '\x1b]8;;https://example.org\x1b\\text\x1b]8;;\x1b\\', 'text'],
  ['a bell behind a colour', '\x1b[31mred\x07 text', 'red\x07 text'],
  ['character sets and the short ones', '\x1b(B\x1b7a\x1b8\x1bcb\x1bM', 'ab'],
  ['the one character for ESC [', '\x9b1mbold\x9b0m', 'bold'],
  ['device control', '\x1bPq#0;2;0;0;0\x1b\\after', 'after'],
  ['what is no sequence', 'a\x1b', 'a\x1b'],
  ['a title that does not end', '\x1b]0;title', '\x1b]0;title'],
])('%s are not read', (_, written, read) => {
  expect(withoutEscapes(written)).toBe(read)
})

test('a megabyte of beginnings takes no noticeable time', () => {
  for (const beginning of ['\x1b]0;', '\x1b[', '\x9b', '\x1bP', '\r']) {
    const text = beginning.repeat(1_000_000 / beginning.length)
    expect(isInOutput('nothing', text, true)).toBe(false)
    expect(isInOutput(/nothing/, text, true)).toBe(false)
  }
})

const coloured = '\x1b[1mready\x1b[22m in \x1b[36m12\x1b[39m ms on \x1b[32m3000\x1b[39m\n'

test.each<[string | RegExp, boolean]>([
  ['ready in 12 ms', true],
  ['\x1b[36m12', true],
  [/^ready in \d+ ms/, true],
  [/\x1b\[36m(\d+)/, true],
  ['ready in 13 ms', false],
  [/^in/, false],
])('coloured output: %o is found: %o', (pattern, isFound) => {
  expect(isInOutput(pattern, coloured)).toBe(isFound)
  expect(lookFor(pattern, () => coloured)() !== undefined).toBe(isFound)
})

test('a text resolves with the output as it was written', () => {
  expect(lookFor('in 12 ms', () => coloured)()).toEqual({ value: coloured })
})

test('a group captures what is read, and what was written where the pattern has an escape sequence', () => {
  const captured = (pattern: RegExp): unknown =>
    (lookFor(pattern, () => coloured)() as { value: RegExpExecArray } | undefined)?.value[1]

  expect(captured(/on (\S+)/)).toBe('3000')
  expect(captured(/on \x1b\[(\d+)m/)).toBe('32')
  expect(captured(/on \u001b\[(\d+)m/)).toBe('32')
})

test.each<[string | RegExp, string, boolean]>([
  ['a\nb', 'a\r\nb', true],
  ['a\nb', '\x1b[1ma\x1b[0m\r\nb', true],
  ['\x1b[1ma\x1b[0m\nb', '\x1b[1ma\x1b[0m\r\nb', true],
  ['a\r\nb\nc', 'a\r\nb\r\nc', true],
  ['a\nb', 'a\r\r\nb', true],
  [/a\nb/, 'a\r\nb', true],
  [/a\r\nb/, 'a\r\nb', true],
  ['a\nb', 'a\rb', false],
])('in a terminal %o is in %o: %o', (pattern, output, isFound) => {
  expect(isInOutput(pattern, output, true)).toBe(isFound)
})

test('elsewhere a line end is as it was written', () => {
  expect(isInOutput('a\nb', 'a\r\nb')).toBe(false)
})

test('an output is a text, with or without its colours', () => {
  expect(isOutput('red\n', '\x1b[31mred\x1b[39m\n\n')).toBe(true)
  expect(isOutput('\x1b[31mred\x1b[39m', '\x1b[31mred\x1b[39m')).toBe(true)
  expect(isOutput('re', '\x1b[31mred\x1b[39m')).toBe(false)
})
