import { AlreadyExitedError, UnexpectedExitError } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { needs } from '../needs.js'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'
import { isStillAlive, readPid, witness } from '../witness.js'

const languages: [language: string, command: string, ending: string][] = [
  ['Node', 'node', 'mjs'],
  ['Python', 'python3', 'py'],
]

describe.each(languages)('Kill a program written in %s', (_, command, ending) => {
  test('killing the parent kills the child', async ({ run, workspace }) => {
    needs(command)
    await workspace.copyFrom(programs)
    const parent = run(command, [`parent.${ending}`])
    await parent.waitForOutput('child is up')
    const child = witness(readPid(workspace.resolve('child.pid')))

    const exit = await parent.kill()

    expect(isStillAlive(child)).toBe(false)
    await expect(parent).toBeDead('parent.pid')
    await expect(parent).toBeDead('child.pid')
    await expect(parent).toBeDead()
    expect(exit).toMatchObject({ exitCode: null, exitSignal: 'SIGKILL', output: 'child is up\n' })
  })

  test('a program that died on its own is not a successful kill', async ({ run, workspace }) => {
    needs(command)
    await workspace.copyFrom(programs)
    const parent = run(command, [`gets-to-the-end.${ending}`])
    await expect.poll(() => parent.running, { timeout: 4000 }).toBe(false)

    const error = await rejectionOf(parent.kill())

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 0. Output:\nI got to the end!')
    await expect(parent).toBeDead('parent.pid')
  })

  test('killing what is known to have finished says so', async ({ run, workspace }) => {
    needs(command)
    await workspace.copyFrom(programs)
    const parent = run(command, [`gets-to-the-end.${ending}`])
    await parent.waitForSuccessfulExit()

    const error = await rejectionOf(parent.kill())

    expect(error).toBeInstanceOf(AlreadyExitedError)
    expect(error.message).toBe('Process already exited with 0. Output:\nI got to the end!')
    await expect(parent).toBeDead('parent.pid')
  })
})

describe('Kill twice', () => {
  test('the second kill knows of the first', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const parent = run('node', ['parent.mjs'])
    await parent.waitForOutput('child is up')

    await parent.kill()

    await expect(() => parent.kill()).toThrowAlreadyExited('child is up')
  })

  test('the second kill of a program that died on its own knows of the first, too', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const parent = run('node', ['gets-to-the-end.mjs'])
    await expect.poll(() => parent.running, { timeout: 4000 }).toBe(false)

    await expect(() => parent.kill()).toThrowUnexpectedExit('I got to the end!')

    await expect(() => parent.kill()).toThrowAlreadyExited('I got to the end!')
  })

  test('killing a program that has exited also ends what it left behind', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const leader = run('node', ['leader-exits-first.mjs'])
    await leader.waitForSuccessfulExit()
    await expect(leader).toBeAlive('child.pid')

    await expect(() => leader.kill()).toThrowAlreadyExited('child is up')

    await expect(leader).toBeDead('child.pid')
  })
})
