import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import type { execa as Execa, Options, ResultPromise } from 'execa'
import { SpawnError } from '../../base/errors.js'
import { startOwn } from '../../containment/own-starts.js'
import { table } from '../../system/process-table/current.js'
import { standardStreams } from '../../system/process-table/linux.js'
import { Pipes } from '../pipes.js'
import type { Transport } from '../transport.js'

// The sole importer of execa. It is loaded when the first fixture is made: its import is slow.

let execa: typeof Execa | undefined

/** Loads execa, once. */
export async function prepareSpawn(): Promise<void> {
  execa ??= (await import('execa')).execa
}

export interface SpawnRequest {
  readonly command: string
  readonly args: readonly string[]
  /** As a shell would show it, for errors. */
  readonly display: string
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly shell: boolean | string
}

/** What of the runner's own variables a command does not get. */
const isRunnersOwn = (name: string): boolean =>
  name.startsWith('VITEST') ||
  name === 'PROCTOR_THREADS' ||
  name === 'JEST_WORKER_ID' ||
  name === 'FORCE_TTY' ||
  name.startsWith('PROCTOR_OUTSIDE_')

/** What Vitest puts into a worker's environment besides, with the values that it puts there. */
const vitestsOwn: Readonly<Record<string, string>> = { TEST: 'true', DEV: '1', PROD: '', MODE: 'test', BASE_URL: '/' }

/** The base of every command's environment: the worker's own, less what the runner put there. */
export const inheritedEnvironment = (): NodeJS.ProcessEnv => lessRunnersOwn(process.env)

/**
 * What somebody has asked for in an environment: all of it, unless it is a copy of this process's own, such as
 * `{ ...process.env, PORT: '3000' }`, which brings along what is the runner's.
 */
export function askedFor(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const path = environment['PATH']
  const isCopy = path !== undefined && path === process.env['PATH']
  const hasMark = Object.keys(environment).some((name) => name.startsWith('PROCTOR_OUTSIDE_'))
  return isCopy || hasMark ? lessRunnersOwn(environment) : environment
}

/** An environment less what the runner, or this package, put there. */
export function lessRunnersOwn(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isInVitest = process.env['VITEST'] !== undefined
  const isVitests = (name: string, value: string | undefined): boolean =>
    name === 'SSR' || (Object.hasOwn(vitestsOwn, name) && vitestsOwn[name] === value)
  const rest: NodeJS.ProcessEnv = {}
  // Of process.env each name and each value is a call into the system: they are asked for once.
  for (const name of Object.keys(environment)) {
    if (isRunnersOwn(name)) continue
    const value = environment[name]
    if (!(isInVitest && isVitests(name, value))) rest[name] = value
  }
  return rest
}

