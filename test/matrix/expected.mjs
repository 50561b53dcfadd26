// The expected results of the consumers' suites, by the titles of their tests.

const passes = (messages) => messages.length === 0
const has =
  (...texts) =>
  (messages) =>
    texts.every((text) => messages.some((message) => message.includes(text)))
export const expected = {
  vitest: {
    'killing the parent kills the child': passes,
    'a program that died on its own is not a successful kill': passes,
    'a program whose end was expected has already exited': passes,
    'the matcher of an unexpected exit': passes,
    'answers two prompts': passes,
    'answers as a person would': passes,
    'has the containment that is promised': passes,
    'leaks a daemon': has('1 process outlived its command and was killed'),
    'fails and leaks': has('the own error', '1 process outlived its command and was killed'),
    'a concurrent test passes': passes,
    'another one leaks': has('1 process outlived its command and was killed'),
    'ends what it starts by itself': passes,
    'leaves what it starts by itself': has('sleep', 'started at', 'guarded.test'),
  },
  jest: {
    'a command': passes,
    'has the containment that is promised': passes,
    'leaks a daemon': has('1 process outlived its command and was killed'),
    'fails and leaks': has('the own error', '1 process outlived its command and was killed'),
    'kills in a hook of its own': passes,
    'a concurrent test passes': passes,
    'another one leaks': has('1 process outlived its command and was killed'),
    'ends what it starts by itself': passes,
    'leaves what it starts by itself': has('sleep', 'started at', 'guarded.test'),
  },
  transforms: { kills: passes, 'leaks a daemon': has('1 process outlived its command and was killed') },
}
