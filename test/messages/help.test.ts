import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProctor, type Proctor, type ProctorError, type ProctorOptions } from 'proctor'
import { expect } from 'proctor/vitest'
import { describe, onTestFinished, test } from 'vitest'
import { nearestHint, projectPathHint } from '../../src/command/hints.js'
import { rejectionOf } from '../rejection.js'

// What stands below the message of an error, wherever a runner prints it. The message itself stays exactly the same.

async function given(options: ProctorOptions = {}): Promise<Proctor> {
  const proctor = await createProctor({ unexpectedExit: 'ignore', ...options })
  onTestFinished(async () => void (await proctor.teardown()))
  return proctor
}

/** The lines that are printed below the message, both by Vitest and by whatever prints a stack. */
function helpBelow(error: Error): string[] {
  const printed = (error as ProctorError).toJSON().message
  expect(printed.startsWith(`${error.message}`)).toBe(true)
  expect(error.stack!.startsWith(`${error.name}: ${printed}`)).toBe(true)
  const below = printed.slice(error.message.length)
  return below === '' ? [] : below.replace(/^\n\n/, '').split('\n')
}

/** Prints a text and stays. Its input is closed, so that no hint about an open input applies. */
const saying = (proctor: Proctor, text: string): ReturnType<Proctor['run']> =>
  proctor.run('sh', ['-c', 'printf "%s\n" "$1"; exec sleep 60', 'sh', text], { input: '' })

describe('a wait that times out', () => {
  test.each<[string | RegExp, string, string[]]>([
    ['listening on', 'Listening on 3000', ['the nearest line is "Listening on 3000": upper and lower case differ']],
    [/listening on/, 'Listening on 3000', ['the nearest line is "Listening on 3000": upper and lower case differ']],
    ['ready  in', 'ready in 3 ms', ['the nearest line is "ready in 3 ms": the blanks differ']],
    ['server started', 'server has started', ['the nearest line is "server has started"']],
    ['something else', 'Listening on 3000', []],
  ])('%o in %o', async (pattern, output, nearest) => {
    const program = saying(await given(), output)
    await program.waitForOutput(output)
    const error = await rejectionOf(program.waitForOutput(pattern as string, { timeout: 100 }))

    expect(error.message).toBe(`Timed out after 0.1 seconds:\n\n${output}`)
    const shown = typeof pattern === 'string' ? JSON.stringify(pattern) : String(pattern)
    expect(helpBelow(error)).toEqual([`waited 0.1 seconds for waitForOutput(${shown})`, ...nearest])
  })

  test('says that the text is elsewhere', async () => {
    const program = saying(await given(), 'ready')
    await program.waitForOutput('ready')
    const since = program.mark()

    expect(helpBelow(await rejectionOf(program.waitForOutput('ready', { since, timeout: 50 })))).toEqual([
      'waited 0.05 seconds for waitForOutput("ready")',
      'it stands in the output before the mark of `since`, and not after it',
    ])
    expect(helpBelow(await rejectionOf(program.waitForOutput('ready', { stream: 'stderr', timeout: 50 })))).toEqual([
      'waited 0.05 seconds for waitForOutput("ready")',
      'it was written to stdout, and the wait looks at stderr',
    ])
  })

  test('for a screen', async () => {
    const { run } = await given()
    const menu = run('sh', ['-c', String.raw`printf 'Choose one'; read _; printf '\033[2J\033[Hchosen'; exec cat`], {
      terminal: true,
    })
    await menu.waitForScreen('Choose')
    expect(helpBelow(await rejectionOf(menu.waitForScreen('choose', { timeout: 50 })))).toEqual([
      'waited 0.05 seconds for waitForScreen("choose")',
      'the nearest line is "Choose one": upper and lower case differ',
    ])
    await menu.press('Enter')
    await menu.waitForScreen('chosen')
    expect(helpBelow(await rejectionOf(menu.waitForScreen('Choose one', { timeout: 50 })))).toEqual([
      'waited 0.05 seconds for waitForScreen("Choose one")',
      'it was written, and is not on the screen any more',
    ])
  })

  test('for a port says who listens where', async () => {
    const { run } = await given({ waitTimeout: 10_000 })
    const server = run('node', ['-e', `require('net').createServer().listen(0, '127.0.0.1')`])
    const port = await server.waitForPort()
    const other = port === 65_535 ? port - 1 : port + 1
    const silent = run('sleep', ['60'], { input: '' })

    expect(helpBelow(await rejectionOf(server.waitForPort(other, { timeout: 300 })))).toContain(
      `Its processes listen on 127.0.0.1:${port}, and nobody on ${other}.`,
    )
    expect(helpBelow(await rejectionOf(silent.waitForPort(undefined, { timeout: 300 })))).toEqual([
      'waited 0.3 seconds for waitForPort()',
      'Its processes listen on no port.',
    ])
    expect(helpBelow(await rejectionOf(silent.waitForHttp('/x', { timeout: 300 })))).toEqual([
      'waited 0.3 seconds for waitForHttp(/x)',
      'Its processes listen on no port.',
    ])
  })
})