const isSameFile = (a: string, b: string): boolean => {
  try {
    return realpathSync(a) === realpathSync(b)
  } catch {
    return false // Not there.
  }
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** The first file of this name on a PATH. */
export function search(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

const searched = new Map<string, string>()

/** The current folder of the tests, or the root when somebody has removed it. */
function currentFolder(): string {
  try {
    return process.cwd()
  } catch {
    return '/'
  }
}

/** PATH with the project's node_modules/.bin first, and such that `node` is the Node that runs the tests. */
export function searchPath(path: string): string {
  const cwd = currentFolder()
  const key = `${cwd}${delimiter}${path}`
  let result = searched.get(key)
  if (result === undefined) {
    const binaries: string[] = []
    for (let folder = cwd; ; folder = dirname(folder)) {
      binaries.push(join(folder, 'node_modules', '.bin'))
      if (folder === dirname(folder)) break
    }
    const local = [...binaries, path].join(delimiter)
    const node = search('node', local)
    const isOurs = node !== undefined && isSameFile(node, process.execPath)
    const own = isOurs || basename(process.execPath) !== 'node' ? [] : [dirname(process.execPath)]
    result = [...binaries, ...own, path].join(delimiter)
    searched.set(key, result)
  }
  return result
}

/** Says why a program could not be started: execvp(3) has one word, ENOENT, for three different mistakes. */
export function explain(error: unknown, request: SpawnRequest): SpawnError {
  const cause = error as NodeJS.ErrnoException & { originalMessage?: string }
  const { cwd, display, env, shell } = request
  // With a shell it is the shell that could not be started: what is wrong in its text is for the shell to say.
  const command = typeof shell === 'string' && shell !== '' ? shell : shell === true ? '/bin/sh' : request.command
  const subject = command === request.command ? undefined : `the shell ${command}`
  const isPath = command.includes('/')
  const code = cause.code ?? (cause.cause as NodeJS.ErrnoException | undefined)?.code
  const refuse = (reason: string): SpawnError =>
    new SpawnError(reason, { command: display, cwd, path: isPath ? undefined : env['PATH'], code })
  if (command === '') return refuse('the command is empty')
  if ([command, request.command, ...request.args].some((part) => part.includes('\0'))) {
    return refuse('the command line holds a NUL byte, which no program can be given')
  }
  try {
    if (!statSync(cwd).isDirectory()) return refuse('the cwd is no folder')
  } catch {
    return refuse('the cwd does not exist')
  }
  const hint = / /.test(command) ? '; arguments go into the second parameter, a command line needs { shell: true }' : ''
  const file = isPath ? join(command.startsWith('/') ? '' : cwd, command) : undefined
  // Every refusal of the system's has a code.
  if (code === undefined) {
    return refuse(`child_process started nothing (${cause.originalMessage ?? cause.message}); is it mocked here?`)
  }
  if (code === 'E2BIG') return refuse('the arguments and the environment are too long for the system (E2BIG)')
  if (code === 'EAGAIN') return refuse('the system has no room for another process (EAGAIN)')
  if (code === 'EMFILE' || code === 'ENFILE') return refuse(`too many files are open (${code})`)
  if (file === undefined) {
    return refuse(
      code === 'EACCES' ? 'the file on PATH is not executable (EACCES)' : `no such command on PATH (ENOENT)${hint}`,
    )
  }
  try {
    if (statSync(file).isDirectory()) return refuse(`${subject ?? 'it'} is a folder`)
  } catch {
    return refuse(subject === undefined ? `no such file (${code})${hint}` : `${subject} does not exist (${code})`)
  }
  if (code === 'EACCES') return refuse(`${subject ?? 'the file'} is not executable (EACCES)`)
  if (code === 'ENOENT') return refuse('the file is there, but the interpreter in its first line is not (ENOENT)')
  return refuse(`${cause.originalMessage ?? cause.message}`)
}

/**
 * Starts a program as the leader of a session and a group of its own, its standard streams as pipes.
 *
 * @returns the running program, or the promise of the reason why it could not be started.
 */
export function start(request: SpawnRequest): Transport | Promise<SpawnError> {
  if (execa === undefined) throw new Error('prepareSpawn() was not awaited.')
  const options: Options = {
    buffer: false,
    cleanup: false,
    cwd: request.cwd,
    detached: true,
    encoding: 'buffer',
    env: request.env,
    extendEnv: false,
    reject: false,
    shell: request.shell,
    stdio: 'pipe',
    stripFinalNewline: false,
  }
  let subprocess: ResultPromise
  try {
    const begin = execa
    subprocess = startOwn(() => begin(request.command, [...request.args], options))
  } catch (error) {
    return Promise.resolve(explain(error, request))
  }
  const child = subprocess as unknown as ChildProcess
  const record = child.pid === undefined ? undefined : table.identify(child.pid)
  if (child.pid === undefined || record === undefined) {
    return Promise.resolve(subprocess).then((result) => explain(result, request))
  }
  // Its promise is not what we wait for, and must not become an unhandled rejection.
  subprocess.catch(() => {})
  const identity = { pid: record.pid, startTime: record.startTime }
  return new Pipes(child, identity, table.name === 'linux' ? standardStreams(record.pid) : [])
}
