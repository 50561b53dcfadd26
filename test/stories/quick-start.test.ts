import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { expectDeadInTheEnd } from '../witness.js'

describe('Quick start', () => {
  const watch = expectDeadInTheEnd()

  test('a question is answered as a person would answer it, and the answer is on the screen', async ({
    run,
    workspace,
  }) => {
    await workspace.copyFrom(programs)
    const dialogue = run('node', ['asks-questions.mjs'], { terminal: true })
    watch(dialogue.pid)

    await dialogue.waitForScreen('What is your name? ')
    await dialogue.write('Arthur')
    await dialogue.press('Enter')
    await dialogue.waitForScreen('What is your quest? ')
    await dialogue.write('the grail\r')
    await dialogue.waitForSuccessfulExit()

    expect(dialogue.screen.stripped).toBe(
      'What is your name? Arthur\nWhat is your quest? the grail\nArthur seeks the grail.',
    )
  })

  test('the arrow keys choose from a menu on the alternate screen', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const menu = run('node', ['menu.mjs'], { terminal: { columns: 30, rows: 8 } })

    await expect(menu).toHaveScreen('> Spam')
    await menu.press('ArrowDown', 'ArrowDown')
    await expect(menu).toMatchScreenInlineSnapshot(`
      "What will it be?

        Spam
        Eggs
      > Spam and eggs"
    `)
    await menu.press('ArrowUp', 'Enter')
    await menu.waitForSuccessfulExit()

    // The program leaves the alternate screen when it exits.
    expect(menu.screen.stripped).toBe('One Eggs, please.')
    expect(menu.output).toContain('What will it be?')
  })

  test('a program that waits for no key is killed like any other', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const parent = run('node', ['parent.mjs'], { terminal: true })
    await parent.waitForScreen('child is up')
    watch(parent.pid)

    const exit = await parent.kill()

    expect(exit.exitSignal).toBe('SIGKILL')
    await expect(parent).toBeDead('parent.pid')
    await expect(parent).toBeDead('child.pid')
  })
})
