import { createHook } from 'node:async_hooks'
import { constants } from 'node:os'
import { every, soon } from '../base/clock.js'
import { realProcess } from '../base/real-process.js'
import { onceAWorker } from '../base/shelf.js'
import type { PosixSpawn, Waited } from './posix-spawn.js'

// The children that this package started itself, by posix_spawn, and so has to wait for. libuv waits for its own, one
// by one, and leaves these alone. Which they are, everybody in this worker must know: a wait by somebody else would
// swallow the exit. So they are kept once a worker, as is who listens: the guardian is one of them, and lives on when
// Jest renews these modules for the next file.

/** Signals that hardly anybody listens to. */
const unused: readonly NodeJS.Signals[] = ['SIGURG', 'SIGIO', 'SIGCHLD']
/** ms between two looks at children of whose exit no signal told. */
const slowly = 500

type Exit = Exclude<Waited, 'running'>
type OnExit = (exit: Exit) => void

interface Child {
  readonly wait: () => Waited
  readonly onExit: OnExit
}

interface OwnChildren {
  readonly children: Map<number, Child>
  stopListening: (() => void) | undefined
}

const own = onceAWorker('own-children.2', (): OwnChildren => ({ children: new Map(), stopListening: undefined }))
const { children } = own

/** Whether this package started a child by itself and has not waited for it: nobody else may. */
export const isOwnChild = (pid: number): boolean => children.has(pid)

/** Waits for a child from here on. `onExit` is called once, never from inside a call of this module's users. */
export function awaitChild(calls: PosixSpawn, pid: number, onExit: OnExit): void {
  children.set(pid, { wait: () => calls.wait(pid), onExit })
  if (own.stopListening !== undefined) return
  own.stopListening = listen()
  // Its signal may have come before anybody listened.
  soon(lookAtAll)
}

/** Looks whether a child has exited, where the news of it may be on its way. */
function look(pid: number, { wait, onExit }: Child): void {
  const waited = wait()
  if (waited === 'running') return
  children.delete(pid)
  onExit(waited)
}

function lookAtAll(): void {
  for (const [pid, child] of children) look(pid, child)
}

/** With the last child it is not over at once: the next test starts the next one a moment later. */
function lookNowAndThen(): void {
  lookAtAll()
  if (children.size > 0) return
  own.stopListening?.()
  own.stopListening = undefined
}

function listen(): () => void {
  const stopSignal = onChildSignal(lookAtAll)
  // Timers come before what has been written is read: an exit that was told first would cut its output off.
  const stopLooking = every(slowly, () => void soon(lookNowAndThen))
  return () => {
    stopSignal()
    stopLooking()
  }
}

interface SignalHandle {
  onsignal: () => void
  start(signal: number): number
  unref(): void
  close(): void
}

/**
 * Calls back on SIGCHLD. Not by process.on: tests count its listeners, and remove all of them. It keeps the process alive
 * no more than a listener does: whoever waits for something has a timer that does.
 */
function onChildSignal(callback: () => void): () => void {
  const Signal = (signalClass ??= findSignalClass())
  const handle = new Signal()
  handle.onsignal = callback
  handle.start(constants.signals.SIGCHLD)
  handle.unref()
  return () => handle.close()
}

let signalClass: (new () => SignalHandle) | undefined

/** Node makes a handle for the first listener of a signal, and names it to async_hooks. */
function findSignalClass(): new () => SignalHandle {
  let found: (new () => SignalHandle) | undefined
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'SIGNALWRAP') found = resource.constructor as new () => SignalHandle
    },
  }).enable()
  const unheard = (): void => {}
  const signal = unused.find((name) => realProcess.listenerCount(name) === 0) ?? 'SIGCHLD'
  realProcess.on(signal, unheard)
  realProcess.off(signal, unheard)
  hook.disable()
  if (found === undefined) throw new Error('Node has not said what it makes of a signal.')
  return found
}
