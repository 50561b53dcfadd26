import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inRoot } from '../inner-run.js'

/** What tests run, or read, as another user. */
const parts = ['package.json', 'dist', 'fixtures/programs', 'test/escapes', 'test/safety', 'node_modules/@koromix']

/** Whether any user may look into a folder, and into each one above it. */
function isOpen(folder: string): boolean {
  if ((statSync(folder).mode & 0o005) !== 0o005) return false
  return dirname(folder) === folder || isOpen(dirname(folder))
}

/**
 * A global set-up of our own tests. Some run as another user, who may not look into root's home, where a fresh clone
 * may lie. They get a copy of what they need, which `forOthers` finds.
 */
export default function setup(): (() => void) | undefined {
  // Once only, however many projects ask for it.
  if (process.getuid?.() !== 0 || process.env['PROCTOR_TEST_COPY'] !== undefined || isOpen(inRoot('dist')))
    return undefined
  const copy = mkdtempSync(join(tmpdir(), 'proctors-copy-'))
  for (const part of parts) cpSync(inRoot(part), join(copy, part), { recursive: true })
  execFileSync('chmod', ['-R', 'a+rX', copy])
  process.env['PROCTOR_TEST_COPY'] = copy
  return () => {
    rmSync(copy, { recursive: true })
    delete process.env['PROCTOR_TEST_COPY']
  }
}
