import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { quoteCommand } from '../../../src/base/command-line.js'

const lines: readonly (readonly string[])[] = [
  ['node', 'cli.js', '--port=80', 'a/b', '@scope/name', '~', 'x^y', 'a,b:c%d+e'],
  ['echo', ''],
  [
    'echo',
    'a b',
    "it's",
    '"q"',
    '$HOME',
    '`id`',
    '\\',
    '*',
    'a;b',
    '&',
    '(',
    '#',
    '!',
    '🙂',
    'new\nline',
    '\t',
    '{a,b}',
    '[x]',
    '<',
    '|',
  ],
]

test.each(lines)('what is shown is what a shell would take back: %s', (...parts) => {
  const script = 'for part do printf "%s\\0" "$part"; done'
  const output = execFileSync('sh', ['-c', `set -- ${quoteCommand(parts)}; ${script}`], {
    encoding: 'utf8',
    env: { ...process.env, HOME: '/root' },
  })
  expect(
    output
      .split('\0')
      .slice(0, -1)
      .map((part) => part.replace(/^\/root$/, '~')),
  ).toEqual(parts)
})

test('plain words stay as they are', () => {
  expect(quoteCommand(['git', 'commit', '-m', 'it is done'])).toBe("git commit -m 'it is done'")
})
