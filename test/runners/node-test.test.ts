import { expect, test } from 'vitest'
import { inRoot, type InnerResult, startInner } from '../inner-run.js'
import { eventually, findByCommandLine, uniqueNumber } from '../machine.js'

const runNodeTest = (file: string, number: string, args: readonly string[] = []): Promise<InnerResult> => {
  const path = inRoot(`fixtures/suites/node-test/${file}`)
  return startInner(process.execPath, [...args, '--test', '--test-reporter=spec', path], {
    env: { SUITE_NUMBER: number, PROCTOR_GUARD_LEAK_TIMEOUT: '100' },
    cwd: inRoot('.'),
  }).result
}

const verdictsOf = (output: string): string[] =>
  output
    .split('✖ failing tests:')[0]!
    .split('\n')
    .flatMap((line) => /^ *[✔✖] .*(?= \()/.exec(line)?.[0].trim() ?? [])

test('useProctor: a teardown that cannot be forgotten, after the hooks of the test', async () => {
  const number = uniqueNumber()
  const { exitCode, output } = await runNodeTest('use-proctor.mjs', number)
  expect(verdictsOf(output)).toEqual([
    '✔ a command',
    '✔ kills in a hook of its own',
    '✖ leaks',
    '✖ fails and leaks',
    '✔ one',
    '✔ two',
    '✔ shared',
    '✔ uses it',
    '✖ shared, and leaks',
  ])
  expect(exitCode).toBe(1)
  // The leak stands beside the error of a test that has already failed.
  expect(output).toMatch(new RegExp(`the own error[^]*ℹ LeakedProcessError: 1 process outlived[^]*sleep ${number}`))
  expect(findByCommandLine(`sleep ${number}`)).toEqual([])
})

test('createProctor: a leak beside the own error is shown, and a forgotten teardown is said and holds nothing up', async () => {
  const number = uniqueNumber()
  const { exitCode, output } = await runNodeTest('by-hand.mjs', number)
  expect(verdictsOf(output)).toEqual(['✔ nobody tears it down', '✖ fails and leaks'])
  expect(exitCode).toBe(1)
  expect(output).toMatch(new RegExp(`proctor: 1 process outlived its command and was killed[^]*sleep ${number}`))
  expect(output).toMatch(/proctor: nobody tore down what createProctor\(\) gave at .*by-hand\.mjs:7:\d+/)
  expect(output).toContain(`and this ran in it: sh -c 'echo ready; exec sleep ${number}'`)
  await eventually(() => (findByCommandLine(`sleep ${number}`).length === 0 ? true : undefined), 'nothing left', 5000)
})

test('createProctor: a forgotten program in a terminal, which keeps Node alive, is said and ended', async () => {
  const number = uniqueNumber()
  const { exitCode, output } = await runNodeTest('terminal-by-hand.mjs', number)
  expect(verdictsOf(output)).toEqual(['✔ nobody tears it down', expect.stringMatching(/^✖ .*terminal-by-hand\.mjs$/)])
  expect(exitCode).toBe(1)
  expect(output).toMatch(/proctor: nobody tore down what createProctor\(\) gave at .*terminal-by-hand\.mjs:7:\d+/)
  expect(output).toContain(`and this ran in it: sh -c 'echo ready; exec sleep ${number}'`)
  // Ten looks, and the end of the program.
  expect(Number(/(\d+) times 500 ms later/.exec(output)?.[1])).toBeLessThan(20)
  expect(findByCommandLine(`sleep ${number}`)).toEqual([])
})

test('the guard: tests, subtests, suites and the file are told apart, with file and line', async () => {
  const number = uniqueNumber()
  const { exitCode, output } = await runNodeTest('guarded.mjs', number, ['--import', 'proctor/node-test/guard'])
  const report = output.split('✖ failing tests:')[0]!
  expect(verdictsOf(output)).toEqual([
    '✔ ends what it starts',
    '✖ leaves one',
    '✖ fails, and leaves one',
    '✖ that leaves one',
    '✔ that is clean',
    '✖ with subtests',
    '✔ that is clean too',
    '✖ leaves one behind its subtest',
    '✔ uses its server',
    '✔ a suite',
    '✔ uses it',
    '✔ a suite that leaves its server',
    expect.stringMatching(/^✖ .*node-test-guard\.js$/),
  ])
  expect(exitCode).toBe(1)
  expect(report).toMatch(/the own error[^]*ℹ LeakedProcessError: 1 process outlived the test[^]*guarded\.mjs:5:21/)
  expect(report).toMatch(/1 process outlived the test file that started it and was killed/)
  expect(findByCommandLine(`sleep ${number}`)).toEqual([])
})

test('the guard: a worker that is killed in the very turn in which it started something leaves nothing', async () => {
  const number = uniqueNumber()
  const { output } = await runNodeTest('dies-at-once.mjs', number, ['--import', 'proctor/node-test/guard'])
  expect(output).toContain('fail 1')
  await eventually(() => (findByCommandLine(`sleep ${number}`).length === 0 ? true : undefined), 'nothing left', 20_000)
})

test.each([[[]], [['--import', 'proctor/node-test/guard']]])(
  'a runner that is killed takes the test files and what they started along, with %j',
  async (args) => {
    const number = uniqueNumber()
    const path = inRoot('fixtures/suites/node-test/hangs.mjs')
    const inner = startInner(process.execPath, [...args, '--test', path], {
      env: { SUITE_NUMBER: number },
      cwd: inRoot('.'),
    })
    const isUp = () => findByCommandLine(`sleep ${number}`).length >= 2 + args.length / 2
    await eventually(() => (isUp() ? true : undefined), 'the tree is up', 20_000)
    inner.child.kill('SIGKILL')
    await inner.result
    const left = () => [...findByCommandLine(`sleep ${number}`), ...findByCommandLine(path)]
    await eventually(() => (left().length === 0 ? true : undefined), 'nothing left', 10_000)
    expect(left()).toEqual([])
  },
)
