import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { startUnmarked } from '../containment/locks-mark.js'
import { startOwn } from '../containment/own-starts.js'
import { awaitChild } from '../system/own-children.js'
import { entriesOf, nativeCalls, type PosixSpawn } from '../system/posix-spawn.js'

// Starts the guardian's script as commands are started, without a fork of this process. Node's own spawn would block a large
// worker for as long as a short test takes.

const shell = '/bin/sh'

/** The running script. It leads a session, and reads lines from its standard input. */
export interface Script {
  readonly pid: number | undefined
  tell(text: string): void
}

interface Started {
  readonly script: string
  readonly token: string
  readonly env: NodeJS.ProcessEnv
  /** Called when the script has exited, or could not be started. */
  readonly onEnd: (reason: 'exited' | 'not started') => void
}

/** Starts the script, which does not keep this process alive. Undefined when it cannot be started now. */
export function startScript(started: Started): Script | undefined {
  const calls = nativeCalls()
  return calls === undefined ? startPortably(started) : startNatively(calls, started)
}

/** Ignores errors of the pipe: a write to a dead guardian fails with EPIPE, and its exit is announced anyway. */
function toScript(pid: number | undefined, stdin: NodeJS.WritableStream & { unref?: () => void }): Script {
  stdin.unref?.()
  stdin.on('error', () => {})
  return { pid, tell: (text) => void stdin.write(text) }
}

function startNatively(calls: PosixSpawn, { script, token, env, onEnd }: Started): Script | undefined {
  const descriptors: number[] = []
  let stdin: Socket | undefined
  try {
    const { readEnd: input, writeEnd } = calls.pipe()
    descriptors.push(input)
    stdin = new Socket({ fd: writeEnd, readable: false, writable: true })
    const nothing = calls.nothing()
    descriptors.push(nothing)
    const spawned = {
      file: shell,
      args: [shell, script, token],
      env: entriesOf(env),
      cwd: '/',
      streams: [input, nothing, nothing] as const,
    }
    const { pid } = startUnmarked(() => startOwn(() => ({ pid: calls.spawn(spawned) })))
    awaitChild(calls, pid, () => onEnd('exited'))
    return toScript(pid, stdin)
  } catch {
    stdin?.destroy()
    return undefined // There are no more descriptors, or no more processes.
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor)
  }
}

function startPortably({ script, token, env, onEnd }: Started): Script | undefined {
  const begin = () =>
    spawn(shell, [script, token], { cwd: '/', detached: true, env, stdio: ['pipe', 'ignore', 'ignore'] })
  const child = startUnmarked(() => startOwn(begin))
  child.on('error', () => onEnd('not started'))
  // If no descriptors are left, Node returns a child without streams, and without a handle to unref.
  if (child.pid === undefined) return undefined
  child.unref()
  child.once('exit', () => onEnd('exited'))
  return toScript(child.pid, child.stdin)
}
