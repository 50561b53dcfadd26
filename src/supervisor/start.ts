import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { childLedger } from '../containment/child-ledger.js'
import { awaitChild } from '../system/own-children.js'
import { entriesOf, nativeCalls, type PosixSpawn } from '../system/posix-spawn.js'
import type { Words } from './exact-words.js'

// Starts the command in our own session and group. Node reports a death by a real-time signal as exit code 0, so where
// the system calls are available, we start the command and wait for it ourselves.

/** A child of ours that looks like one of Node's to those who watch what is started. */
class Child extends EventEmitter {
  pid: number | undefined
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  readonly stdout = null
  readonly stderr = null
  readonly spawnargs: readonly string[]

  constructor({ command, args }: Words) {
    super()
    this.spawnargs = [command, ...args]
  }

  start(calls: PosixSpawn, inherited: readonly number[]): void {
    // Whoever watches gives us a mark now, which the command inherits.
    childLedger().announce(this as unknown as ChildProcess)
    const [file] = this.spawnargs
    this.pid = calls.spawnBeside({ file: file!, args: this.spawnargs, env: entriesOf(process.env), inherited })
    awaitChild(calls, this.pid, (exit) => {
      const { code, signal } = exit === 'not a child' ? { code: 1, signal: null } : exit
      this.exitCode = code
      this.signalCode = signal
      this.emit('exit', code, signal)
    })
  }

  /** It was announced, and has not started. */
  fail(): void {
    this.exitCode = -1
    this.emit('exit', -1, null)
  }
}

/** Starts a command with these descriptors. It has no pid, and an error is on its way, if it could not be started. */
export function startCommand(words: Words, stdio: readonly (number | 'ignore')[]): ChildProcess {
  const calls = nativeCalls()
  if (calls === undefined) return spawn(words.command, words.args, { stdio: [...stdio] })
  const child = new Child(words)
  try {
    child.start(
      calls,
      stdio.filter((each) => each !== 'ignore'),
    )
    return child as unknown as ChildProcess
  } catch {
    // A script without a `#!` line, or a command that cannot be started: Node starts the one, and says why not the other.
    child.fail()
    return spawn(words.command, words.args, { stdio: [...stdio] })
  }
}
