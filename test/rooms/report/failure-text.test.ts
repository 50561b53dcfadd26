import { describe, expect, test } from 'vitest'
import { formatCommands, hasColours } from '../../../src/report/failure-text.js'
import { countOnto, type ProctorMeta } from '../../../src/runners/vitest/task-meta.js'
import { describeFailure } from '../../../src/runners/vitest/task-report.js'
import { formatSummary } from '../../../src/runners/vitest/summary.js'
import { escapeControls, escapeText } from '../../../src/base/escape.js'
import type { CommandProcess } from '../../../src/command/command-process.js'
import type { FixtureProctor } from '../../../src/fixture/proctor.js'
import type { TeardownOutcome } from '../../../src/report/teardown-report.js'
import { givenProctor, node, rejection, shell } from '../given.js'

async function teardown(proctor: FixtureProctor): Promise<TeardownOutcome> {
  await proctor.teardown()
  return proctor.outcome!
}

const colours = { colours: true }

describe('the commands of a failed test', () => {
  test('signals stand among the output, each with its time', async () => {
    const proctor = await givenProctor()
    const process = node(
      proctor,
      `process.on('SIGHUP', () => console.log('reloaded')); console.log('up'); setInterval(() => {}, 1000)`,
    )
    await process.waitForOutput('up')
    process.signal('SIGHUP')
    await process.waitForOutput('reloaded')
    await process.kill()
    const text = formatCommands(await teardown(proctor))
    const rows = text.split('\n').filter((line) => line.includes('│'))
    expect(rows.map((row) => row.replace(/^ {2}│ +\d+ ms {2}/, ''))).toEqual([
      'up',
      '── SIGHUP from the test',
      'reloaded',
      '── SIGKILL from the test',
    ])
    // The times are aligned below each other.
    expect(new Set(rows.map((row) => row.indexOf(' ms ')))).toHaveLength(1)
  })

  test('commands that could not start, wrote nothing, or overwrote their line', async () => {
    const proctor = await givenProctor({ unexpectedExit: 'ignore' })
    await rejection(proctor.run('no-such-program').waitForExit())
    await proctor.run('true').waitForExit()
    await shell(proctor, String.raw`printf '10%%\r50%%\r100%%\r\n\033[1mbold\033[0m\n'; exit 3`).waitForExit()
    const text = formatCommands(await teardown(proctor))
      .replaceAll(/\d+ ms/g, 'N ms')
      .replaceAll(/ {2,}/g, '  ')
    expect(text).toMatch(
      /^The test ran 3 commands\n\n {2}no-such-program {2}could not be started {2}\(cwd <workspace>\)\n\n/,
    )
    expect(text).toContain('\n\n  true  exited 0 after N ms  (cwd <workspace>)\n  │ no output\n')
    expect(text).toMatch(/\n {2}│ N ms {2}100%\n {2}│ N ms {2}bold$/)
  })

  test('output that is in the error by chance is still shown', async () => {
    const proctor = await givenProctor()
    await shell(proctor, 'echo 2').waitForExit()
    const outcome = await teardown(proctor)
    expect(formatCommands(outcome, { beside: 'expected 1 to be 2 // Object.is equality' })).toMatch(/ms {2}2$/)
    expect(formatCommands(outcome, { beside: 'Output:\n2' })).toContain('its output is shown above')
  })

  test('only a test that awaits the handle itself gets a hint', async () => {
    const hint = 'hint: `await run(…)` does not wait for the end of a command; `await run(…).waitForExit()` does'
    const textAfter = async (act: (process: CommandProcess) => unknown): Promise<string> => {
      const proctor = await givenProctor()
      await act(shell(proctor, 'echo hello'))
      return formatCommands(await teardown(proctor))
    }
    expect(await textAfter((process) => Promise.resolve(process))).toContain(`\n\n${hint}`)
    expect(await textAfter((process) => process.waitForExit())).not.toContain('hint')
    expect(await textAfter(async (process) => (await Promise.resolve(process)).waitForExit())).not.toContain('hint')
  })

  test('a command in a terminal is shown as its screen was', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sh', ['-c', String.raw`printf 'one\r\033[31mtwo\033[0m\r\n  three\r\n'`], {
      terminal: true,
    })
    await process.waitForExit()
    expect(process.snapshot()).toBe('two\n  three')
    expect(formatCommands(await teardown(proctor))).toMatch(/\(cwd <workspace>\)\n {2}│ two\n {2}│ {3}three$/)
  })

  test('colours only when asked for; the words are the same', async () => {
    const proctor = await givenProctor()
    await shell(proctor, 'echo out; echo err >&2').waitForExit()
    const outcome = await teardown(proctor)
    const coloured = formatCommands(outcome, colours)
    expect(coloured).toContain('\u001B[')
    // oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for.
    expect(coloured.replaceAll(/\u001B\[\d+m/g, '')).toBe(formatCommands(outcome))
    expect(formatCommands(outcome)).not.toContain('\u001B')
    expect(formatCommands({ ...outcome, report: { ...outcome.report, commands: [] } })).toBe('')
    const [command] = outcome.report.commands
    const commands = Array.from({ length: 12 }, () => command!)
    const many = formatCommands({ ...outcome, report: { ...outcome.report, commands } })
    expect(many).toMatch(/^The test ran 12 commands, the last 10 of which were\n/)
    expect(many.match(/exited 0/g)).toHaveLength(10)
  })

  test('a terminal, NO_COLOR and FORCE_COLOR decide', () => {
    const isTerminal = process.stdout.isTTY === true
    expect(hasColours({})).toBe(isTerminal)
    expect(hasColours({ FORCE_TTY: 'true' })).toBe(true)
    expect(hasColours({ FORCE_TTY: 'true', NO_COLOR: '1' })).toBe(false)
    expect(hasColours({ FORCE_TTY: 'true', NO_COLOR: '' })).toBe(true)
    expect(hasColours({ FORCE_TTY: 'true', TERM: 'dumb' })).toBe(false)
    expect(hasColours({ FORCE_COLOR: '1' })).toBe(true)
    expect(hasColours({ FORCE_COLOR: '0', FORCE_TTY: 'true' })).toBe(false)
  })

  test('output that the error shows is not shown twice, however it is spelled there', async () => {
    const proctor = await givenProctor({ unexpectedExit: 'ignore' })
    await shell(proctor, String.raw`printf '\033[31mred\033[0m\nlast\n'; exit 1`).waitForExit()
    const outcome = await teardown(proctor)
    const isShown = (beside: string): boolean => /│ +\d+ ms {2}last/.test(formatCommands(outcome, { beside }))
    expect(isShown('Output:\n\u001B[31mred\u001B[0m\nlast')).toBe(false)
    expect(isShown('Output:\nred')).toBe(true)
    expect(isShown('')).toBe(true)
  })
})