describe('an open standard input', () => {
  const hint =
    "hint: its standard input is open, and nothing was written to it. A program that reads it waits: run(…, { input: '' }) or endInput() closes it"

  test('of a program that reads it', async () => {
    const { run } = await given()
    const wc = run('wc', ['-l'])

    expect(helpBelow(await rejectionOf(wc.waitForExit({ timeout: 50 })))).toEqual([
      'waited 0.05 seconds for waitForExit()',
      hint,
    ])
    expect(helpBelow(await rejectionOf(wc.waitForOutput('0', { timeout: 50 })))).toContain(hint)
    await wc.write('one\n')
    expect(helpBelow(await rejectionOf(wc.waitForExit({ timeout: 50 })))).toEqual([
      'waited 0.05 seconds for waitForExit()',
      'hint: its standard input is still open. A program that reads it to the end waits: endInput() closes it',
    ])
    expect(helpBelow(await rejectionOf(wc.waitForOutput('0', { timeout: 50 }))).join()).not.toContain('still open')
    await wc.endInput()
    await wc.waitForSuccessfulExit()
  })

  test('of no other', async () => {
    const { run } = await given()
    const closed = run('sleep', ['60'], { input: '' })
    const server = run('sh', ['-c', 'echo up; exec sleep 60'])
    await server.waitForOutput('up')

    expect(helpBelow(await rejectionOf(closed.waitForExit({ timeout: 50 })))).not.toContain(hint)
    expect(helpBelow(await rejectionOf(server.waitForOutput('more', { timeout: 50 })))).not.toContain(hint)
  })
})

describe('a matcher', () => {
  const ended = { timeout: 50 }

  test('says the same of an open input', async () => {
    const { run } = await given()
    const wc = run('wc', ['-l'])
    const [exit, output] = [expect(wc).toHaveExitedWith(0, ended), expect(wc).toHaveOutput('0', ended)]

    expect((await rejectionOf(exit)).message).toMatch(
      /No output so far\.\nhint: its standard input is open, and nothing/,
    )
    expect((await rejectionOf(output)).message).toMatch(
      /No output so far\.\nhint: its standard input is open, and nothing/,
    )
    expect((await rejectionOf(expect(wc).not.toHaveOutput('', ended))).message).not.toContain('hint')
  })

  test('shows the nearest line, and where a path is', async () => {
    const proctor = await given()
    const program = saying(proctor, 'Listening on 3000')
    await program.waitForOutput('Listening')
    const output = await rejectionOf(expect(program).toHaveOutput('listening on', ended))
    const exit = await rejectionOf(expect(proctor.run('node', ['package.json'], { input: '' })).toHaveExitedWith(0))

    expect(output.message).toMatch(/\nthe nearest line is "Listening on 3000": upper and lower case differ$/)
    expect(exit.message).toMatch(/\nhint: package\.json is in .*, and not in the workspace/)
  })
})

