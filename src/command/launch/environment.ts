import { readFileSync } from 'node:fs'
import { realProcess } from '../../base/real-process.js'
import { table } from '../../system/process-table/current.js'

// A command gets the environment of the tests, without what the runner set for its workers, and without what describes
// the tests and not the command: the repository whose hook runs them, and their terminal.

/** Variables that commands do not inherit, and why. docs/environment.md has the same table for people. */
export interface NotInherited {
  /** A name may end in `*` (any ending), or be `NAME=value` (only this value). */
  readonly names: readonly string[]
  readonly why: string
}

/** Set by the runner, or by this package, for the processes that run tests. */
const ofTheRunner: NotInherited[] = [
  { names: ['VITEST*', 'FORCE_TTY'], why: 'Vitest sets them for its workers' },
  { names: ['JEST_WORKER_ID'], why: 'Jest numbers its workers' },
  {
    names: ['NODE_TEST_CONTEXT', 'NODE_TEST_WORKER_ID', 'WATCH_REPORT_DEPENDENCIES'],
    why: 'node:test marks its test files with them. A `node --test` that a test starts would report to nobody and exit with 0',
  },
  { names: ['TEST_WORKER_INDEX', 'TEST_PARALLEL_INDEX'], why: 'Playwright numbers its workers' },
  { names: ['MOCHA_WORKER_ID'], why: 'Mocha numbers its workers' },
  {
    names: ['PROCTOR_OUTSIDE_*', 'PROCTOR_THREADS', 'PROCTOR_COVERAGE', 'PROCTOR_COVERAGE_OUTER', 'PROCTOR_SERVER'],
    why: 'with them proctor tells the tests from their commands',
  },
]

/** Set by the runner to these values. The command gets the value that the runner itself was started with, if any. */
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

/** These describe where the tests run, not the command. */
const ofTheSurroundings: NotInherited[] = [
  {
    // `git rev-parse --local-env-vars` of every version, and the quarantine folder of a push.
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
    why: 'git sets them for its hooks. With them, `git commit` in a workspace would commit to the repository whose hook runs the tests',
  },
  {
    names: ['PWD', 'OLDPWD'],
    why: 'they name the folder of the tests. With it, `rm -rf $(PWD)/build` in a Makefile would remove the build of the project. `PWD` is the folder of the command',
  },
  {
    names: [
      'INIT_CWD',
      'LERNA_ROOT_PATH',
      'NX_WORKSPACE_ROOT',
      'NX_WORKSPACE_ROOT_PATH',
      'PROJECT_CWD',
      'npm_config_local_prefix',
      'npm_package_json',
    ],
    why: 'npm, pnpm, yarn, nx and lerna set them for the script that runs the tests. A program that goes by them would work on the project and not on the workspace',
  },
  {
    names: ['CARGO_MAKEFLAGS', 'MAKEFLAGS', 'MAKELEVEL', 'MAKEOVERRIDES', 'MAKE_TERMERR', 'MAKE_TERMOUT', 'MFLAGS'],
    why: 'make sets them for what it runs. After `make test DESTDIR=/`, `make install` in a workspace would install to `/`',
  },
  {
    names: [
      'ALACRITTY_*',
      'COLORFGBG',
      'COLORTERM',
      'CONTOUR_*',
      'CURSOR_TRACE_ID',
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
      'TABBY_*',
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
      'WAVETERM*',
      'WEZTERM_*',
      'WINDOW',
      'WINDOWID',
      'WT_*',
      'XTERM_*',
      'ZED_TERM',
      'ZELLIJ',
      'ZELLIJ_*',
    ],
    why: 'they describe the terminal that the tests run in. A program would draw for that terminal, so a test could pass in one terminal and fail in another',
  },
]

/** What a command in its own terminal does not inherit either. */
export const ofAnotherTerminal: NotInherited = {
  names: ['COLUMNS', 'LINES', 'TERMCAP', 'TERMINFO'],
  why: 'its terminal has a size and a kind of its own',
}

/** All these lists. */
export const notInherited: readonly NotInherited[] = [...ofTheRunner, ...ofTheRunnerByValue, ...ofTheSurroundings]

/** Makes a function that says whether a variable is in one of these lists. */
export function matcherOf(lists: readonly NotInherited[]): (name: string) => boolean {
  const names = lists.flatMap((list) => list.names)
  const exact = new Set(names)
  const prefixes = names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))
  // One expression: every command checks every variable.
  const pattern = new RegExp(`^(?:${prefixes.join('|')})`)
  return (name) => exact.has(name) || (prefixes.length > 0 && pattern.test(name))
}

const isNeverInherited = matcherOf([...ofTheRunner, ...ofTheSurroundings])

/** Whether a variable is inherited. `by value`: unless it has a value that the runner gives it. */
type Inheritance = 'always' | 'never' | 'by value'

/** The answers so far. A command has some forty variables, and mostly the same ones as the command before. */
const answers = new Map<string, Inheritance>()
const mostAnswers = 1000

function inheritanceOf(name: string): Inheritance {
  const known = answers.get(name)
  if (known !== undefined) return known
  if (answers.size >= mostAnswers) answers.clear()
  const answer = isNeverInherited(name) ? 'never' : namesByValue.has(name) ? 'by value' : 'always'
  answers.set(name, answer)
  return answer
}

/** The environment that a process was started with, if the system keeps it. */
function firstEnvironmentOf(pid: number | 'self'): ReadonlyMap<string, string> | undefined {
  if (table.name !== 'linux') return undefined
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]))
  } catch {
    return undefined // Another user's, or gone.
  }
}

/**
 * The environment that the runner was started with. Read once: the runner is the worker's parent for the worker's whole
 * life.
 */
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

/** Whether the runner has set this value: the runner's own environment does not have it. */
function isTheRunnersValue(name: string, value: string | undefined): boolean {
  const suspects = byValue.get(`${name}=${value}`) ?? []
  if (![...suspects].some((runner) => process.env[runner] !== undefined)) return false
  return runnersEnvironment()?.get(name) !== value
}

/** Whether a command does not inherit this variable of the tests. */
function isWithheld(name: string, value: string | undefined): boolean {
  const inheritance = inheritanceOf(name)
  return inheritance === 'never' || (inheritance === 'by value' && isTheRunnersValue(name, value))
}

/**
 * A copy of the worker's environment. Every look at `process.env` is a system call of Node's own, and `{ ...process.env }`
 * looks twice at each variable.
 */
export function ownEnvironment(): NodeJS.ProcessEnv {
  const { env } = process
  const copy: NodeJS.ProcessEnv = {}
  for (const name of Object.getOwnPropertyNames(env)) copy[name] = env[name]
  return copy
}

/** The base of every command's environment: the worker's own, without the variables that a command does not inherit. */
export function inheritedEnvironment(own: Readonly<NodeJS.ProcessEnv> = ownEnvironment()): NodeJS.ProcessEnv {
  const inherited: NodeJS.ProcessEnv = {}
  for (const name of Object.keys(own)) {
    const value = own[name]
    if (!isWithheld(name, value)) inherited[name] = value
    else if (byValue.has(`${name}=${value}`)) inherited[name] = runnersEnvironment()?.get(name)
  }
  return inherited
}

/**
 * The part of an environment that somebody asked for. That is all of it, unless it is a copy of this process's own (`{
 * ...process.env, PORT: '3000' }`), which also contains what the runner set.
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

/** The environment with all values as text: numbers are written in decimal. */
export const inDecimal = (environment: Readonly<Record<string, string | number | undefined>>): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value === undefined ? undefined : String(value)]),
  )
