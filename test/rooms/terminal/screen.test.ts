import { expect, test } from 'vitest'
import { EmulatedScreen } from '../../../src/terminal/screen.js'

function drawn(text: string | Uint8Array, size = { columns: 12, rows: 4 }): EmulatedScreen {
  const screen = new EmulatedScreen(size)
  screen.draw(typeof text === 'string' ? Buffer.from(text) : text)
  return screen
}

test('output is on the screen at once, even with fake timers', ({ onTestFinished }) => {
  const { setTimeout: before } = globalThis
  onTestFinished(() => {
    globalThis.setTimeout = before
  })
  globalThis.setTimeout = (() => {
    throw new Error('A timer was asked for.')
  }) as unknown as typeof setTimeout

  expect(drawn('one\r\ntwo').stripped).toBe('one\ntwo')
})

test('rows are padded to the width, the cursor is counted from 0', () => {
  const screen = drawn('one\r\n  two')

  expect(screen.text).toBe('one         \n  two       \n            \n            ')
  expect(screen.stripped).toBe('one\n  two')
  expect(screen.cursor).toEqual({ row: 1, column: 5 })
})

test('after the last column the cursor waits on it', () => {
  expect(drawn('x'.repeat(12)).cursor).toEqual({ row: 0, column: 11 })
})

test('a character of several bytes may come in several reads', () => {
  const screen = new EmulatedScreen({ columns: 12, rows: 2 })
  for (const byte of Buffer.from('a€漢😀b')) screen.draw(Buffer.from([byte]))

  expect(screen.stripped).toBe('a€漢😀b')
  expect(screen.cursor).toEqual({ row: 0, column: 7 })
})

test('invalid UTF-8 does not affect what comes after it', () => {
  const screen = new EmulatedScreen({ columns: 12, rows: 2 })
  for (const bytes of [[0xff, 0x61], [0xe2, 0x82], [0x62], [0xc3], [0x28, 0x63]]) screen.draw(Buffer.from(bytes))

  expect(screen.stripped).toMatch(/a.*b.*c$/)
})

test('the alternate screen is left as it was found', () => {
  const screen = drawn('before\x1b[?1049h\x1b[Hinside')
  expect(screen.stripped).toBe('inside')

  screen.draw(Buffer.from('\x1b[?1049l'))

  expect(screen.stripped).toBe('before')
})

test('it answers when it is asked where the cursor is', () => {
  const screen = new EmulatedScreen({ columns: 12, rows: 4 })
  const answers: string[] = []
  screen.onReply = (answer) => answers.push(answer)

  screen.draw(Buffer.from('\x1b[2;5H\x1b[6n'))

  expect(answers).toEqual(['\x1b[2;5R'])
})

test.for(['S', 'T', 'L', 'M', '@', 'P', 'X', 'I', 'Z', 'b', ' @', ' A', "'}", "'~"])(
  'two thousand million times %o is done at once',
  (final) => {
    const screen = drawn(`x\x1b[2147483647${final}\x1b[2;1Hy`)

    expect(screen.text.split('\n')[1]).toMatch(/^y/)
  },
)

const wide =
  '\x1b[1mbold\x1b[0m \x1b[7minverse\x1b[0m\r\n\x1b[38;5;208mpalette\x1b[0m \x1b[48;2;1;2;3mrgb\x1b[0m\r\n漢😀<&>'

test('the picture has what is on the screen', () => {
  const svg = drawn(`${wide}\x1b[2;3H`, { columns: 20, rows: 3 }).toSVG()

  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="204" height="78"/)
  expect(svg).toMatch(/<text [^>]*font-weight="bold">bold<\/text>/)
  // Inverse: the foreground colour fills the background, and the text has the background colour.
  expect(svg).toMatch(/<rect x="57" y="12" width="63" height="18" fill="#d7dae0"\/>/)
  expect(svg).toMatch(/<text [^>]*fill="#16181d">inverse<\/text>/)
  expect(svg).toMatch(/<text [^>]*fill="#ff8700">pa<\/text>/)
  expect(svg).toContain('fill="#010203"/>')
  // Each wide character is a text of its own, two columns wide.
  expect(svg).toMatch(/<text x="12" y="62" textLength="18" [^>]*>漢<\/text><text x="30" [^>]*>😀<\/text>/)
  expect(svg).toContain('&lt;&amp;&gt;')
  // The cursor is on the l of the palette.
  expect(svg).toContain('<rect x="30" y="30" width="9" height="18" fill="#e6c07b"/>')
})

test('a cursor that is hidden is not in the picture', () => {
  expect(drawn('\x1b[?25lx').toSVG()).not.toContain('#e6c07b')
  expect(drawn('x').toSVG()).toContain('#e6c07b')
})

test('whatever a program writes, the picture is well-formed', () => {
  const nasty = '\x1b]0;</svg>\x07"\'<script>\ufffe\uffff\ud800&#0;\x1b]8;;javascript:x\x07link\x1b]8;;\x07'
  const svg = drawn(nasty, { columns: 60, rows: 2 }).toSVG()

  expect(svg).not.toMatch(/<script|javascript:|[\ufffe\uffff]/)
  const tags = svg.match(/<[^>]*>/g)!.map((tag) => tag.match(/^<\/?(\w+)/)![1])
  expect(new Set(tags)).toEqual(new Set(['g', 'rect', 'svg', 'text']))
  expect(svg.replaceAll(/<[^>]*>/g, '')).not.toMatch(/[<>]|&(?!(?:lt|gt|amp|quot);)/)
})

test('erasing up to the last cell of the last row erases everything', () => {
  expect(drawn('above\x1b[24;80H\x1b[1J\x1b[HREADY').stripped).toBe('READY')
})

// Each of these makes xterm itself throw and stop drawing.
test.each<[string, readonly (string | readonly [columns: number, rows: number])[]]>([
  [
    'a full screen that shrinks and grows',
    [
      [12, 6],
      [12, 3],
      '\x1b[?1049h',
      '\r\n\r\n\r\n\r\n',
      '\x1b[r',
      [13, 5],
      'line of text line of text line of text line of text ',
      [10, 6],
      'aa',
    ],
  ],
  ['wide characters in a window that gets narrower', [[4, 5], '漢字漢字漢字漢字', [3, 5], '\r\n\r\n\r\n\r\n', [4, 3]]],
])('%s: it goes on drawing', (_name, steps) => {
  const screen = new EmulatedScreen({ columns: 20, rows: 5 })
  for (const step of steps) {
    if (typeof step === 'string') screen.draw(Buffer.from(step))
    else screen.resize(step[0], step[1])
  }
  screen.draw(Buffer.from('\x1b[2J\x1b[HOK'))

  expect(screen.stripped).toBe('OK')
  expect(screen.text.split('\n')).toHaveLength(screen.rows)
})
