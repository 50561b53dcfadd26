// Compiled, never run: commands in a terminal.
import { expectTypeOf } from 'vitest'
import type { Key, Proctor, Process, RunOptions, Screen, TerminalOptions, TerminalProcess } from 'proctor'
import { MissingDependencyError } from 'proctor'
import { expect, test } from 'proctor/vitest'

test('a terminal', async ({ run }) => {
  const editor = run('vi', ['a.txt'], { terminal: { columns: 100 }, cwd: 'sub', env: { TERM: undefined } })
  expectTypeOf(editor).toEqualTypeOf<TerminalProcess>()
  expectTypeOf(run('vi', undefined, { terminal: true })).toEqualTypeOf<TerminalProcess>()
  expectTypeOf(run('vi', [], { terminal: false })).toEqualTypeOf<Process>()
  expectTypeOf(run('vi', [], {} as RunOptions)).toEqualTypeOf<Process>()
  expectTypeOf<TerminalProcess>().toExtend<Process>()

  expectTypeOf(editor.screen).toEqualTypeOf<Screen>()
  expectTypeOf(editor.screen.toSVG()).toBeString()
  await editor.press('Enter', 'Ctrl+C', 'x', { paste: 'text' })
  await editor.waitForScreen('text', { timeout: 5 })
  await editor.waitForScreen(({ cursor }) => cursor.row === 5)
  editor.resize(80, 24)
  await expect(editor).toHaveScreen(/text/, { timeout: 5 })
  await expect(editor).not.toHaveScreen((screen) => screen.stripped === '')
  await expect(editor).toMatchScreenSnapshot('a name', { timeout: 5 })
  await expect(editor).toMatchScreenInlineSnapshot(`"text"`)

  // @ts-expect-error it has no screen
  void run('vi').screen
  // @ts-expect-error columns, not cols
  run('vi', [], { terminal: { cols: 80 } })
  // @ts-expect-error a key is a text or a paste
  await editor.press(13)
  // @ts-expect-error read only
  editor.screen.text = ''
  // @ts-expect-error of outputs there is waitForOutput
  await editor.waitForScreen('text', { stream: 'stdout' })
})

export function start(run: Proctor['run'], options: TerminalOptions, ...keys: Key[]): Promise<void> {
  return run('vi', [], options).press(...keys)
}

export const install = (error: unknown): string => (error instanceof MissingDependencyError ? error.install : '')
