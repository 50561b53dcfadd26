import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openFifo } from '../../../../src/command/launch/fifo.js'
import { preparePortableStart, startPortably } from '../../../../src/command/launch/portable.js'
import type { SpawnRequest } from '../../../../src/command/launch/request.js'
import type { Pipe } from '../../../../src/system/posix-spawn.js'
import type { Exit } from '../../../../src/command/process.js'
import type { Transport } from '../../../../src/command/transport.js'
import { SpawnError } from '../../../../src/base/errors.js'
import { executable } from '../../../../src/workspace/file-tree.js'
import { dist, inRoot } from '../../../inner-run.js'
import { uniqueNumber } from '../../../machine.js'
import { givenProctor, shell } from '../../given.js'

// What both ways to start a command have in common, tested with the one that this run uses. The project `portable` uses
// the other one.

describe('what is started', () => {
  test('/bin/sh runs a script without a #! line', async () => {
    const proctor = await givenProctor()
    await proctor.workspace.write({ 'bin/tool': executable('echo "$0 $1 $(tr "\\\\0" " " < /proc/$$/cmdline)"\n') })
    const path = { PATH: `${proctor.workspace.resolve('bin')}:/usr/bin:/bin` }
    const here = await proctor.run('./bin/tool', ['a']).waitForSuccessfulExit()
    const onPath = await proctor.run('tool', ['b'], { env: path }).waitForSuccessfulExit()
    const file = proctor.workspace.resolve('bin/tool')
    expect(here.stdout).toBe('./bin/tool a /bin/sh ./bin/tool a \n')
    expect(onPath.stdout).toBe(`${file} b /bin/sh ${file} b \n`)
  })

  test('a signal with two names gets the common one', async () => {
    const proctor = await givenProctor()
    const signals = ['ABRT', 'IO', 'TERM', 'SEGV']
    const exits = signals.map((signal) => shell(proctor, `ulimit -c 0; kill -${signal} $$`).waitForExit())
    const seen = (await Promise.all(exits)).map(({ exitSignal }) => exitSignal)
    expect(seen).toEqual(['SIGABRT', 'SIGIO', 'SIGTERM', 'SIGSEGV'])
  })

  test('a death by a real-time signal, which Node takes for exit code 0', async () => {
    const proctor = await givenProctor()
    const begin = (signal: number) => shell(proctor, `printf out; kill -${signal} $$`).waitForExit()
    // libuv waits for all its children at once, and the portable start has to look before that: there, one by one.
    const isPortable = globalThis.process.env['PROCTOR_LAUNCH'] === 'portable'
    const exits: Exit[] = []
    for (const together of isPortable ? [[35], [40], [64]] : [[35, 40, 64]]) {
      exits.push(...(await Promise.all(together.map(begin))))
    }
    const seen = exits.map(({ exitCode, exitSignal, stdout }) => ({ exitCode, exitSignal, stdout }))
    const died = (exitSignal: string) => ({ exitCode: null, exitSignal, stdout: 'out' })
    expect(seen).toEqual(['SIG35', 'SIG40', 'SIG64'].map(died))
  })

  test('its own name is the one that was asked for', async () => {
    const proctor = await givenProctor()
    const { stdout } = await proctor.run('cat', ['/proc/self/cmdline']).waitForSuccessfulExit()
    expect(stdout).toBe('cat\0/proc/self/cmdline\0')
  })

  test('PATH is searched as execvp(3) does: in order, relative folders below the cwd, past what cannot be run', async () => {
    const proctor = await givenProctor()
    await proctor.workspace.write({
      'sub/first/tool': 'not executable',
      'sub/second/tool': { 'a-folder': '' },
      'sub/third/tool': executable('#!/bin/sh\necho third\n'),
      'sub/fourth/tool': executable('#!/bin/sh\necho fourth\n'),
      'sub/broken/tool': executable('#!/no/such/interpreter\n'),
      'sub/tool': executable('#!/bin/sh\necho current\n'),
    })
    const tool = async (...folders: string[]): Promise<string> =>
      (await proctor.run('tool', [], { cwd: 'sub', env: { PATH: folders.join(':') } }).waitForExit()).stdout
    expect(await tool('first', 'none', 'second', 'broken', 'third', 'fourth')).toBe('third\n')
    expect(await tool('', 'third')).toBe('current\n')
  })

  test('it leads a session and a group of its own, without a terminal', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'cut -d" " -f 1,4-7 /proc/$$/stat')
    const { pid } = process
    const { stdout } = await process.waitForSuccessfulExit()
    const [own, parent, group, session, terminal] = stdout.trim().split(' ').map(Number)
    expect([own, group, session, terminal]).toEqual([pid, pid, pid, 0])
    expect(parent).toBe(globalThis.process.pid)
  })

  test('names and values of any language, and empty ones', async () => {
    const proctor = await givenProctor()
    const env = { GRUSS: 'grüße 🌍', EMPTY: '' }
    const { stdout } = await proctor
      .run('sh', ['-c', 'echo "$1|$2|$GRUSS|$EMPTY|"', 'sh', '日本', ''], { env })
      .waitForExit()
    expect(stdout).toBe('日本||grüße 🌍||\n')
  })

  test('arguments of any length, of one command after the other', async () => {
    const proctor = await givenProctor()
    for (const text of ['short', 'x'.repeat(100_000), '', 'ü'.repeat(40_000), 'shorter']) {
      const words = ['%s\\0', text, 'and', '日本', '']
      const { stdout } = await proctor.run('printf', words).waitForSuccessfulExit()
      expect(stdout.split('\0')).toEqual([...words.slice(1), ''])
    }
  })

  test('output of a program that has exited before the event loop turns', async () => {
    const proctor = await givenProctor()
    const commands = [1, 2, 3].map((number) => shell(proctor, `echo ${number}; echo e${number} >&2`))
    const { pid } = commands.at(-1)!
    // Its state is Z once it has exited: nobody waits for it meanwhile.
    while (!readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')) continue
    const exits = await Promise.all(commands.map((command) => command.waitForSuccessfulExit()))
    expect(exits.map(({ stdout, stderr }) => stdout + stderr)).toEqual(['1\ne1\n', '2\ne2\n', '3\ne3\n'])
  })

  test.each([
    ['exit 7', 7, null],
    ['kill -9 $$', null, 'SIGKILL'],
    ['kill -SEGV $$', null, 'SIGSEGV'],
    ['exec false', 1, null],
  ])('%s: its exit is told', async (script, code, signal) => {
    const proctor = await givenProctor()
    const { exitCode, exitSignal } = await shell(proctor, script).waitForExit()
    expect([exitCode, exitSignal]).toEqual([code, signal])
  })

  test('two hundred at once: each has its own exit and output', async () => {
    const proctor = await givenProctor()
    const numbers = Array.from({ length: 200 }, (_, number) => number)
    const exits = await Promise.all(
      numbers.map((number) => shell(proctor, `echo ${number}; exit ${number}`).waitForExit({ timeout: 20_000 })),
    )
    expect(exits.map(({ exitCode, stdout }) => `${exitCode} ${stdout.trim()}`)).toEqual(
      numbers.map((number) => `${number} ${number}`),
    )
  })
})

