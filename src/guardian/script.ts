import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { startUnmarked } from '../containment/locks-mark.js'
import { startOwn } from '../containment/own-starts.js'
import { awaitChild } from '../system/own-children.js'
import { entriesOf, nativeCalls, type PosixSpawn } from '../system/posix-spawn.js'

// How the guardian's script is started: as commands are, without a copy of this process. Node's own spawn would stop a
// large worker for as long as its first test takes otherwise.

const shell = '/bin/sh'

/** The script: the leader of a session, that reads what it is told. */
export interface Script {
  readonly pid: number | undefined
  tell(text: string): void
}

interface Started {
  readonly script: string
  readonly token: string
  readonly env: NodeJS.ProcessEnv
  /** It has exited, or could not be started at all. */
  readonly onEnd: (reason: 'exited' | 'not started') => void
}

/** Starts the script. Nothing of it keeps this process alive. Undefined where it cannot be started now. */
export function startScript(started: Started): Script | undefined {
  const calls = nativeCalls()
  return calls === undefined ? startPortably(started) : startNatively(calls, started)
}

/** What is written to a guardian that has died fails with EPIPE: its end is told by itself. */
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
    return undefined // No descriptors, or no processes, are left.
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor)
  }
}

function startPortably({ script, token, env, onEnd }: Started): Script {
  const begin = () =>
    spawn(shell, [script, token], { cwd: '/', detached: true, env, stdio: ['pipe', 'ignore', 'ignore'] })
  const child = startUnmarked(() => startOwn(begin))
  child.unref()
  child.on('error', () => onEnd('not started'))
  child.once('exit', () => onEnd('exited'))
  return toScript(child.pid, child.stdin)
}
