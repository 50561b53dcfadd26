import { readFileSync } from 'node:fs'
import { realProcess } from '../../base/real-process.js'
import { table } from '../../system/process-table/current.js'

// A command gets the environment of the tests, less what the runner put there for its workers, and less what is true of
// the tests and not of the command: the repository whose hook runs them, the terminal that they run in.

/** Variables that commands do not inherit, and why. docs/environment.md has the same table for people. */
export interface NotInherited {
  /** A `*` at the end stands for anything, `=` for one value alone. */
  readonly names: readonly string[]
  readonly why: string
}

/** What the runner, or this package, puts into the environment of whoever runs tests. */
const ofTheRunner: NotInherited[] = [
  { names: ['VITEST*', 'FORCE_TTY'], why: 'Vitest tells its workers' },
  { names: ['JEST_WORKER_ID'], why: 'Jest numbers its workers' },
  {
    names: ['NODE_TEST_CONTEXT', 'NODE_TEST_WORKER_ID', 'WATCH_REPORT_DEPENDENCIES'],
    why: 'node:test tells its files that they are files of a run: a `node --test` below them would report to nobody and exit with 0',
  },
  { names: ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX'], why: 'Playwright numbers its workers' },
  { names: ['MOCHA_WORKER_ID'], why: 'Mocha numbers its workers' },
  {
    names: ['PROCTOR_OUTSIDE_*', 'PROCTOR_THREADS', 'PROCTOR_COVERAGE', 'PROCTOR_COVERAGE_OUTER', 'PROCTOR_SERVER'],
    why: 'proctor tells the tests from their commands',
  },
]

/** What a runner puts there with these values. What its own environment had is inherited in their place. */
const ofTheRunnerByValue: (NotInherited & { readonly runner: string })[] = [
  {
    runner: 'VITEST',
    names: ['TEST=true', 'DEV=1', 'DEV=', 'PROD=1', 'PROD=', 'MODE=test', 'BASE_URL=/', 'SSR=1', 'SSR='],
    why: 'Vitest puts `import.meta.env` into the environment',
  },
  { runner: 'JEST_WORKER_ID', names: ['FORCE_COLOR=1'], why: 'jest-worker colours its workers in a terminal' },
  { runner: 'NODE_TEST_CONTEXT', names: ['FORCE_COLOR=1'], why: '`node --test` colours its files in a terminal' },
  {
    runner: 'TEST_WORKER_INDEX',
    names: ['FORCE_COLOR=1', 'DEBUG_COLORS=1'],
    why: 'Playwright colours its workers',
  },
]

/** What is true of where the tests run, and not of the command. */
const ofTheSurroundings: NotInherited[] = [
  {
    // `git rev-parse --local-env-vars`, of every version, and the folder of a push that is not accepted yet.
    names: [
      'GIT_ALTERNATE_OBJECT_DIRECTORIES',
      'GIT_COMMON_DIR',
      'GIT_CONFIG',
      'GIT_CONFIG_COUNT',
      'GIT_CONFIG_PARAMETERS',
      'GIT_DIR',
      'GIT_GRAFT_FILE',
      'GIT_IMPLICIT_WORK_TREE',
      'GIT_INDEX_FILE',
      'GIT_INTERNAL_SUPER_PREFIX',
      'GIT_NO_REPLACE_OBJECTS',
      'GIT_OBJECT_DIRECTORY',
      'GIT_PREFIX',
      'GIT_QUARANTINE_PATH',
      'GIT_REPLACE_REF_BASE',
      'GIT_SHALLOW_FILE',
      'GIT_WORK_TREE',
    ],
    why: 'git gives them to its hooks: `git commit` in a workspace would go into the repository whose hook runs the tests',
  },
  {
    names: [
      'ALACRITTY_*',
      'COLORFGBG',
      'COLORTERM',
      'ConEmu*',
      'DOMTERM',
      'GHOSTTY_*',
      'GNOME_TERMINAL_*',
      'GPG_TTY',
      'INSIDE_EMACS',
      'ITERM_*',
      'KITTY_*',
      'KONSOLE_*',
      'LC_TERMINAL',
      'LC_TERMINAL_VERSION',
      'MLTERM',
      'NVIM',
      'NVIM_LISTEN_ADDRESS',
      'RIO_*',
      'SSH_TTY',
      'STY',
      'TERMINAL_EMULATOR',
      'TERMINATOR_*',
      'TERMINUS_*',
      'TERM_*',
      'TILIX_ID',
      'TMUX',
      'TMUX_PANE',
      'VIM_TERMINAL',
      'VTE_*',
      'WARP_*',
      'WEZTERM_*',
      'WINDOW',
      'WINDOWID',
      'WT_*',
      'XTERM_*',
      'ZELLIJ',
      'ZELLIJ_*',
    ],
    why: 'they tell of the terminal that the tests run in: a program would draw for it, and red in one terminal is green in another',
  },
]

/** What a command in a terminal of its own does not inherit besides. */
export const ofAnotherTerminal: NotInherited = {
  names: ['COLUMNS', 'LINES', 'TERMCAP', 'TERMINFO'],
  why: 'its terminal has a size and a kind of its own',
}

/** All of them. */
export const notInherited: readonly NotInherited[] = [...ofTheRunner, ...ofTheRunnerByValue, ...ofTheSurroundings]

/** Whether a variable is one of these. */
export function matcherOf(lists: readonly NotInherited[]): (name: string) => boolean {
  const names = lists.flatMap((list) => list.names)
  const exact = new Set(names)
  const prefixes = names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))
  // Every command asks this of every variable.
  const pattern = new RegExp(`^(?:${prefixes.join('|')})`)
  return (name) => exact.has(name) || (prefixes.length > 0 && pattern.test(name))
}

