import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { createProctor, executable, json, type Proctor, type ProctorOptions } from 'proctor'
import { expect } from 'proctor/vitest'
import { describe, onTestFinished, test } from 'vitest'
import { rejectionOf } from '../rejection.js'

async function given(options: ProctorOptions = {}): Promise<Proctor> {
  const proctor = await createProctor({ waitTimeout: 10_000, ...options })
  onTestFinished(async () => void (await proctor.teardown().catch(() => {})))
  return proctor
}

function givenFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'proctors-own-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const thrownBy = (call: () => unknown): Error => {
  try {
    call()
  } catch (error) {
    return error as Error
  }
  throw new Error('Nothing was thrown.')
}

describe('a cwd', () => {
  test('outside of the workspace is that folder as it is', async () => {
    const folder = givenFolder()
    writeFileSync(join(folder, 'own.txt'), 'mine')
    const proctor = await given()
    const pwd = proctor.run('sh', ['-c', 'pwd; echo $$ > its.pid; cat own.txt; exec cat'], { cwd: folder })

    await pwd.waitForOutput(`${folder}\nmine`)
    await expect(pwd).toBeAlive('its.pid')
    expect(await proctor.workspace.list()).toEqual([])
    await pwd.kill()
    await expect(pwd).toBeDead('its.pid')
    await proctor.teardown()

    expect(readdirSync(folder).toSorted()).toEqual(['its.pid', 'own.txt'])
    await expect(proctor.workspace.exists('.')).resolves.toBe(false)
  })

  test('outside, if missing, gives an error that says so', async () => {
    const proctor = await given()
    const error = await rejectionOf(proctor.run('pwd', [], { cwd: '/nowhere/at/all' }).waitForExit())

    expect(error.message).toContain('Cannot start pwd: the cwd does not exist\n  cwd:  /nowhere/at/all')
  })

  test('that is relative and leaves the workspace says what to write', async () => {
    const proctor = await given()

    expect(thrownBy(() => proctor.run('pwd', [], { cwd: '../x' })).message).toBe(
      `run: the cwd "../x" leaves the workspace ${proctor.workspace.path}. For a copy of a folder: await workspace.copyFrom('folder'). ` +
        'To run in a folder as it is, an absolute cwd: join(import.meta.dirname, "../x").',
    )
    expect(proctor.processes).toEqual([])
  })
})

describe('an environment', () => {
  test('takes numbers', async () => {
    const proctor = await given({ env: { ROUNDS: 2.5 } })
    const { stdout } = await proctor
      .run('sh', ['-c', 'echo $PORT $ROUNDS ${GONE-gone}'], { env: { PORT: 3000, GONE: undefined } })
      .waitForSuccessfulExit()

    expect(stdout).toBe('3000 2.5 gone\n')
    const inTerminal = proctor.run('sh', ['-c', 'echo $PORT'], { env: { PORT: 0 }, terminal: true })
    expect((await inTerminal.waitForSuccessfulExit()).output).toBe('0\r\n')
  })

  test('takes nothing else', async () => {
    const proctor = await given()
    const accepted = 'Accepted is an object of names and strings or numbers (undefined removes a variable).'

    for (const [value, shown] of [
      [true, 'true'],
      [Number.NaN, 'NaN'],
      [null, 'null'],
      [['a'], 'an array'],
    ] as const) {
      const env = { X: value } as unknown as Record<string, string>
      expect(thrownBy(() => proctor.run('true', [], { env })).message).toBe(
        `run: env is an object with "X": ${shown}. ${accepted}`,
      )
    }
  })
})

describe('JSON', () => {
  test('is written with json()', async () => {
    const { workspace } = await given()
    await workspace.write({ 'package.json': json({ name: 'x' }), dir: { 'list.json': json([1, null]) } })
    await workspace.write('b.json', json('text'))

    expect(await workspace.read('package.json')).toBe('{\n  "name": "x"\n}\n')
    expect(JSON.parse(await workspace.read('dir/list.json'))).toEqual([1, null])
    expect(JSON.parse(await workspace.read('b.json'))).toBe('text')
  })

  test('that is invalid gives one clear error', () => {
    expect(thrownBy(() => json(undefined)).message).toBe('json(…): JSON cannot hold undefined.')
    expect(thrownBy(() => json(() => {})).message).toBe('json(…): JSON cannot hold function.')
  })

  test('that was meant gets a hint, and no folder', async () => {
    const { workspace } = await given()
    const object = await rejectionOf(workspace.write({ 'a.json': { name: 'x' } }))
    const list = await rejectionOf(workspace.write({ 'sub/a.json': ['x'] as unknown as string }))
    const content = await rejectionOf(workspace.write('a.json', { name: 'x' } as unknown as string))

    expect(object.message).toBe(
      `workspace.write(…): "a.json" would be a folder. A file of JSON is written with json({ … }), from 'proctor'. For a folder of that name: { "a.json/name": … }.`,
    )
    expect(list.message).toMatch(/"sub\/a\.json" is an array\. .* A file of JSON is written with json\(\{ … \}\)/)
    expect(content.message).toMatch(/content is a string or bytes, not object\. A file of JSON is written with json/)
    expect(await workspace.list()).toEqual([])
    await workspace.write({ 'a.json/name': 'x' })
    expect(await workspace.list()).toEqual(['a.json/name'])
  })
})

