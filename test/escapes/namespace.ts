import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { cleanEnvironment, inRoot } from '../inner-run.js'
import type { Ending, Level, NamespaceCase } from './cases.js'
import { temporaryPath } from './programs.js'
import { missing } from '../needs.js'

export const reasonAgainstNamespace = (): string | undefined => missing('root', 'unshare')

/** Process 1 is a shell, which adopts the orphans beside what is tested. */
const besideStranger = (script: readonly string[]): string[] => [
  'sh',
  '-c',
  `exec 9<>"$STRANGER"
  while read -r _; do setsid sh -c '(sleep 60 &); exec sleep 60' & done <&9 >/dev/null 2>&1 &
  "$@"`,
  'sh',
  ...script,
]

/** Starts a scenario as process 1 of a pid namespace. */
export function startInNamespace(
  scenario: NamespaceCase['scenario'],
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const stranger = temporaryPath('stranger')
  execFileSync('mkfifo', [stranger])
  const script = [process.execPath, inRoot('test/escapes/in-namespace.mjs'), scenario, ...args]
  const own = ['--pid', '--fork', '--kill-child', '--mount-proc']
  return spawn('unshare', [...own, ...(scenario === 'reuse by a stranger' ? besideStranger(script) : script)], {
    env: { ...cleanEnvironment(), STRANGER: stranger, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
}

/** Runs a scenario as process 1 of a pid namespace, and returns the word that it prints. */
export const observeInNamespace = async (
  scenario: NamespaceCase['scenario'],
  level: Level,
  ending: Ending,
): Promise<string> => (await text(startInNamespace(scenario, [level, ending]).stdout!)).trim()
