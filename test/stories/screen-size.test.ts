import { expect, test, type TerminalProcess } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'

const accepted = 'Accepted is a whole number from'

describe('Screen size', () => {
  test('5 rows of 10: longer lines wrap', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'twelve chars', 'x'.repeat(20), 'end'], {
      terminal: { rows: 5, columns: 10 },
    })

    await sleeper.waitForScreen('end')

    expect(sleeper.screen.text).toBe(['rs        ', 'xxxxxxxxxx', 'xxxxxxxxxx', 'end       ', '          '].join('\n'))
  })

  test('80 rows of 160', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['tells-size.mjs'], { terminal: { rows: 80, columns: 160 } })

    await sleeper.waitForScreen('80 rows of 160')

    expect(sleeper.screen.text.split('\n').map(({ length }) => length)).toEqual(Array.from({ length: 80 }, () => 160))
  })

  test('it changes while the program runs, and the program gets SIGWINCH', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const teller = run('node', ['tells-size.mjs'], { terminal: true })
    await teller.waitForScreen('24 rows of 80')

    teller.resize(100, 30)

    await teller.waitForScreen('30 rows of 100')
    expect(teller.screen).toMatchObject({ columns: 100, rows: 30 })
    expect(teller.screen.text.split('\n')).toHaveLength(30)
  })

  test.for<[string, { columns?: unknown; rows?: unknown; cols?: unknown }, string]>([
    ['no columns', { columns: 0 }, `columns is 0. ${accepted} 2 to 1000.`],
    ['fewer than none', { rows: -24 }, `rows is -24. ${accepted} 1 to 1000.`],
    ['a huge number', { columns: 1e9 }, `columns is 1000000000. ${accepted} 2 to 1000.`],
    ['half a row', { rows: 0.5 }, `rows is 0.5. ${accepted} 1 to 1000.`],
    ['a text', { rows: '24' }, `rows is "24". ${accepted} 1 to 1000.`],
    ['another name', { cols: 80 }, 'unknown option "cols". Accepted are columns, rows.'],
  ])('%s is refused at once', async ([, size, message], { run, proctor }) => {
    expect(() => run('cat', [], { terminal: size as { columns: number } })).toThrow(message)
    expect(proctor.processes).toEqual([])
    if ('cols' in size) return

    const cat: TerminalProcess = run('cat', [], { terminal: true })
    const { columns = 80, rows = 24 } = size as { columns?: number; rows?: number }
    expect(() => cat.resize(columns, rows)).toThrow(`resize: ${message}`)
    expect(cat.screen).toMatchObject({ columns: 80, rows: 24 })
    await cat.kill()
    expect(() => cat.resize(90, 30)).toThrow('Process already exited with signal SIGKILL. Output:\n')
  })
})