describe('SIGCHLD', () => {
  test('we add no signal listener, and removing all of them does not stop us', async () => {
    const proctor = await givenProctor()
    const before = process.eventNames()
    const command = shell(proctor, 'read line; exit 3')
    expect(process.eventNames()).toEqual(before)
    expect(process.listenerCount('SIGCHLD')).toBe(0)
    let heard = 0
    process.on('SIGCHLD', () => (heard += 1))
    onTestFinished(() => void process.removeAllListeners('SIGCHLD'))
    process.removeAllListeners('SIGCHLD')
    process.on('SIGCHLD', () => (heard += 1))
    await command.endInput()
    expect((await command.waitForExit()).exitCode).toBe(3)
    // The signal is reported in a turn of the event loop of its own, after libuv has looked at its children.
    await vi.waitFor(() => expect(heard).toBeGreaterThan(0), { timeout: 10_000 })
  })

  test('the exits of the test’s own children are not lost', async () => {
    const proctor = await givenProctor()
    const commands = Array.from({ length: 10 }, (_, number) => shell(proctor, `exit ${number}`))
    const own = Array.from({ length: 10 }, (_, number) => spawn('sh', ['-c', `exit ${number + 10}`]))
    const codes = own.map((child) => new Promise<number | null>((resolve) => child.once('exit', resolve)))
    expect(await Promise.all(codes)).toEqual(own.map((_, number) => number + 10))
    const exits = await Promise.all(commands.map((command) => command.waitForExit()))
    expect(exits.map(({ exitCode }) => exitCode)).toEqual(commands.map((_, number) => number))
  })

  test('an exit right after the start is reported at once, not by the slow look for missed signals', async () => {
    const proctor = await givenProctor()
    const timeOf = async (run: () => Promise<unknown>): Promise<number> => {
      const begin = performance.now()
      for (let round = 0; round < 20; round += 1) await run()
      return performance.now() - begin
    }
    const byHand = (): Promise<unknown> => new Promise((resolve) => spawn('true').once('exit', resolve))
    await proctor.run('true').waitForExit()
    const [plain, ours] = [await timeOf(byHand), await timeOf(() => proctor.run('true').waitForExit())]
    // Twenty slow looks take ten seconds, some thousand times as long as a child takes.
    expect(ours / plain).toBeLessThan(50)
  })

  test('execSync, which blocks the event loop, loses no exit', async () => {
    const proctor = await givenProctor()
    const command = shell(proctor, 'exit 5')
    execFileSync('sleep', ['0.3'])
    expect((await command.waitForExit()).exitCode).toBe(5)
  })
})

