import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { TestRunner } from 'vitest'

// What a test needs of the machine beyond Node. Without it the test is skipped with a reason: it never fails for that,
// and is never skipped silently.

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whether a command is on PATH. */
const has = (command: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => isExecutable(join(folder, command)))

/** Chromium, by any of its names. */
export const chromiumCommand =
  process.env['CHROMIUM'] ??
  ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].find((command) => has(command))

let unsharesRead: boolean | undefined

/** Whether this machine lets us make namespaces: most containers do not, and no plain chroot has a root to mount below. */
function unshares(): boolean {
  const all = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'true']
  return (unsharesRead ??= spawnSync('unshare', all, { stdio: 'ignore' }).status === 0)
}

/** A command on PATH, or one of these. */
type Need = 'chromium' | 'root' | 'unshare' | (string & {})

const isThere = (need: Need): boolean => {
  if (need === 'root') return process.getuid?.() === 0
  if (need === 'unshare') return unshares()
  return need === 'chromium' ? chromiumCommand !== undefined : has(need)
}

/** What the machine lacks of these, in words, or undefined if it has everything. */
export function missing(...needed: readonly Need[]): string | undefined {
  const names = needed.filter((need) => !isThere(need))
  return names.length === 0 ? undefined : `needs ${names.join(', ')}`
}

/**
 * Goes first in a test. Skips the running test, with the reason, where a command, Chromium or root is missing.
 *
 * @example
 * test('Ctrl-C in a real terminal', async () => {
 *   needs('script')
 */
export function needs(...needed: readonly Need[]): void {
  const note = missing(...needed)
  if (note !== undefined) TestRunner.getCurrentTest()?.context.skip(note)
}
