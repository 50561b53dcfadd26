import { brand, isBranded, printed, withoutFrames } from './error-text.js'
import { escapeText } from './escape.js'

/**
 * Whether an object has a class of this name in its prototypes. This holds for the class of any copy of this package.
 */
function hasClass(value: object, name: string): boolean {
  for (let each: unknown = Object.getPrototypeOf(value); each !== null; each = Object.getPrototypeOf(each)) {
    if (Object.hasOwn(each as object, 'name') && (each as { name: unknown }).name === name) return true
  }
  return false
}

/** Every error of this package is an instance of this class, also across the ESM and the CommonJS build. */
export class ProctorError extends Error {
  static {
    Object.defineProperty(this.prototype, brand, { value: true })
    Object.defineProperty(this.prototype, 'name', { value: 'ProctorError', writable: true, configurable: true })
  }

  /**
   * An error made by any copy of this package is an instance of the class of that name. `jest.resetModules()` makes a
   * second copy, and a package built for ESM and CommonJS has two.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true
    const prototype = this.prototype as { name: string }
    // A user's class that extends one of ours has no name of its own there.
    return Object.hasOwn(prototype, 'name') && isProctorError(value) && hasClass(value, prototype.name)
  }

  constructor(message?: string, options?: ErrorOptions) {
    super(message, options)
    // Most runners print the stack, which contains the message, and so what a command wrote.
    this.stack = escapeText(this.stack ?? '')
  }

  /**
   * For a runner that sends errors to its reporters. It would print every other field below the message, and what a
   * command wrote without escapes.
   */
  toJSON(): { name: string; message: string } {
    return { name: this.name, message: printed(this) }
  }
}

/** Whether `error` is from this package and, if a name is given, has exactly that name. A subclass has not. */
export const isProctorError = isBranded as (error: unknown, name?: string) => error is ProctorError

const named = (constructor: { prototype: object }, name: string): void => {
  Object.defineProperty(constructor.prototype, 'name', { value: name, writable: true, configurable: true })
}

/** Sets fields that code can read, but that a runner does not print below the message. */
function setQuietly(error: Error, fields: object): void {
  for (const [name, value] of Object.entries(fields)) {
    Object.defineProperty(error, name, { value, enumerable: false, configurable: true, writable: true })
  }
}

/** What is known about a command when an error about it is made. */
export interface CommandState {
  /** The command as a shell would show it. */
  readonly command: string
  readonly exitCode: number | null
  readonly exitSignal: NodeJS.Signals | null
  /** stdout and stderr in the order of the reads, or the screen of a terminal. */
  readonly output: string
  /** Whether the end of its test has ended it. The rest of an `aroundEach` runs after that, and may still ask. */
  readonly isPastTest?: boolean
}

/** What a sentence about such an exit ends with. */
export const endOfTest = ({ isPastTest = false }: Pick<CommandState, 'isPastTest'>): string =>
  isPastTest ? ', at the end of its test' : ''

/** A message shown beside an error. No line has raised it, so it has no frames. */
function stackless(message: string): ProctorError {
  const error = new ProctorError(message)
  withoutFrames(error)
  return error
}

function because(error: Error, cause: string): void {
  Object.defineProperty(error, 'cause', { value: stackless(cause), configurable: true })
}

/** The errors that carry the state of a command. */
export class CommandError extends ProctorError implements CommandState {
  declare readonly command: string
  declare readonly exitCode: number | null
  declare readonly exitSignal: NodeJS.Signals | null
  declare readonly output: string

  constructor(message: string, state: CommandState) {
    super(message)
    const { command, exitCode, exitSignal, output } = state
    setQuietly(this, { command, exitCode, exitSignal, output })
    if (state.isPastTest === true) because(this, 'The end of its test has ended it.')
  }
}
named(CommandError, 'CommandError')

const withOutput = (sentence: string, state: CommandState): string => `${sentence}. Output:\n${state.output.trimEnd()}`

/** The code is unknown if nobody could wait for the process. */
const howItEnded = ({ exitCode, exitSignal }: CommandState, label: string): string =>
  exitSignal === null ? `${label}${exitCode ?? 'unknown'}` : `signal ${exitSignal}`

const longest = 1000