/** Runs a script in a separate Node process that imports the built package. */
function runScript(text: string, setUp = ''): string {
  const file = inRoot(`test/.start-${process.pid}-${Math.random().toString(36).slice(2)}.mjs`)
  writeFileSync(file, text.replaceAll("'proctor'", JSON.stringify(`${dist}/index.js`)))
  onTestFinished(() => import('node:fs').then(({ rmSync }) => rmSync(file)))
  const line = `${setUp} exec '${process.execPath}' '${file}'`
  return execFileSync('sh', ['-c', line], { encoding: 'utf8', timeout: 25_000 })
}

describe('a process that runs commands', () => {
  test('ends by itself when they have', () => {
    const output = runScript(`
      import { createProctor } from 'proctor'
      const proctor = await createProctor()
      await proctor.run('sh', ['-c', 'exec >&- 2>&-; read line']).endInput()
      await proctor.processes[0].waitForExit()
      await proctor.teardown()
      process.once('exit', () => console.log('the end'))
    `)
    expect(output).toBe('the end\n')
  })

  test('lives as long as one of them', () => {
    const output = runScript(`
      import { createProctor } from 'proctor'
      const proctor = await createProctor()
      void proctor.run('sh', ['-c', 'exec >&- 2>&-; sleep 0.5; exit 4']).waitForExit({ timeout: 20000 }).then(async (exit) => {
        console.log(exit.exitCode)
        await proctor.teardown()
      })
    `)
    expect(output).toBe('4\n')
  })

  const few = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((left) => ({ left, isFirst: false }))
  const first = [2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14].map((left) => ({ left, isFirst: true }))
  test.each([...few, ...first])(
    'is told that it has too few file descriptors, with $left left, by its first start: $isFirst',
    ({ left, isFirst }) => {
      const number = uniqueNumber()
      const output = runScript(
        `
        import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
        import { createProctor, SpawnError } from 'proctor'
        const proctor = await createProctor({ waitTimeout: 20000 })
        if (!${isFirst}) await proctor.run('true').waitForExit()
        const held = []
        try { for (;;) held.push(openSync('/dev/null', 'r')) } catch {}
        for (const descriptor of held.splice(0, ${left})) closeSync(descriptor)
        let error
        let command
        try {
          command = proctor.run('sh', ['-c', 'echo started; exec sleep ${number}'])
          await command.waitForOutput('started')
        } catch (caught) { error = caught }
        for (const descriptor of held) closeSync(descriptor)
        if (error === undefined) await command.kill()
        else if (!/EMFILE|ENFILE/.test(error.message)) throw error
        console.log(error === undefined ? 'started' : error instanceof SpawnError ? 'refused' : 'thrown')
        console.log((await proctor.run('echo', ['again']).waitForExit()).stdout)
        await proctor.teardown()
        const alive = readdirSync('/proc').filter((pid) => /^\\d+$/.test(pid)).filter((pid) => {
          try { return readFileSync('/proc/' + pid + '/cmdline', 'utf8') === 'sleep\\0' + '${number}\\0' } catch { return false }
        })
        console.log(alive.length)
      `,
        'ulimit -n 64;',
      )
      expect(output).toMatch(left < 5 ? /^refused\nagain\n\n0\n$/ : /^(?:started|refused|thrown)\nagain\n\n0\n$/)
    },
  )
})

