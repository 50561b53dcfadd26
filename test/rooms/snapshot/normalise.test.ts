import { describe, expect, test } from 'vitest'
import { freePort } from '../../../src/readiness/wait-for-http.js'
import { normalise, type SnapshotOptions } from '../../../src/snapshot/normalise.js'
import { snapshotSerializer } from '../../../src/matchers/serializer.js'
import { rounds } from '../../soak/rounds.js'
import { givenProctor, node, rejection, shell } from '../given.js'

/** A program that prints everything that differs from run to run. */
const chatty = `
  const { spawn } = require('node:child_process')
  const begin = performance.now()
  const server = require('node:http').createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    const child = spawn('sleep', ['60'])
    console.log('\\u001b[32mready\\u001b[39m on http://localhost:' + port + '/ (port ' + port + ')')
    console.log('worker ' + child.pid + ' of ' + process.pid + ', pid=' + process.pid + ' in ' + process.cwd() + '/sub')
    console.error('took ' + (performance.now() - begin).toFixed(1) + ' ms, v1.2.3, 3 of 4 files')
  })`

const words = `ready on http://localhost:<port>/ (port <port>)
worker <pid> of <pid>, pid=<pid> in <workspace>/sub
[stderr]
took <duration>, v1.2.3, 3 of 4 files`

describe('process.snapshot()', () => {
  test(`is the same over ${rounds(50, 10)} runs`, async () => {
    const proctor = await givenProctor({ unexpectedExit: 'ignore' })
    const seen = new Set<string>()
    for (let round = 0; round < rounds(10, 2); round += 1) {
      const processes = Array.from({ length: 5 }, () => node(proctor, chatty))
      for (const process of processes) {
        await process.waitForOutput('worker')
        await process.waitForOutput('files')
        // A child that nothing has looked at yet is known by its parent.
        await process.group.members()
        seen.add(process.snapshot())
      }
      await Promise.all(processes.map((process) => process.kill()))
    }
    expect([...seen]).toEqual([words])
  }, 60_000)

  test('each kind is switched off by itself', async () => {
    const proctor = await givenProctor()
    const process = node(proctor, chatty)
    await process.waitForOutput('worker')
    await process.waitForOutput('files')
    await process.group.members()
    const without = (options: SnapshotOptions): string => process.snapshot(options)
    expect(without({})).toBe(words)
    expect(without({ ansi: false })).toContain('\u001B[32mready\u001B[39m on http://localhost:<port>/')
    expect(without({ workspace: false })).toContain(`in ${proctor.workspace.path}/sub`)
    expect(without({ durations: false })).toMatch(/took \d+\.\d ms/)
    expect(without({ ports: false })).toMatch(/localhost:\d+\/ \(port \d+\)/)
    expect(without({ pids: false })).toContain(`pid=${process.pid} in <workspace>`)
    expect(without({ ansi: false, workspace: false, durations: false, ports: false, pids: false })).toBe(
      `${process.stdout.trimEnd()}\n[stderr]\n${process.stderr.trimEnd()}`,
    )
  })

  test('says how it ended, and counts as a look at that', async () => {
    const proctor = await givenProctor()
    const failed = shell(proctor, 'echo no; exit 3')
    const killed = proctor.run('sleep', ['60'])
    const silent = proctor.run('true')
    await failed.settled
    await killed.kill()
    await silent.waitForExit()
    expect(failed.snapshot()).toBe('no\n[exit code 3]')
    expect(killed.snapshot()).toBe('[SIGKILL]')
    expect(silent.snapshot()).toBe('')
    await proctor.teardown()
  })

  test('refuses unknown options', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('true')
    await process.waitForExit()
    expect(await rejection(() => process.snapshot({ pid: false } as object))).toMatchObject({
      message:
        'snapshot: unknown option "pid". Accepted are ansi, workspace, durations, ports, pids. Did you mean pids?',
    })
    expect(await rejection(() => snapshotSerializer({ ports: 1 } as object))).toMatchObject({
      message: 'snapshotSerializer: ports is 1. Accepted is true or false.',
    })
  })
})