/** A command line for a message: its beginning, without control characters. */
const shorten = (command: string): string =>
  (command.length <= longest ? command : `${command.slice(0, longest)}… (${command.length} characters)`).replaceAll(
    // oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for.
    /[\0-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )

export const seconds = (ms: number): string => `${ms / 1000} seconds`

/** The process exited although the test counted on it to run, and the test had not looked at the exit yet. */
export class UnexpectedExitError extends CommandError {
  constructor(state: CommandState) {
    super(withOutput(`Process unexpectedly exited with ${howItEnded(state, 'exit code ')}`, state), state)
  }
}
named(UnexpectedExitError, 'UnexpectedExitError')

/** The process has exited, the test knows that, and asks for something that only a running process can do. */
export class AlreadyExitedError extends CommandError {
  constructor(state: CommandState) {
    super(withOutput(`Process already exited with ${howItEnded(state, '')}`, state), state)
  }
}
named(AlreadyExitedError, 'AlreadyExitedError')

/** `waitForSuccessfulExit` saw an exit code other than 0, or a signal. */
export class FailedExitError extends CommandError {
  constructor(state: CommandState) {
    super(withOutput(`Process exited with ${howItEnded(state, 'non-zero exit code ')}`, state), state)
  }
}
named(FailedExitError, 'FailedExitError')

/** What a timeout says in addition to the output so far. */
export interface WaitTimeoutDetails {
  /** Printed below the output. */
  readonly note?: string | undefined
  readonly cause?: string | undefined
  /** Lines of help. */
  readonly help?: readonly string[] | undefined
}

/** A wait took longer than its `timeout`. Nothing was killed because of that. */
export class WaitTimeoutError extends CommandError {
  /** Milliseconds. */
  declare readonly timeoutMs: number

  constructor(state: CommandState, timeoutMs: number, { note, cause }: WaitTimeoutDetails = {}) {
    const output = `Timed out after ${seconds(timeoutMs)}:\n\n${state.output.trimEnd()}`
    super(note === undefined ? output : `${output}\n\n${note}`, state)
    setQuietly(this, { timeoutMs })
    if (cause !== undefined) because(this, cause)
  }

  /** Without its cause, which is in the help below the message: a runner would print it a second time. */
  override toJSON(): { name: string; message: string; cause?: string } {
    return { ...super.toJSON(), ...(this.cause === undefined ? {} : { cause: '' }) }
  }
}
named(WaitTimeoutError, 'WaitTimeoutError')

/** The command ran longer than its `timeout`, and its whole tree was killed. */
export class CommandTimeoutError extends CommandError {
  /** Milliseconds. */
  declare readonly timeoutMs: number

  constructor(state: CommandState, timeoutMs: number) {
    super(
      `Command timed out after ${seconds(timeoutMs)} and was killed: ${shorten(state.command)}\n\n${state.output.trimEnd()}`,
      state,
    )
    setQuietly(this, { timeoutMs })
  }
}
named(CommandTimeoutError, 'CommandTimeoutError')

/** How many folders of a PATH a message shows. */
const mostFolders = 5

/** The first folders of a PATH, each once. The node_modules/.bin of the folders around the project are left out. */
function shortPath(path: string): string {
  const [first = '', ...others] = new Set(path.split(':'))
  const folders = [first, ...others.filter((folder) => !folder.endsWith('/node_modules/.bin'))]
  const more = folders.length - mostFolders
  return more <= 0 ? folders.join(':') : `${folders.slice(0, mostFolders).join(':')}:… (${more} more)`
}

/** The program could not be started. */
export class SpawnError extends ProctorError {
  declare readonly command: string
  declare readonly cwd: string
  /** The PATH that was searched. */
  declare readonly path: string | undefined
  /** The system's code: ENOENT, EACCES … */
  declare readonly code: string | undefined

  constructor(
    reason: string,
    details: { command: string; cwd: string; path?: string; code?: string; cause?: unknown },
  ) {
    const lines = [`Cannot start ${shorten(details.command)}: ${reason}`, `  cwd:  ${details.cwd}`]
    if (details.path !== undefined) lines.push(`  PATH: ${shortPath(details.path)}`)
    super(lines.join('\n'), { cause: details.cause })
    const { command, cwd, path, code } = details
    setQuietly(this, { command, cwd, path, code })
  }
}
named(SpawnError, 'SpawnError')

/** Something outlived its command, or survived SIGKILL. `report` has the findings as data. */
export class LeakedProcessError<Report = unknown> extends ProctorError {
  declare readonly report: Report
  /** The other findings of the same teardown, as errors. */
  declare readonly errors: readonly Error[]

  constructor(message: string, report: Report, errors: readonly Error[] = []) {
    super(message)
    setQuietly(this, { report, errors })
  }
}
named(LeakedProcessError, 'LeakedProcessError')

/** A process that is not the command's listens on a port or a unix socket. */
export class PortInUseError extends ProctorError {
  /** The port, or the path of the socket. */
  declare readonly port: number | string
  /** The process that holds it, if that is known. */
  declare readonly holder: { readonly pid: number; readonly command: string } | undefined

  constructor(message: string, port: number | string, holder?: { readonly pid: number; readonly command: string }) {
    super(message)
    setQuietly(this, { port, holder })
  }
}
named(PortInUseError, 'PortInUseError')

/** A pid file does not contain a pid to look at. */
export class PidFileError extends ProctorError {
  declare readonly file: string

  constructor(message: string, file: string) {
    super(message)
    setQuietly(this, { file })
  }
}
named(PidFileError, 'PidFileError')

/** A path leaves the workspace, or a file operation in the workspace failed. */
export class WorkspaceError extends ProctorError {
  declare readonly path: string

  constructor(message: string, path: string, options?: ErrorOptions) {
    super(message, options)
    setQuietly(this, { path })
  }
}
named(WorkspaceError, 'WorkspaceError')

/** An optional package that is needed for this call is not installed, or cannot be loaded. */
export class MissingDependencyError extends ProctorError {
  declare readonly packageName: string
  /** The command that installs it. */
  declare readonly install: string

  constructor(message: string, details: { packageName: string; install: string }) {
    super(message)
    setQuietly(this, details)
  }
}
named(MissingDependencyError, 'MissingDependencyError')

/** The requested containment is unavailable here, or emptiness could not be proven. */
export class ContainmentError extends ProctorError {}
named(ContainmentError, 'ContainmentError')
