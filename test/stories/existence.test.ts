import { isAlive } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { needs } from '../needs.js'
import { program, programs } from '../programs.js'
import { readPid, witness } from '../witness.js'

const nobody = ['--reuid', '65534', '--clear-groups']

describe('Whether a process exists', () => {
  // The programs in here have a guardian of their own, which looks at every process of the machine before it exits.
  // That takes time while another test runs a storm of processes.
  test.override({ proctorOptions: { leakTimeout: 20_000 } })

  test('it does while it runs, and does not once it has ended', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'ready'])
    await sleeper.waitForOutput('ready')
    const pid = readPid(workspace.resolve('leader.pid'))

    expect(isAlive(pid)).toBe(true)
    await expect(pid).toBeAlive()

    await sleeper.kill()

    expect(isAlive(pid)).toBe(false)
    await expect(pid).toBeDead()
  })

  test('a zombie does not', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'ready'])
    await sleeper.waitForOutput('ready')
    const { pid } = witness(sleeper.pid)

    sleeper.signal('SIGKILL')
    // Nobody can have waited for it, because this turn of the event loop has not ended.
    const deadline = Date.now() + 4000
    while (isAlive(pid) && Date.now() < deadline);

    expect(() => process.kill(pid, 0)).not.toThrow()
    expect(isAlive(pid)).toBe(false)
  })

  test('a process of another user does', async ({ run }) => {
    needs('root', 'setpriv')
    const other = run('setpriv', [...nobody, 'sh', '-c', 'echo ready; exec sleep 1000'])
    await other.waitForOutput('ready')
    const { pid } = witness(other.pid)

    expect(isAlive(pid)).toBe(true)
    await other.kill()
    expect(isAlive(pid)).toBe(false)
  })

  test('no permission to signal it means that it exists', async ({ run }) => {
    if (process.getuid?.() === 0) needs('setpriv')
    const powerless = run('node', [program('asks-whether-alive.mjs'), '1'])

    const { output } = await powerless.waitForSuccessfulExit()

    expect(output).toBe('kill(pid, 0): EPERM, isAlive: true\n')
  })

  test('a process that may not be signalled is reported, not taken for dead', async ({ run }) => {
    needs('root', 'setpriv')
    const powerless = run('node', [program('signals-another-user.mjs')])
    const sleeper = `setpriv --reuid 65533 --clear-groups sh -c 'echo ready; exec sleep 1000'`

    const { stdout } = await powerless.waitForSuccessfulExit({ timeout: 20_000 })

    expect(stdout.replaceAll(/\d+ sleep/g, '<pid> sleep')).toBe(
      [
        `ProctorError: No permission to signal ${sleeper} (EPERM): it runs as another user.`,
        `ContainmentError: ${sleeper} could not be ended:`,
        '  <pid> sleep 1000: no permission to signal it (EPERM, uid 65533, state S)',
        '',
      ].join('\n'),
    )
  })
})
