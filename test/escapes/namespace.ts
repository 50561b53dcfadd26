import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cleanEnvironment, inRoot } from '../inner-run.js'
import type { Ending, Level, NamespaceCase } from './cases.js'
import { missing } from '../needs.js'

export const reasonAgainstNamespace = (): string | undefined => missing('root', 'unshare')

/** Runs a scenario as process 1 of a pid namespace and says what was seen. */
export async function observeInNamespace(
  scenario: NamespaceCase['scenario'],
  level: Level,
  ending: Ending,
): Promise<string> {
  const script = [process.execPath, inRoot('test/escapes/in-namespace.mjs'), scenario, level, ending]
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--pid', '--fork', '--kill-child', '--mount-proc', ...script],
    { env: cleanEnvironment(), timeout: 20_000, killSignal: 'SIGKILL' },
  )
  return stdout.trim()
}
