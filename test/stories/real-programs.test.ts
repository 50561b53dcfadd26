import { createRequire } from 'node:module'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { needs } from '../needs.js'
import { programs } from '../programs.js'

const size = { columns: 60, rows: 12 }
const patience = { timeout: 20_000 }
const poem = Array.from({ length: 40 }, (_, line) => `line ${line + 1} of the poem`).join('\n')

describe('Real programs in a terminal', () => {
  test('a prompt of @clack/prompts', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const clack = createRequire(import.meta.url).resolve('@clack/prompts')
    // The prompt looks different where CI is set.
    const prompt = run('node', ['asks-clack.mjs', clack], { terminal: size, env: { CI: undefined } })
    await prompt.waitForScreen('What is it called?', patience)
    await prompt.press('m', 'u', 'g', 'Enter')
    await prompt.waitForScreen('Which kind?')
    await prompt.press('ArrowDown')
    await prompt.waitForScreen('● server')
    await prompt.press('ArrowDown')
    await expect(prompt).toMatchScreenInlineSnapshot(`
      "┌  create-thing
      │
      ◇  What is it called?
      │  mug
      │
      ◆  Which kind?
      │  ○ library
      │  ○ server
      │  ● tool
      │  ↑/↓ to navigate • Enter: confirm
      └"
    `)

    await prompt.press('Enter')

    await prompt.waitForSuccessfulExit()
    expect(prompt.screen.stripped).toContain('└  A tool called mug.')
  })

  test('less: it pages, and takes q', async ({ run, workspace }) => {
    needs('less')
    await workspace.write({ 'poem.txt': poem })
    const less = run('less', ['poem.txt'], { terminal: size, env: { LESS: undefined } })
    await less.waitForScreen('poem.txt')

    await less.press('PageDown')
    await less.waitForScreen('line 12 of the poem')
    await less.write('/line 3[05]\n')
    await less.waitForScreen((screen) => screen.stripped.startsWith('line 30 of the poem'))
    await less.press('q')

    await less.waitForSuccessfulExit()
    expect(less.screen.stripped).toBe('')
  })

  test('vi: it writes what is typed', async ({ run, workspace }) => {
    needs('vi')
    await workspace.write({ 'poem.txt': 'first\n' })
    const vi = run('vi', ['poem.txt'], { terminal: size })
    await vi.waitForScreen('first', patience)

    await vi.press('o', 's', 'e', 'c', 'o', 'n', 'd', 'Escape', ':', 'w', 'q', 'Enter')

    await vi.waitForSuccessfulExit(patience)
    expect(await workspace.read('poem.txt')).toBe('first\nsecond\n')
  })

  test('nano: it saves what is pasted', async ({ run, workspace }) => {
    needs('nano')
    const nano = run('nano', ['--ignorercfiles', 'poem.txt'], { terminal: size })
    await nano.waitForScreen('GNU nano', patience)

    await nano.press({ paste: 'first\nsecond' }, 'Ctrl+X')
    await nano.waitForScreen('Save modified buffer?')
    await nano.press('Y')
    await nano.waitForScreen('File Name to Write: poem.txt')
    await nano.press('Enter')

    await nano.waitForSuccessfulExit(patience)
    expect(await workspace.read('poem.txt')).toBe('first\nsecond\n')
  })

  test('top: it draws itself again in a new size', async ({ run }) => {
    needs('top')
    const top = run('top', ['-d', '60'], { terminal: size })
    await top.waitForScreen(/PID USER .*%CPU/, patience)

    top.resize(100, 8)
    await top.waitForScreen((screen) => /PID USER .*TIME\+ COMMAND/.test(screen.text.split('\n')[6] ?? ''), patience)
    await top.press('q')

    await top.waitForSuccessfulExit()
  })

  test('a progress bar is one line on the screen', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const bar = run('sh', ['-c', 'stty -echo; exec node progress.mjs'], { terminal: size })
    await bar.waitForScreen('] 0%', patience)

    await bar.write('\n\n')
    await bar.waitForScreen('[##########..........] 50%')
    await bar.write('\n\n')

    await bar.waitForSuccessfulExit()
    expect(bar.screen.stripped).toBe('[####################] 100%\ndone')
    await expect(bar).toHaveOutput('[#####...............] 25%')
  })

  test('a password is asked for without an echo', async ({ run }) => {
    const script = 'stty -echo; printf "Password: "; read secret; stty echo; echo; echo "${#secret} letters"'
    const login = run('sh', ['-c', script], { terminal: size })
    await login.waitForScreen('Password: ')

    await login.write('swordfish')
    await login.press('Enter')

    await login.waitForSuccessfulExit()
    expect(login.screen.stripped).toBe('Password:\n9 letters')
    expect(login.output).not.toContain('swordfish')
  })
})
