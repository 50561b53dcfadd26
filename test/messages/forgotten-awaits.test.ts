import { expect, test } from 'vitest'
import { runVitest } from '../inner-run.js'

test('a forgotten await fails its own test, at its line', async () => {
  const { output, exitCode } = await runVitest('forgotten')
  const after = (title: string): string =>
    output.slice(output.lastIndexOf(`forgotten.test.ts > ${title}`)).slice(0, 1800)

  expect(exitCode).toBe(1)
  expect(output).toMatch(/Tests {2}10 failed \| 3 passed/)
  expect(output).not.toMatch(/Unhandled/)
  const stillLooking = 'was still looking: it was not awaited. Write `await expect(…).toThrowUnexpectedExit()`.'
  const expected: [title: string, says: string, line: number][] = [
    ['of a matcher of what is thrown', stillLooking, 7],
    ['of a matcher of a promise', stillLooking, 12],
    [
      'of a wait that is pending',
      'waitForOutput("never") was called and not awaited. Write `await ….waitForOutput("never")`.',
      16,
    ],
    ['of a wait that is over', 'waitForOutput("up") was called and not awaited.', 21],
    ['of a wait that was in vain', 'waitForExit() was called and not awaited.', 27],
    ['of a matcher that has failed', 'expect(…).toThrowUnexpectedExit() was called and not awaited. Write `await', 73],
    ['of a matcher that has passed', 'expect(…).toHaveOutput() was called and not awaited. Write `await', 80],
  ]
  for (const [title, says, line] of expected) {
    expect(after(title)).toContain(says)
    expect(after(title)).toMatch(new RegExp(String.raw`❯ forgotten\.test\.ts:${line}:\d+`))
  }
  // The hint is printed once, in the error or beside another one.
  expect(output.match(/hint: .* not awaited/g)).toHaveLength(2)
  expect(after('of a kill that comes too late')).toContain('kill() was called and not awaited.')
  expect(after('of a kill in a test that fails for it')).toMatch(
    /AssertionError: expected true to be false[^]*hint: kill\(\) was called and not awaited \(forgotten\.test\.ts:48\)/,
  )
  expect(after('of a test that fails for it')).toMatch(
    /AssertionError: expected '' to contain 'up'[^]*hint: waitForOutput\("up"\) was called and not awaited \(forgotten\.test\.ts:34\)/,
  )
})
