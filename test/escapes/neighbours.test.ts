import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findByCommandLine, uniqueNumber } from '../machine.js'
import { statOf } from '../proc.js'
import { rounds } from '../soak/rounds.js'
import { levels, proctorOr } from './levels.js'
import { commandOf, programFile, removePrograms, temporaryPath } from './programs.js'
import { subjectElsewhere } from './subject.js'
import { endFor, isLive, Pipe, until, untilIdentified } from './witness.js'

// Processes that must not be blamed, and processes that must not be killed.

/** Who must live on has to outlast the looks of a busy machine. */
const longer = { LIFE: '60' }

afterAll(removePrograms)

describe.each(levels)('%s: two fixtures live at the same time', (level) => {
  test('kills of one, while daemons of the other come up: none is stopped', async ({ skip }) => {
    const [holder, killer] = [await proctorOr(skip, level, 0), await proctorOr(skip, level, 60)]
    const number = uniqueNumber()
    const script = `i=0; while [ $i -lt 150 ]; do setsid -f sleep ${number}; i=$((i + 1)); done`
    const starter = holder.run('sh', ['-c', script], { leaks: 'kill' })
    while (starter.running) await killer.run('sleep', ['60']).kill()
    const states = findByCommandLine(number).map((line) => statOf(Number.parseInt(line, 10))?.state)
    await Promise.all([holder.teardown(), killer.teardown()])
    expect(states).toHaveLength(150)
    expect(states.filter((state) => state === 'T')).toEqual([])
    expect(findByCommandLine(number)).toEqual([])
  })

  test('one holds a server, the other kills a daemon that cleared its environment: the server lives', async ({
    skip,
  }) => {
    const folder = temporaryPath('neighbours')
    mkdirSync(folder)
    const pipe = new Pipe(join(folder, 'pipe'))
    const [holder, killer] = [await proctorOr(skip, level, 60), await proctorOr(skip, level, 60)]
    const server = holder.run('node', [programFile('server.mjs')], { env: { WITNESS: pipe.path, ...longer } })
    const serving = await untilIdentified(join(holder.workspace.path, 'escapee.pid'))
    const [program = '', ...args] = commandOf('invisible-daemon.sh')
    const command = killer.run(program, args)
    await command.waitForExit()
    const daemon = await untilIdentified(join(killer.workspace.path, 'escapee.pid'))

    // Strict containment sees an orphan that may belong to either fixture, and reports it, unless it met the orphan
    // while its parents lived. Basic containment sees none.
    await expect(command.kill()).rejects.toThrow(/^Process already exited|cannot be proven dead/)
    await killer.teardown().catch(() => {})
    expect(isLive(serving)).toBe(true)
    expect(server.running).toBe(true)
    const port = readFileSync(join(holder.workspace.path, 'port'), 'utf8')
    await expect((await fetch(`http://127.0.0.1:${port}`)).text()).resolves.toBe('hello')

    await holder.teardown()
    expect(isLive(serving)).toBe(false)
    // Nothing showed whose daemon it is. Once the last fixture has gone, it can only be a fixture's. Basic does not
    // know of it.
    if (level === 'strict') await until('the end of the daemon', () => (isLive(daemon) ? undefined : true), 2000)
    await endFor(daemon)
    pipe.close()
  })

  const times = rounds(10, 3)

  test(`each kills its own daemon and leaves the other’s alone, ${times} times`, async ({ skip }) => {
    for (let round = 0; round < times; round += 1) {
      const proctors = [await proctorOr(skip, level, 60), await proctorOr(skip, level, 60)] as const
      const [program = '', ...args] = commandOf('daemon.sh')
      const commands = proctors.map((proctor) => proctor.run(program, args, { env: longer }))
      await Promise.all(commands.map((command) => command.waitForExit()))
      const [first, second] = await Promise.all(
        proctors.map((proctor) => untilIdentified(join(proctor.workspace.path, 'escapee.pid'))),
      )
      await expect(commands[0]!.kill()).rejects.toThrow('Process already exited')
      expect([isLive(first!), isLive(second!)]).toEqual([false, true])
      await expect(proctors[1].teardown()).rejects.toThrow('1 process outlived its command')
      expect(isLive(second!)).toBe(false)
      await proctors[0].teardown()
    }
  })
})

describe.each(levels)('%s: two runs at the same time', (level) => {
  test('one ends, and the other’s daemon lives', async ({ skip }) => {
    await (await proctorOr(skip, level, 60)).teardown()
    const runs = await Promise.all([subjectElsewhere(level), subjectElsewhere(level)])
    const daemons = await Promise.all(
      runs.map(async (run) => {
        await run.start(commandOf('daemon.sh'), longer)
        await run.untilExit()
        return untilIdentified(join(run.workspace, 'escapee.pid'))
      }),
    )
    expect(await runs[0].end('teardown')).toMatchObject({ error: 'LeakedProcessError', leaked: [daemons[0]!.pid] })
    expect(daemons.map(isLive)).toEqual([false, true])
    expect(await runs[1].end('teardown')).toMatchObject({ error: 'LeakedProcessError', leaked: [daemons[1]!.pid] })
    expect(daemons.map(isLive)).toEqual([false, false])
    await Promise.all(runs.map((run) => run.close()))
    await until('both', () => (daemons.some(isLive) ? undefined : true))
  })
})