test('the CommonJS build goes on where fake timers replace what node:timers has, which it would read at each call', () => {
  const output = runScript(`
    import { createRequire } from 'node:module'
    const require = createRequire(import.meta.url)
    const { createProctor } = require('proctor')
    // As @sinonjs/fake-timers does.
    require('node:timers').setImmediate = () => {}
    const proctor = await createProctor({ containment: 'strict' })
    await proctor.run('echo', ['said']).waitForOutput('said')
    await proctor.run('sleep', ['100']).kill()
    await proctor.teardown()
    console.log('the end')
  `)
  expect(output).toBe('the end\n')
})

// A spy is enough here. Tracing system calls would need privileges.
test.each([
  { launch: 'native', calls: [] },
  { launch: 'portable', calls: ['spawnSync /bin/sh', 'spawn /bin/sh', 'spawn true'] },
])('the first command of a worker, its guardian and all: what Node copies this process for ($launch)', (given) => {
  const output = runScript(
    `
      import childProcess from 'node:child_process'
      import { syncBuiltinESMExports } from 'node:module'
      const calls = []
      for (const name of ['spawn', 'spawnSync']) {
        const real = childProcess[name]
        childProcess[name] = (file, ...rest) => (calls.push(name + ' ' + file), real(file, ...rest))
      }
      syncBuiltinESMExports()
      const { createProctor } = await import('proctor')
      const proctor = await createProctor({ containment: 'strict' })
      await proctor.run('true').waitForExit()
      await proctor.teardown()
      console.log(JSON.stringify(calls))
    `,
    `export PROCTOR_LAUNCH=${given.launch};`,
  )
  expect(JSON.parse(output)).toEqual(given.calls)
})

const request = (script: string): SpawnRequest => {
  const env = { PATH: process.env['PATH'] }
  return { command: 'sh', args: ['-c', script], display: 'sh', cwd: '/', env, shell: false }
}

async function outputOf(transport: Transport): Promise<string> {
  let output = ''
  await new Promise<void>((resolve) => {
    transport.listen({ output: (_, bytes) => (output += bytes.toString()), outputEnded: resolve, exited: () => {} })
  })
  return output
}

/** Opens the outputs the way it is done without system calls. */
const openOutputs = (stream: 0 | 1 | 2): Pipe | undefined => (stream === 0 ? undefined : openFifo())

describe('the portable start', () => {
  test('has pipes for its output where there are no system calls: by mkfifo(1)', async () => {
    await preparePortableStart()
    const script = 'cat; test -p /dev/stdout && test -p /dev/stderr && echo pipes; echo err > /dev/stderr'
    for (let round = 0; round < 10; round += 1) {
      const transport = startPortably(request(script), openOutputs) as Transport
      transport.endInput('in\n')
      expect((await outputOf(transport)).replace('err\n', '')).toBe('in\npipes\n')
    }
  })

  test('their program does not find them non-blocking', async () => {
    await preparePortableStart()
    const script = 'for number in 0 1 2; do grep flags /proc/self/fdinfo/$number; done'
    const transport = startPortably(request(script), openOutputs) as Transport
    const flags = (await outputOf(transport)).match(/\d+$/gm)!.map((text) => Number.parseInt(text, 8) & 0o4000)
    expect(flags).toEqual([0, 0, 0])
  })

  test('has socket pairs where there is not even that', async () => {
    await preparePortableStart()
    const transport = startPortably(request('cat; test -p /dev/stdout || echo no pipe'), () => undefined) as Transport
    transport.endInput('in\n')
    expect(await outputOf(transport)).toBe('in\nno pipe\n')
  })

  test('does not forget what was started when something throws after that: another AbortController', async () => {
    await preparePortableStart()
    // As in happy-dom and jsdom: execa throws after it has spawned the process.
    vi.stubGlobal(
      'AbortController',
      class {
        signal = {}
      },
    )
    onTestFinished(() => void vi.unstubAllGlobals())
    const transport = startPortably(request('echo up; cat'), openOutputs) as Transport
    expect(transport).not.toBeInstanceOf(Promise)
    transport.endInput('in\n')
    expect(await outputOf(transport)).toBe('up\nin\n')
  })

  test('says why nothing was started', async () => {
    await preparePortableStart()
    const refusal = await startPortably({ ...request(''), command: 'no-such-program' }, openOutputs)
    expect(refusal).toBeInstanceOf(SpawnError)
    expect((refusal as SpawnError).message).toContain('no such command on PATH (ENOENT)')
  })
})
