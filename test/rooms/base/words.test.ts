import { describe, expect, test } from 'vitest'
import { alignColumns, alignTree, branch } from '../../../src/base/table.js'
import { clip, clipMiddle, clipStart, count, show } from '../../../src/base/words.js'

test('counts say one or many', () => {
  expect([count(0), count(1), count(2)]).toEqual(['0 processes', '1 process', '2 processes'])
  expect([count(1, 'leak', 'leaks'), count(2, 'leak', 'leaks')]).toEqual(['1 leak', '2 leaks'])
})

test('a text that is too long loses its end, its middle or its beginning', () => {
  const text = 'abcdefghijklmnopqrstuvwxyz'
  expect([clip(text, 9), clipMiddle(text, 9), clipStart(text, 9)]).toEqual(['abcdefgh…', 'abc…vwxyz', '…rstuvwxyz'])
  expect([clip(text, 26), clipMiddle(text, 26), clipStart(text, 26)]).toEqual([text, text, text])
})

test.each([
  ['text', '"text"'],
  [() => {}, 'a function'],
  [[], 'an array'],
  [{}, 'an object'],
  [null, 'null'],
  [undefined, 'undefined'],
  [1.5, '1.5'],
])('a message names %o as %s', (value, name) => {
  expect(show(value)).toBe(name)
})

describe('columns', () => {
  test('are aligned, without blanks at the end', () => {
    expect(
      alignColumns(
        [
          ['a', 'bb', ''],
          ['ccc', 'd', 'e'],
        ],
        ['  ', ' '],
      ),
    ).toEqual(['a    bb', 'ccc  d  e'])
  })

  test('of a tree are as wide as its rows, whatever stands third in its head', () => {
    const rows = [0, 1].map((index) => [`${branch(index, 2)} ${index}`, 'place', `${index} ms`, 'SIGTERM'])
    expect(alignTree(['command', 'exited 0', '(cwd a/long/path)', ''], rows)).toEqual([
      '  command  exited 0  (cwd a/long/path)',
      '  ├─ 0     place     0 ms  SIGTERM',
      '  └─ 1     place     1 ms  SIGTERM',
    ])
  })

  test('of a tree that nobody would read to its end are counted', () => {
    const rows = Array.from({ length: 16_000 }, (_, index) => [
      `${branch(index, 16_000)} ${index}`,
      'place',
      '1 ms',
      'SIGKILL',
    ])
    const lines = alignTree(['command', '', '', ''], rows)
    expect([lines.length, lines[499], lines[500]]).toEqual([
      501,
      '  ├─ 498    place  1 ms  SIGKILL',
      '  └─ and 15501 more',
    ])
  })
})