test.each([
  ['a promise that was not awaited', Promise.resolve('text')],
  ['a Date', new Date(0)],
  ['a Map', new Map([['name', 'x']])],
  ['a URL', new URL('file:///x')],
])('%s is no folder of a file tree', async (what, value) => {
  const { workspace } = await given()
  const error = await rejectionOf(workspace.write({ dir: { 'a.txt': value as unknown as string } }))

  expect(error.message).toBe(
    `workspace.write(…): "dir/a.txt" is ${what}. Accepted are text, bytes, executable(…), symlink(…) and folders of them.`,
  )
  expect(await workspace.exists('dir/a.txt')).toBe(false)
})

describe('bytes and regular expressions of another realm', () => {
  const foreign = runInNewContext(
    '({ bytes: new Uint8Array([104, 105, 10]), none: new Float64Array(1), pattern: /h(i)/, url: undefined })',
  ) as { bytes: Uint8Array; none: Uint8Array; pattern: RegExp }

  test('are taken for what they are', async () => {
    expect(foreign.bytes instanceof Uint8Array || foreign.pattern instanceof RegExp).toBe(false)
    const proctor = await given({ allow: [foreign.pattern] })
    const { workspace } = proctor
    await workspace.write({ a: foreign.bytes, dir: { b: foreign.bytes } })
    await workspace.write('c', foreign.bytes)
    await workspace.write({ d: executable(foreign.bytes) })
    for (const name of ['a', 'dir/b', 'c', 'd']) expect(await workspace.read(name)).toBe('hi\n')

    const cat = proctor.run('cat', [], { input: foreign.bytes })
    expect([...(await cat.waitForOutput(foreign.pattern))]).toEqual(['hi', 'i'])
    await expect(cat).toHaveOutput(foreign.pattern)
    const echo = proctor.run('cat')
    await echo.write(foreign.bytes)
    await echo.endInput()
    expect((await echo.waitForSuccessfulExit()).stdout).toBe('hi\n')
    await expect(workspace.write('e', foreign.none)).rejects.toThrow('content is a string or bytes, not object.')
  })
})

describe('an option that is not known', () => {
  test.each([
    [
      'timeut',
      'run: unknown option "timeut". Accepted are cwd, env, input, timeout, shell, leaks, allow, coverage, usage, parent, terminal. Did you mean timeout?',
    ],
    ['Shell', 'Did you mean shell?'],
    ['time', 'Did you mean timeout?'],
    [
      'stdio',
      "terminal. Standard input stays open until endInput(), and input: '' closes it at once; the output is always read.",
    ],
    ['reject', 'terminal. waitForExit() takes every exit, waitForSuccessfulExit() rejects on a failure.'],
    ['detached', 'terminal. It is not needed: every command leads a session and a group of its own.'],
  ])('%s', async (name, end) => {
    const proctor = await given()
    const { message } = thrownBy(() => proctor.run('true', [], { [name]: 1 }))

    expect(message.endsWith(end), message).toBe(true)
  })

  test('that is like no known name gets no guess', async () => {
    const proctor = await given()
    expect(thrownBy(() => proctor.run('true', [], { colour: 1 } as object)).message).toMatch(/ terminal\.$/)
    expect((await rejectionOf(createProctor({ constructor: 5 } as object))).message).toMatch(/ usage\.$/)
  })
})

describe('a file that is not there', () => {
  test('is told from what is beside it, one folder down, or of a name with backslashes', async () => {
    const { workspace } = await given()
    await workspace.write({ 'a.txt': '', 'run/server.pid': '1\n', 'notes\\sub\\b.md': '' })
    const said = async (path: string): Promise<string> => (await rejectionOf(workspace.read(path))).message
    const missing = (path: string): string => `Cannot read "${path}" in the workspace: ENOENT, there is no such file.`

    expect(await said('b.txt')).toBe(`${missing('b.txt')}\n  Beside it: a.txt, notes\\sub\\b.md, run`)
    expect(await said('server.pid')).toMatch(/\n {2}There is one in run\/server\.pid: was that meant\?$/)
    expect(await said('notes/sub/b.md')).toBe(
      `${missing('notes/sub/b.md')}\n  The folder ${workspace.path}/notes/sub does not exist.\n  There is one file of the name "notes\\\\sub\\\\b.md": a path has slashes here, no backslashes.`,
    )
  })

  test('of a pid is looked for one folder down, and read nowhere else', async () => {
    const proctor = await given()
    await proctor.workspace.write({ 'run/server.pid': `${process.pid}\n` })
    const error = await rejectionOf(expect(proctor.workspace).toBeAlive('server.pid', { timeout: 1 }))

    expect(error.message).toMatch(
      /^No pid file: server\.pid does not exist\.\n {2}file: .*\n {2}Beside it: run\n {2}There is one in run\/server\.pid: was that meant\?$/,
    )
  })
})

test('the pid of a program that has exited is refused', async () => {
  const proctor = await given()
  const program = proctor.run('true')
  await program.waitForExit()

  expect((await rejectionOf(expect(program.pid).toBeDead())).message).toBe(
    'toBeDead: received undefined. Accepted is a process, a workspace with a pid file, or a pid. ' +
      'A process that has exited has no pid any more: write expect(process).toBeDead(), or keep its pid while it runs.',
  )
})