const isNeverInherited = matcherOf([...ofTheRunner, ...ofTheSurroundings])

/** What was found out about names: every command has some forty of them, and mostly the same. */
const answers = new Map<string, boolean>()
const mostAnswers = 1000

function isNameWithheld(name: string): boolean {
  const known = answers.get(name)
  if (known !== undefined) return known
  if (answers.size >= mostAnswers) answers.clear()
  const answer = isNeverInherited(name)
  answers.set(name, answer)
  return answer
}

/** The environment that a process was started with, where the system keeps it. */
function firstEnvironmentOf(pid: number | 'self'): ReadonlyMap<string, string> | undefined {
  if (table.name !== 'linux') return undefined
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]))
  } catch {
    return undefined // Another user's, or gone.
  }
}

/** What the runner was started with. Looked up once: a worker's parent is the runner for as long as it works. */
let runners: { readonly environment: ReadonlyMap<string, string> | undefined } | undefined

function runnersEnvironment(): ReadonlyMap<string, string> | undefined {
  const isWorker = realProcess.connected || process.env['NODE_TEST_CONTEXT'] !== undefined
  runners ??= { environment: firstEnvironmentOf(isWorker ? realProcess.ppid : 'self') }
  return runners.environment
}

const byValue = new Map<string, Set<string>>()
const namesByValue = new Set<string>()
for (const { names, runner } of ofTheRunnerByValue) {
  for (const entry of names) {
    byValue.set(entry, (byValue.get(entry) ?? new Set()).add(runner))
    namesByValue.add(entry.slice(0, entry.indexOf('=')))
  }
}

/** Whether a value is what a runner puts there, and the runner's own environment does not have it. */
function isTheRunnersValue(name: string, value: string | undefined): boolean {
  if (!namesByValue.has(name)) return false
  const suspects = byValue.get(`${name}=${value}`) ?? []
  if (![...suspects].some((runner) => process.env[runner] !== undefined)) return false
  return runnersEnvironment()?.get(name) !== value
}

/** Whether a command does not inherit what stands in the environment of the tests. */
const isWithheld = (name: string, value: string | undefined): boolean =>
  isNameWithheld(name) || isTheRunnersValue(name, value)

/** The base of every command's environment: the worker's own, less what a command does not inherit. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  const inherited: NodeJS.ProcessEnv = {}
  // Each name and each value of process.env is a call into the system: they are asked for once.
  for (const name of Object.keys(process.env)) {
    const value = process.env[name]
    if (!isWithheld(name, value)) inherited[name] = value
    else if (byValue.has(`${name}=${value}`)) inherited[name] = runnersEnvironment()?.get(name)
  }
  return inherited
}

/**
 * What somebody has asked for in an environment: all of it, unless it is a copy of this process's own, such as
 * `{ ...process.env, PORT: '3000' }`, which brings along what is the runner's.
 */
export function askedFor(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const path = environment['PATH']
  const isCopy = path !== undefined && path === process.env['PATH']
  const hasMark = Object.keys(environment).some((name) => name.startsWith('PROCTOR_OUTSIDE_'))
  if (!isCopy && !hasMark) return environment
  const isCopied = (name: string, value: string | undefined): boolean =>
    name.startsWith('PROCTOR_OUTSIDE_') || process.env[name] === value
  const asked = Object.entries(environment).filter(
    ([name, value]) => !(isCopied(name, value) && isWithheld(name, value)),
  )
  return Object.fromEntries(asked)
}

/** An environment as the system has it: a number is written in decimal. */
export const inDecimal = (environment: Readonly<Record<string, string | number | undefined>>): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value === undefined ? undefined : String(value)]),
  )