describe('the words', () => {
  test.for([
    ['12 ms, 1.5s, 3 minutes, 250µs, 1m 30s', '<duration>, <duration>, <duration>, <duration>, <duration>'],
    ['v1.2s3, 5m rows, 404, 10 stars, x12ms', 'v1.2s3, 5m rows, 404, 10 stars, x12ms'],
    ['http://127.0.0.1:81/ [::1]:8080 *:80 at 12:30', 'http://127.0.0.1:<port>/ [::1]:<port> *:<port> at 12:30'],
    [
      'port 3000, Port: 3001, ports=1, report 7, support 4',
      'port <port>, Port: <port>, ports=<port>, report 7, support 4',
    ],
    ['pid 1, PID: 22, ppid=3, pgid 4, rapid 5', 'pid <pid>, PID: <pid>, ppid=<pid>, pgid <pid>, rapid 5'],
  ])('%s', ([text, expected]) => {
    expect(normalise(text!)).toBe(expected)
    // Text that has already been normalised stays as it is.
    expect(normalise(expected!)).toBe(expected)
  })

  test('known ports and workspaces, wherever they stand', async () => {
    const proctor = await givenProctor()
    const port = await freePort()
    expect(normalise(`${port} and ${port}5`)).toBe(`<port> and ${port}5`)
    const { path } = proctor.workspace
    // Without a command, a workspace is known by its name.
    expect(normalise(`file://${path}/a "${path}" /private${path}/b`)).toBe(
      'file://<workspace>/a "<workspace>" <workspace>/b',
    )
  })
})

describe('the serializer', () => {
  test('shows a process, an exit and every text so', async () => {
    expect.addSnapshotSerializer(snapshotSerializer())
    const proctor = await givenProctor()
    const process = shell(proctor, 'echo "pid $$ in $PWD"; echo "took 12 ms" >&2')
    const { stdout, stderr } = await process.waitForExit()
    expect(process).toMatchInlineSnapshot(`
      "pid <pid> in <workspace>
      [stderr]
      took <duration>"
    `)
    expect({ stdout, stderr, files: [proctor.workspace.resolve('a')] }).toMatchInlineSnapshot(`
      {
        "files": [
          "<workspace>/a",
        ],
        "stderr": "took <duration>
      ",
        "stdout": "pid <pid> in <workspace>
      ",
      }
    `)
  })
})

/** What the global set-up, and a person, add to the environment of the tests. */
const ofRun = { PROCTOR_RUN: '6d37136a64fed165', PROCTOR_GUARD: 'report', PROCTOR_GUARD_LEAK_TIMEOUT: '100' }

describe('no variable of ours is in a snapshot', () => {
  test.each([
    ['env', ['sh', '-c', 'env | sort']],
    ['export -p', ['sh', '-c', 'export -p']],
    ['bash', ['bash', '-c', 'declare -x']],
    ['Node', ['node', '-p', 'process.env']],
    ['JSON', ['node', '-p', 'JSON.stringify(process.env)']],
    ['JSON of several lines', ['node', '-p', 'JSON.stringify(process.env, null, 2)']],
  ])('of %s', async (_, [command, ...args]) => {
    const proctor = await givenProctor()
    const process = proctor.run(command!, args, { env: { A: 'first', PROCTORS: 'own', Z: 'last', ...ofRun } })
    await process.waitForSuccessfulExit()

    expect(process.output).toMatch(/PROCTOR_MARK_/)
    const snapshot = process.snapshot()
    expect(snapshot).not.toMatch(/PROCTOR_(?!TEST_)|^\s*$|,,|\{\s*,|,\s*\}$/m)
    expect(snapshot).toMatch(/A["']?[=:] ?["']?first/)
    expect(snapshot).toMatch(/PROCTORS["']?[=:] ?["']?own/)
    expect(snapshot).toMatch(/Z["']?[=:] ?["']?last/)
  })

  test.runIf(process.platform === 'linux')('nor the limit that is the other mark', async () => {
    const proctor = await givenProctor()
    const command = proctor.run('sh', [
      '-c',
      'grep locks /proc/self/limits; echo "limit $(grep locks /proc/$$/limits)" >&2',
    ])
    await command.waitForSuccessfulExit()
    expect(
      command
        .snapshot()
        .split(/ +/)
        .filter((word) => /\d/.test(word)),
    ).toEqual([])
    expect(command.snapshot()).toMatch(/^Max file locks {12}unlimited {12}unlimited {12}locks/)
  })
})