describe('what goes along with a task', () => {
  test('the text goes to the first error of this attempt', async () => {
    const proctor = await givenProctor({ unexpectedExit: 'ignore' })
    const error = await rejection(
      shell(proctor, String.raw`printf '\033[2J\n::error::x\n'; exit 1`).waitForSuccessfulExit(),
    )
    const outcome = await teardown(proctor)
    const copy = { name: error.name, message: error.message, stack: error.stack! }
    const task = {
      meta: {} as { proctor?: ProctorMeta },
      result: { errors: [{ message: 'of an earlier attempt' }, copy] },
    }
    countOnto(task, outcome)
    const artifact = describeFailure(task, outcome, 1)
    expect(task.result.errors[0]).toEqual({ message: 'of an earlier attempt' })
    expect(error.message).toBe('Process exited with non-zero exit code 1. Output:\n\u001B[2J\n::error::x')
    expect(copy).toMatchObject({ diff: expect.stringMatching(/^The test ran 1 command\n/) as string })
    expect(task.meta.proctor).toMatchObject({ commands: 1, failed: [{ exitCode: 1 }] })
    expect(artifact).toMatchObject({ type: 'proctor:commands', commands: [{ exitCode: 1 }] })
    // The artifact survives being sent to another process, and being written to a file.
    expect(JSON.parse(JSON.stringify(artifact))).toEqual(artifact)
    expect(structuredClone(task.meta)).toEqual(task.meta)
  })

  test('a diff that is there stays, and goes first', async () => {
    const proctor = await givenProctor()
    await proctor.run('true').waitForExit()
    const error = { name: 'AssertionError', message: 'no', diff: '- a\n+ b' }
    describeFailure({ meta: {}, result: { errors: [error] } }, await teardown(proctor), 0)
    expect(error.diff).toMatch(/^- a\n\+ b\n\nThe test ran 1 command\n/)
  })

  test('a run in one line', () => {
    const meta = { commands: 1, ended: 0, leaks: 0, teardownMs: 5 }
    expect(formatSummary([])).toBeUndefined()
    expect(
      formatSummary([
        { name: 'a', meta: undefined },
        { name: 'b', meta: { ...meta, commands: 0 } },
      ]),
    ).toBeUndefined()
    expect(formatSummary([{ name: 'a', meta }])).toBe(
      'proctor: 1 command run, 0 processes ended at teardown, 0 leaks, slowest teardown 5 ms (a)',
    )
    const slow = { commands: 3, ended: 1, leaks: 1, teardownMs: 131 }
    expect(
      formatSummary([
        { name: 'a', meta },
        { name: 'b\u001B', meta: slow },
      ]),
    ).toBe('proctor: 4 commands run, 1 process ended at teardown, 1 leak, slowest teardown 131 ms (b^[)')
    const large = { ...meta, peakMemory: 64_240_000 }
    expect(
      formatSummary([
        { name: 'a', meta },
        { name: 'c', meta: large },
      ]),
    ).toMatch(/, slowest teardown 5 ms \(a\), most memory 64\.2 MB \(c\)$/)
  })
})

describe('escaping', () => {
  test('of one line, and of a text', () => {
    expect(escapeControls('a\tb\r\u0000\u009B\u2028')).toBe('a    b^M^@\\u009b\\u2028')
    expect(escapeText('a\tb\r\nc\rd\u007F')).toBe('a\tb\nc^Md\\u007f')
    expect(escapeText('::a\n  ::b\nc::d\n##[e]')).toBe('\\::a\n  \\::b\nc::d\n##\\[e]')
    expect(escapeControls('::a')).toBe('\\::a')
  })
})