describe('a path that is meant relative to the project', () => {
  const root = process.cwd()

  test.each<[string, string[], string]>([
    ['node', ['src/cli.ts', '--help'], `run('node', [resolve('src/cli.ts'), …])`],
    ['node', ['--no-warnings', './src/cli.ts'], `run('node', […, resolve('./src/cli.ts')])`],
    ['node', ['package.json'], `run('node', [resolve('package.json')])`],
    ['sh', ['src/cli.ts'], `run('sh', [resolve('src/cli.ts')])`],
  ])('%s %o', async (command, args, call) => {
    const proctor = await given()
    const program = proctor.run(command, args)
    const error = await rejectionOf(program.waitForSuccessfulExit())
    const path = args.find((arg) => !arg.startsWith('-'))!

    expect(error.name).toBe('FailedExitError')
    expect(helpBelow(error)).toEqual([
      `hint: ${path} is in ${root}, and not in the workspace, where the command runs. Write ${call}, with resolve from node:path`,
    ])
    expect(helpBelow(await rejectionOf(proctor.run(command, args).waitForOutput('never')))).toEqual(helpBelow(error))
  })

  test('is found when it was written with backslashes, here and there', async () => {
    const { run, workspace } = await given()
    await workspace.write({ 'sub/a.js': 'process.exit(1)', 'b\\c.js': 'process.exit(1)' })
    const hints = async (...args: string[]): Promise<string[]> =>
      helpBelow(await rejectionOf(run('node', args).waitForSuccessfulExit()))

    expect(await hints('sub\\a.js')).toEqual([
      'hint: there is a file sub/a.js: a path has slashes here, no backslashes',
    ])
    expect(await hints('src\\cli.ts')).toEqual([
      `hint: src/cli.ts is in ${root}, and not in the workspace, where the command runs. Write run('node', [resolve('src/cli.ts')]), with resolve from node:path`,
    ])
    // A file with exactly this name exists, or none does.
    expect(await hints('b\\c.js')).toEqual([])
    expect(await hints('no\\where.js')).toEqual([])
    expect(await hints('-e', String.raw`throw '\d'`)).toEqual([])
  })

  test('as the program itself', async () => {
    const { run } = await given()
    const error = await rejectionOf(run('./dist/cli.cjs').waitForExit())

    expect(error.name).toBe('SpawnError')
    expect(helpBelow(error)).toEqual([
      `hint: ./dist/cli.cjs is in ${root}, and not in the workspace, where the command runs. Write run(resolve('./dist/cli.cjs')), with resolve from node:path`,
    ])
  })

  test('is only given if the file is in the project and not where the command runs', () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'proctors-hint-')))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const name of ['cwd', 'project']) mkdirSync(join(folder, name))
    for (const name of ['cwd/both.js', 'project/both.js', 'project/only.js', 'project/test']) {
      writeFileSync(join(folder, name), '')
    }
    const hint = (...words: string[]): string | undefined =>
      projectPathHint({ words, cwd: join(folder, 'cwd'), isInWorkspace: false }, join(folder, 'project'))

    expect(hint('node', 'only.js')).toContain(`hint: only.js is in ${folder}/project, and not in ${folder}/cwd, where`)
    for (const words of [
      ['both.js'],
      ['neither.js'],
      ['npm', 'test'],
      ['--only.js'],
      [join(folder, 'project/only.js')],
    ]) {
      expect(hint('node', ...words)).toBeUndefined()
    }
    expect(projectPathHint({ words: ['only.js'], cwd: '/a', isInWorkspace: true }, '/a')).toBeUndefined()
  })

  test('a program that ends well gets no hint', async () => {
    const { run } = await given()
    const program = run('sh', ['-c', 'true', 'package.json'])
    await program.waitForExit()

    expect(helpBelow(await rejectionOf(program.kill()))).toEqual([])
  })
})

test.each<[string, string[], string]>([
  ['node cli.js --help', [], "hint: write run('node', ['cli.js', '--help'])"],
  ['npm.cmd', ['test'], "hint: npm.cmd is a name of Windows', and this is no Windows: run('npm')"],
  ['bin\\tool', [], 'hint: a path has slashes here, no backslashes'],
  [
    './plain.sh',
    [],
    "hint: a file of the workspace that is to be run is written with executable('#!/bin/sh\\n…'), from 'proctor'",
  ],
])('a command that cannot be started says what to write: %s', async (command, args, hint) => {
  const { run, workspace } = await given()
  await workspace.write('plain.sh', 'echo no')
  const error = await rejectionOf(run(command, args).waitForExit())

  expect(error.name).toBe('SpawnError')
  expect(helpBelow(error)).toEqual([hint])
})

test('PATH is shown once, and not all of it', async () => {
  const { run } = await given({ env: { PATH: '/a:/b:/a:/c:/d:/e:/f:/g:/b' } })
  const error = await rejectionOf(run('no-such-program').waitForExit())
  const [, , path] = error.message.split('\n')

  expect(path).toMatch(/^  PATH: (?:[^:]+:){5}… \(\d+ more\)$/)
})

test('AlreadyExitedError says which call has ended the program', async () => {
  const { run } = await given()
  const cat = run('cat')
  await cat.kill()
  const again = await rejectionOf(cat.kill())
  const written = await rejectionOf(cat.write('x'))

  expect(again.message).toBe('Process already exited with signal SIGKILL. Output:\n')
  expect(helpBelow(again)).toEqual([expect.stringMatching(/^kill\(\) at help\.test\.ts:\d+ has ended it$/)])
  expect(helpBelow(written)).toEqual(helpBelow(again))
})

test('a huge output takes no noticeable time', () => {
  expect(nearestHint('wanted text', `${'x'.repeat(5_000_000)}\n${'wanted tex\n'.repeat(10_000)}`)).toBe(
    'the nearest line is "wanted tex"',
  )
})
