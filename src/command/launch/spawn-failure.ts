import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { SpawnError } from '../../base/errors.js'
import { isOnPath } from '../../system/on-path.js'
import type { SpawnRequest } from './request.js'

/** The file may be right, and its file system or a folder on the way to it is not. */
const notExecutable = (file: string): string =>
  (statSync(file).mode & 0o111) === 0o111
    ? 'has the mode of a program, and may not be executed: its file system may be mounted with noexec'
    : 'is not executable'

/** Explains why a program could not be started: execvp(3) reports three different mistakes as ENOENT. */
export function explain(error: unknown, request: SpawnRequest): SpawnError {
  const cause = error as NodeJS.ErrnoException & { originalMessage?: string }
  const { cwd, display, env, shell } = request
  // With `shell`, only the shell can fail to start. The shell itself reports what is wrong in the command line.
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
  const withNul = Object.keys(env).find((name) => `${name}=${env[name]}`.includes('\0'))
  if (withNul !== undefined) {
    return refuse(`the variable ${withNul.replaceAll('\0', '\\x00')} holds a NUL byte, which no program can be given`)
  }
  try {
    if (!statSync(cwd).isDirectory()) return refuse('the cwd is no folder')
  } catch {
    return refuse('the cwd does not exist')
  }
  try {
    accessSync(cwd, constants.X_OK)
  } catch {
    return refuse('the cwd may not be entered (EACCES)')
  }
  const hint = / /.test(command) ? '; arguments go into the second parameter, a command line needs { shell: true }' : ''
  const file = isPath ? join(command.startsWith('/') ? '' : cwd, command) : undefined
  // Every refusal by the system has a code.
  if (code === undefined) {
    return refuse(`child_process started nothing (${cause.originalMessage ?? cause.message}); is it mocked here?`)
  }
  if (code === 'E2BIG') return refuse('the arguments and the environment are too long for the system (E2BIG)')
  if (code === 'EAGAIN') return refuse('the system has no room for another process (EAGAIN)')
  if (code === 'EMFILE' || code === 'ENFILE') return refuse(`too many files are open (${code})`)
  const isOfFile = ['ENOENT', 'ENOTDIR', 'EACCES'].includes(code)
  if (file === undefined && !isOfFile) return refuse(`${cause.originalMessage ?? cause.message}`)
  if (file === undefined) {
    return refuse(
      code === 'EACCES' && isOnPath(command, env['PATH'], cwd)
        ? `${subject ?? 'the file'} on PATH is not executable (EACCES)`
        : subject === undefined
          ? `no such command on PATH (ENOENT)${hint}`
          : `${subject} is not on PATH (ENOENT)`,
    )
  }
  try {
    if (statSync(file).isDirectory()) return refuse(`${subject ?? 'it'} is a folder`)
  } catch {
    return refuse(subject === undefined ? `no such file (${code})${hint}` : `${subject} does not exist (${code})`)
  }
  if (code === 'EACCES') return refuse(`${subject ?? 'the file'} ${notExecutable(file)} (EACCES)`)
  if (code === 'ENOENT') return refuse('the file is there, but the interpreter in its first line is not (ENOENT)')
  return refuse(`${cause.originalMessage ?? cause.message}`)
}
